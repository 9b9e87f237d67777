//! Connection states.

use super::{Bad, Parsed};

/// A set of connection states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CtStates(pub u8);

/// One state; the discriminant is its bit. In the order in which names are tried, so that a prefix means the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CtState {
    /// Belongs to no connection.
    Invalid = 1,
    /// Begins a connection.
    New = 2,
    /// Belongs to a connection that has seen packets both ways.
    Established = 4,
    /// Begins a connection that another one expects.
    Related = 8,
    /// Not tracked (`-j CT --notrack`).
    Untracked = 16,
    /// Source was translated.
    Snat = 32,
    /// Destination was translated.
    Dnat = 64,
}

const TRIED: [(&str, CtState); 7] = [
    ("INVALID", CtState::Invalid),
    ("NEW", CtState::New),
    ("ESTABLISHED", CtState::Established),
    ("RELATED", CtState::Related),
    ("UNTRACKED", CtState::Untracked),
    ("SNAT", CtState::Snat),
    ("DNAT", CtState::Dnat),
];

const PRINTED: [(&str, CtState); 7] = [
    ("INVALID", CtState::Invalid),
    ("NEW", CtState::New),
    ("RELATED", CtState::Related),
    ("ESTABLISHED", CtState::Established),
    ("UNTRACKED", CtState::Untracked),
    ("SNAT", CtState::Snat),
    ("DNAT", CtState::Dnat),
];

impl CtStates {
    /// Reads a comma list of names; each may be any prefix, in any case, of a name; the first that fits is meant.
    /// `nat` says whether SNAT and DNAT are states here (`--ctstate`, not `--state`).
    ///
    /// # Errors
    /// `Form` for an unknown name or an empty part.
    pub fn parse(text: &[u8], nat: bool) -> Parsed<CtStates> {
        let known = if nat { TRIED.as_slice() } else { TRIED.get(..5).unwrap_or_default() };
        let mut states = 0;
        for part in text.split(|byte| *byte == b',') {
            let fits = |name: &str| {
                name.as_bytes().get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part))
            };
            match known.iter().find(|(name, _)| !part.is_empty() && fits(name)) {
                Some((_, state)) => states |= *state as u8,
                None => {
                    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                    return Err(Bad::form(format!("a list of {}", names.join(", "))));
                }
            }
        }
        Ok(CtStates(states))
    }

    /// Whether the state is in the set.
    pub fn has(self, state: CtState) -> bool {
        self.0 & state as u8 != 0
    }

    /// Appends the names, separated by commas.
    pub fn push(self, out: &mut Vec<u8>) {
        let mut first = true;
        for (name, state) in PRINTED {
            if self.has(state) {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                out.extend_from_slice(name.as_bytes());
            }
        }
    }
}

impl From<CtState> for CtStates {
    fn from(state: CtState) -> CtStates {
        CtStates(state as u8)
    }
}

impl<const N: usize> From<[CtState; N]> for CtStates {
    fn from(states: [CtState; N]) -> CtStates {
        states.into_iter().fold(CtStates::default(), |all, state| all | state)
    }
}

impl std::ops::BitOr<CtState> for CtStates {
    type Output = CtStates;
    fn bitor(self, state: CtState) -> CtStates {
        CtStates(self.0 | state as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_mean_the_first_name_and_related_is_printed_first() {
        let print = |text: &str| {
            let mut out = Vec::new();
            CtStates::parse(text.as_bytes(), true).unwrap().push(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(print("ESTABLISHED,RELATED"), "RELATED,ESTABLISHED");
        assert_eq!(print("e,n"), "NEW,ESTABLISHED");
        assert!(CtStates::parse(b"SNAT", false).is_err());
        assert!(CtStates::parse(b"FOO", true).is_err());
    }
}
