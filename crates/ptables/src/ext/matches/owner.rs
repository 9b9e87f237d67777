//! `-m owner`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Field, Need, Pred};
use crate::value::is::Is;
use crate::value::number::{base0, push};
use crate::value::{Bad, BadKind, Parsed};

// boxed: two ranges of numbers.
/// Matches packets of this machine by the socket that sends them.
///
/// Users and groups are names, numbers from 0 to 4294967294, or ranges (`1000-1999`). A packet without a socket matches
/// inverted options only. Only in OUTPUT and POSTROUTING.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_owner.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owner {
    /// First and last user.
    pub uid: Option<Is<(u32, u32)>>,
    /// First and last group.
    pub gid: Option<Is<(u32, u32)>>,
    /// A socket sends it; with `false`, none does.
    pub socket: Option<bool>,
    /// The group may also be one of the process's supplementary groups.
    pub supplementary: bool,
}

impl Owner {
    /// Sent by this user.
    pub fn uid(uid: impl Into<Is<u32>>) -> Owner {
        Owner { uid: Some(uid.into().map(|it| (it, it))), ..Owner::default() }
    }

    /// Sent by this group.
    pub fn gid(gid: impl Into<Is<u32>>) -> Owner {
        Owner { gid: Some(gid.into().map(|it| (it, it))), ..Owner::default() }
    }

    /// Sent by a socket of this machine, or not.
    pub fn socket(exists: bool) -> Owner {
        Owner { socket: Some(exists), ..Owner::default() }
    }
}

impl Extension for Owner {
    const SPEC: Spec = Spec {
        name: "owner",
        kind: Kind::Match,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("uid-owner", "USER|N[-N]", "User of the sending process.").negatable(),
            Opt::value("gid-owner", "GROUP|N[-N]", "Group of the sending process.").negatable(),
            Opt::flag("socket-exists", "A socket sends the packet.").negatable(),
            Opt::flag("suppl-groups", "Supplementary groups count too; after `--gid-owner`."),
        ],
        groups: &[Group::AtLeastOne(&["uid-owner", "gid-owner", "socket-exists"])],
        places: Places::hooks(Hooks::of(&[Hook::Output, Hook::Postrouting])),
        protos: None,
    };

    fn load(_: Context) -> Owner {
        Owner::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "uid-owner" => self.uid = Some(arg.is(|text| ids(text, "user", |name| arg.names.user(name)))?),
            "gid-owner" => self.gid = Some(arg.is(|text| ids(text, "group", |name| arg.names.group(name)))?),
            "socket-exists" => self.socket = Some(!arg.inverted),
            _ if self.gid.is_none() => {
                let fault = Fault::new(
                    codes::PARSE_OPTION_CONFLICT,
                    "`--suppl-groups` needs `--gid-owner` before it",
                );
                return Err(fault.about(Part::Option));
            }
            _ => self.supplementary = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if let Some(exists) = self.socket {
            to.not(!exists).flag("socket-exists");
        }
        to.is("uid-owner", self.uid, push_ids).is("gid-owner", self.gid, push_ids);
        if self.supplementary {
            to.flag("suppl-groups");
        }
    }
}

impl MatchExtension for Owner {
    fn meaning(&self, _: Context) -> Pred {
        // Without a socket there is no user or group: only what is inverted holds then.
        let ids = |field, ids: Option<Is<(u32, u32)>>| {
            ids.map_or(Pred::True, |it| {
                Pred::Range(field, u128::from(it.value.0), u128::from(it.value.1)).inverted(it.inverted)
            })
        };
        let socket = self.socket.map_or(Pred::True, |exists| Pred::yes(Field::HasSocket).inverted(!exists));
        let group = if self.supplementary {
            Pred::Needs(Need::Other("the supplementary groups of a process"))
        } else {
            ids(Field::Gid, self.gid)
        };
        Pred::all([socket, ids(Field::Uid, self.uid), group])
    }
}

/// A name, a number, or a range with `-` or `:`. The last number of all is no user.
fn ids(text: &[u8], what: &str, find: impl Fn(&str) -> Option<u32>) -> Parsed<(u32, u32)> {
    if let Some(id) = std::str::from_utf8(text).ok().filter(|name| !name.is_empty()).and_then(find) {
        return Ok((id, id));
    }
    let one = |text| base0(text, 0, u64::from(u32::MAX - 1)).map(|id| id as u32);
    let range = match memchr::memchr2(b'-', b':', text) {
        None => one(text).map(|id| (id, id)),
        Some(at) => one(text.get(..at).unwrap_or_default())
            .and_then(|first| Ok((first, one(text.get(at + 1..).unwrap_or_default())?))),
    };
    match range {
        Ok((first, last)) if first > last => {
            Err(Bad::range("a range whose first number is not greater than its last"))
        }
        Err(bad) if bad.kind == BadKind::Range => Err(bad),
        Err(_) if text.iter().any(u8::is_ascii_alphabetic) => {
            Err(Bad::new(BadKind::Name, format!("a {what} of this machine, or a number")))
        }
        other => other,
    }
}

fn push_ids((first, last): (u32, u32), out: &mut Vec<u8>) {
    push(out, u64::from(first));
    if last != first {
        out.push(b'-');
        push(out, u64::from(last));
    }
}
