//! `-j TCPOPTSTRIP`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::Effect;
use crate::value::{number, proto};

/// Takes options out of the TCP header: they are replaced by padding; the next rule follows.
///
/// Only in table mangle, with `-p tcp`. Options are numbers from 2 to 255, or `wscale`, `mss`, `sack-permitted`,
/// `sack`, `timestamp` and `md5`, in lower case, none of them twice; saved as numbers in ascending order.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_TCPOPTSTRIP.h`.
// boxed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcpoptstrip {
    /// Numbers of the options, ascending.
    pub options: Vec<u8>,
}

impl Tcpoptstrip {
    /// Takes out these options. 0 and 1 are not options that can be taken out.
    pub fn new(options: impl IntoIterator<Item = u8>) -> Tcpoptstrip {
        let mut options: Vec<u8> = options.into_iter().filter(|it| *it > 1).collect();
        options.sort_unstable();
        options.dedup();
        Tcpoptstrip { options }
    }
}

const NAMES: [(&str, u8); 6] =
    [("wscale", 3), ("mss", 2), ("sack-permitted", 4), ("sack", 5), ("timestamp", 8), ("md5", 19)];

impl Extension for Tcpoptstrip {
    const SPEC: Spec = Spec {
        name: "TCPOPTSTRIP",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[Opt::value("strip-options", "OPTION[,OPTION…]", "Numbers from 2 to 255, or names.")],
        groups: &[],
        places: Places::tables(&[TableName::Mangle]),
        protos: Some(Protos(&[proto::TCP])),
    };

    fn load(_: Context) -> Tcpoptstrip {
        Tcpoptstrip { options: Vec::new() }
    }

    fn option(&mut self, _: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        let mut options = Vec::new();
        for part in arg.value().split(|byte| *byte == b',') {
            let named = NAMES.iter().find(|(name, _)| name.as_bytes() == part);
            let number = match named {
                Some((_, number)) => *number,
                None => arg.parse(|_| number::u8_in(part, 2, 255))?,
            };
            if options.contains(&number) {
                let message = format!("TCP option {number} is named twice");
                return Err(Fault::new(codes::PARSE_BAD_VALUE, message).about(Part::Value));
            }
            options.push(number);
        }
        *self = Tcpoptstrip::new(options);
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        if self.options.is_empty() {
            return;
        }
        to.flag("strip-options").with(|out| {
            for (index, option) in self.options.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                number::push(out, u64::from(*option));
            }
        });
    }
}

impl TargetExtension for Tcpoptstrip {
    fn effect(&self, _: Context) -> Effect {
        Effect::StripOptions(self.options.clone())
    }
}
