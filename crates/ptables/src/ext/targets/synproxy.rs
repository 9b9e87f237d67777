//! `-j SYNPROXY`.

use crate::ext::*;
use crate::meaning::{Effect, Need};
use crate::value::proto;

/// Answers the first packets of TCP connections in place of the server, to keep floods of them away from it.
///
/// Only where packets go to this machine or through it (INPUT, FORWARD), with `-p tcp`. The kernel must know what the
/// server would answer: its segment size and window scale, and whether it takes selective acknowledgements,
/// timestamps and congestion notification. The tools keep the low 16 bits of a segment size and the low 8 bits of a
/// window scale.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_SYNPROXY.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synproxy {
    /// `--sack-perm`: the server takes selective acknowledgements.
    pub sack_perm: bool,
    /// `--timestamp`: the server takes timestamps.
    pub timestamp: bool,
    /// The server's window scale, if it takes one.
    pub wscale: Option<u8>,
    /// The server's segment size.
    pub mss: Option<u16>,
    /// `--ecn`: the server takes congestion notification.
    pub ecn: bool,
}

impl Synproxy {
    /// For a server that takes no options.
    pub const fn new() -> Synproxy {
        Synproxy { sack_perm: false, timestamp: false, wscale: None, mss: None, ecn: false }
    }

    /// Its segment size.
    #[must_use]
    pub const fn mss(mut self, bytes: u16) -> Synproxy {
        self.mss = Some(bytes);
        self
    }

    /// Its window scale.
    #[must_use]
    pub const fn wscale(mut self, scale: u8) -> Synproxy {
        self.wscale = Some(scale);
        self
    }

    /// It takes selective acknowledgements.
    #[must_use]
    pub const fn sack_perm(mut self) -> Synproxy {
        self.sack_perm = true;
        self
    }

    /// It takes timestamps.
    #[must_use]
    pub const fn timestamp(mut self) -> Synproxy {
        self.timestamp = true;
        self
    }
}

impl Extension for Synproxy {
    const SPEC: Spec = Spec {
        name: "SYNPROXY",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::flag("sack-perm", "The server takes selective acknowledgements."),
            Opt::flag("timestamp", "The server takes timestamps."),
            Opt::value("wscale", "NUMBER", "Window scale of the server."),
            Opt::value("mss", "BYTES", "Segment size of the server."),
            Opt::flag("ecn", "The server takes congestion notification."),
        ],
        groups: &[],
        places: Places::hooks(Hooks::of(&[Hook::Input, Hook::Forward])),
        protos: Some(Protos(&[proto::TCP])),
    };

    fn load(_: Context) -> Synproxy {
        Synproxy::new()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "sack-perm" => self.sack_perm = true,
            "timestamp" => self.timestamp = true,
            "wscale" => self.wscale = Some(wrapped(arg, 0xff)? as u8),
            "mss" => self.mss = Some(wrapped(arg, 0xffff)? as u16),
            _ => self.ecn = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        for (given, name) in [(self.sack_perm, "sack-perm"), (self.timestamp, "timestamp")] {
            if given {
                to.flag(name);
            }
        }
        if let Some(scale) = self.wscale {
            to.flag("wscale").number(scale);
        }
        if let Some(mss) = self.mss {
            to.flag("mss").number(mss);
        }
        if self.ecn {
            to.flag("ecn");
        }
    }
}

impl TargetExtension for Synproxy {
    fn effect(&self, _: Context) -> Effect {
        Effect::Needs(Need::Other(
            "the handshake of the connection, which the kernel answers in place of the server",
        ))
    }
}

/// A number of 32 bits, of which the tools keep the low ones.
fn wrapped(arg: &mut Arg<'_>, mask: u32) -> Result<u32, Fault> {
    let number = arg.u32(0, u32::MAX)?;
    if number > mask {
        arg.changed(format!("iptables takes {number} for {}: at most {mask}", number & mask));
    }
    Ok(number & mask)
}
