//! Reads what `iptables-restore` complains about. Every form below was seen on 1.8.9, legacy and nft, IPv4 and IPv6.
//!
//! ```text
//! NAME v1.8.9 (legacy): REASON␤Error occurred at line: 4          exit 2, a line or COMMIT
//! Bad argument `x'␤Error occurred at line: 4                      exit 2
//! NAME: line 4 failed                                              exit 1, a line; legacy: COMMIT too
//! NAME: line 4 failed: REASON.                                     exit 1, nft
//! NAME: COMMIT expected at line 4                                  exit 1, one past the end
//! NAME v1.8.9 (legacy): Can't set policy `X' on `Y' line 4: REASON exit 1
//! NAME v1.8.9 (nf_tables): ␤line 4: RULE_APPEND failed (REASON): rule in chain C    exit 4, once per refusal
//! Another app is currently holding the xtables lock. …             exit 4
//! Fatal: can't open lock file F: REASON                            exit 4
//! sendmsg() failed: Message too long␤NAME: line 4 failed: …        exit 1, nft in a user namespace; the last rule
//! NAME v1.8.9 (nf_tables): Could not fetch rule set generation id: REASON           exit 4 or 1
//! ```
//!
//! Names and values of the text occur inside these forms, but only a word that ends in a line break could start a
//! line with what follows it, and that is the tool's closing quote. So a form is looked for at the start of a line.

/// What kind of failure the words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A line, or all of a table, is refused.
    Refused,
    /// The kernel refused what the tool sent.
    Kernel,
    /// The table does not exist here, or may not be touched: legacy says the same for both.
    Table,
    /// Another program holds the lock.
    Lock,
    /// The lock file can't be opened.
    LockFile,
    /// Not root in this namespace.
    Permission,
    /// The kernel has no such back end.
    Backend,
    /// The kernel does not take so much in one message.
    Size,
}

/// A message, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) kind: Kind,
    /// As the tool counts, in the order of the message.
    pub(super) lines: Vec<u32>,
    /// Without names of programs, line numbers and advice; may be empty.
    pub(super) reason: String,
}

/// Reads a message.
pub(super) fn read(message: &str) -> Complaint {
    let mut complaint = Complaint { kind: Kind::Refused, lines: Vec::new(), reason: String::new() };
    for line in message.lines() {
        complaint.add(without_program(line).trim());
    }
    complaint
}

impl Complaint {
    fn add(&mut self, line: &str) {
        if line.is_empty() || is_noise(line) {
            return;
        }
        if let Some(number) = line.strip_prefix("Error occurred at line: ").and_then(whole) {
            self.lines = vec![number];
        } else if let Some(number) = line.strip_prefix("COMMIT expected at line ").and_then(whole) {
            self.lines = vec![number];
            self.because("COMMIT expected");
        } else if let Some((number, rest)) = line.strip_prefix("line ").and_then(leading) {
            self.add_numbered(number, rest);
        } else {
            self.add_unnumbered(line);
        }
    }

    /// `line N` and the rest behind the number.
    fn add_numbered(&mut self, number: u32, rest: &str) {
        if let Some(reason) = rest.strip_prefix(" failed") {
            let reason = reason.trim_start_matches(": ").trim_end_matches('.');
            if reason.starts_with("Permission denied") {
                self.kind = Kind::Permission;
            }
            self.lines.push(number);
            self.because(reason);
        } else if let Some(reason) = rest.strip_prefix(": ") {
            self.kind = Kind::Kernel;
            self.lines.push(number);
            // Of many refusals the first is the cause; the others may follow from it.
            if self.reason.is_empty() {
                self.because(reason);
            }
        } else {
            if rest.starts_with(" table name '") {
                self.kind = Kind::Table;
            }
            self.because(rest.trim());
        }
    }

    fn add_unnumbered(&mut self, line: &str) {
        if line.starts_with("Another app is currently holding the xtables lock") {
            self.kind = Kind::Lock;
        } else if line.starts_with("Fatal: can't open lock file") {
            self.kind = Kind::LockFile;
        } else if line.starts_with("Could not fetch rule set generation id: Permission denied") {
            self.kind = Kind::Permission;
        } else if line.starts_with("Could not fetch rule set generation id: ")
            || line.starts_with("Failed to initialize nft: ")
        {
            self.kind = Kind::Backend;
        } else if line.starts_with("sendmsg() failed: Message too long") {
            self.kind = Kind::Size;
        } else if line.starts_with("unable to initialize table '") {
            self.kind = Kind::Table;
        } else if let Some((_, (number, _))) = line
            .starts_with("Can't set policy `")
            .then(|| line.rsplit_once("' line "))
            .flatten()
            .and_then(|(before, after)| Some((before, leading(after)?)))
        {
            self.lines = vec![number];
        }
        self.because(line);
    }

    fn because(&mut self, reason: &str) {
        if !self.reason.is_empty() && !reason.is_empty() {
            self.reason.push_str("; ");
        }
        self.reason.push_str(reason);
    }
}

/// Advice and warnings that come with a failure without being its reason.
fn is_noise(line: &str) -> bool {
    line.starts_with("Try `")
        || line.starts_with("# Warning: ")
        || line.starts_with("Warning: ")
        || line.starts_with("Can't lock ")
}

/// Takes `iptables-restore v1.8.9 (legacy): ` and `iptables-restore: ` from the front, one after the other.
fn without_program(mut line: &str) -> &str {
    while let Some((head, rest)) = line.split_once(':') {
        let mut words = head.split(' ');
        let name = words.next().unwrap_or_default();
        let version = words.next();
        let is_name = name.strip_prefix("ip6").or_else(|| name.strip_prefix("ip")).is_some_and(|name| {
            name.starts_with("tables") && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        });
        if !is_name || version.is_some_and(|version| !version.starts_with('v')) || words.count() > 1 {
            break;
        }
        line = rest.trim_start();
    }
    line
}

/// A number and nothing else.
fn whole(text: &str) -> Option<u32> {
    leading(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// The number at the front, and what follows.
fn leading(text: &str) -> Option<(u32, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(message: &str, kind: Kind, lines: &[u32], reason: &str) {
        let expected = Complaint { kind, lines: lines.to_vec(), reason: reason.to_owned() };
        assert_eq!(read(message), expected, "{message}");
    }

    #[test]
    fn a_line_is_named_in_many_ways() {
        reads(
            "iptables-restore v1.8.9 (legacy): Couldn't load match `foo':No such file or directory\n\n\
             Error occurred at line: 4\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.\n",
            Kind::Refused,
            &[4],
            "Couldn't load match `foo':No such file or directory",
        );
        reads("Bad argument `*nat'\nError occurred at line: 3\n", Kind::Refused, &[3], "Bad argument `*nat'");
        reads("iptables-restore: line 5 failed\n", Kind::Refused, &[5], "");
        reads(
            "ip6tables-nft-restore: line 2 failed: Chain already exists.\n",
            Kind::Refused,
            &[2],
            "Chain already exists",
        );
        reads("iptables-restore: COMMIT expected at line 3\n", Kind::Refused, &[3], "COMMIT expected");
        reads(
            "iptables-restore v1.8.9 (legacy): Can't set policy `DROP' on `a' line 2: Bad built-in chain name\n",
            Kind::Refused,
            &[2],
            "Can't set policy `DROP' on `a' line 2: Bad built-in chain name",
        );
    }

    #[test]
    fn of_several_kernel_refusals_the_first_is_the_reason() {
        reads(
            "iptables-nft-restore v1.8.9 (nf_tables): \n\
             line 2: RULE_APPEND failed (Invalid argument): rule in chain INPUT\n\
             line 4: RULE_APPEND failed (Too many links): rule in chain FORWARD\n",
            Kind::Kernel,
            &[2, 4],
            "RULE_APPEND failed (Invalid argument): rule in chain INPUT",
        );
    }

    #[test]
    fn tables_locks_and_permissions_are_told_apart() {
        reads(
            "iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'foo'\n\
             Error occurred at line: 1\n",
            Kind::Table,
            &[1],
            "unable to initialize table 'foo'",
        );
        reads(
            "iptables-nft-restore v1.8.9 (nf_tables): iptables-nft-restore: line 1 table name 'foo' invalid\n\
             Error occurred at line: 1\n",
            Kind::Table,
            &[1],
            "table name 'foo' invalid",
        );
        reads(
            "Can't lock /l: Resource temporarily unavailable\n\
             Another app is currently holding the xtables lock. Stopped waiting after 1s.\n",
            Kind::Lock,
            &[],
            "Another app is currently holding the xtables lock. Stopped waiting after 1s.",
        );
        reads(
            "Fatal: can't open lock file /l: Permission denied\n",
            Kind::LockFile,
            &[],
            "Fatal: can't open lock file /l: Permission denied",
        );
        let denied = "Could not fetch rule set generation id: Permission denied (you must be root)";
        reads(&format!("iptables-nft-restore v1.8.9 (nf_tables): {denied}\n"), Kind::Permission, &[], denied);
        reads(
            "iptables-nft-restore: line 3 failed: Permission denied (you must be root).\n",
            Kind::Permission,
            &[3],
            "Permission denied (you must be root)",
        );
        reads(
            "iptables-restore v1.8.9 (nf_tables): Could not fetch rule set generation id: Invalid argument\n",
            Kind::Backend,
            &[],
            "Could not fetch rule set generation id: Invalid argument",
        );
    }

    #[test]
    fn a_table_that_is_too_large_is_not_the_fault_of_its_last_line() {
        reads(
            "sendmsg() failed: Message too long\niptables-nft-restore: line 1001 failed: Message too long.\n",
            Kind::Size,
            &[1001],
            "sendmsg() failed: Message too long; Message too long",
        );
    }

    #[test]
    fn a_word_of_the_text_can_not_forge_a_line() {
        reads(
            "iptables-restore v1.8.9 (legacy): Invalid target name `Error occurred at line: 1\n'\n\
             Error occurred at line: 7\n",
            Kind::Refused,
            &[7],
            "Invalid target name `Error occurred at line: 1; '",
        );
        reads(
            "iptables-restore v1.8.9 (legacy): goto 'line 3: X' is not a chain\nError occurred at line: 7\n",
            Kind::Refused,
            &[7],
            "goto 'line 3: X' is not a chain",
        );
        assert_eq!(without_program("iptables-restore: goto 'a: b'"), "goto 'a: b'");
        assert_eq!(without_program("iptables v1 (x) y: z"), "iptables v1 (x) y: z");
    }
}
