//! `-j NFQUEUE`.

use crate::diag::codes;
use crate::ext::*;
use crate::meaning::{Effect, Need};
use crate::value::{Bad, number};

/// Hands the packet to a program in user space, which decides; without a program it is dropped.
///
/// Packets go to one queue, or by a hash of their addresses to one of several (`--queue-balance`, the first less than
/// the last); with `--queue-cpu-fanout` by the processor instead. `--queue-bypass` lets the next rule follow where no
/// program listens. iptables 1.8.9 takes a last queue of 65535, 1.8.11 only 65534; the kernel refuses 0:65535.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_NFQUEUE.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nfqueue {
    /// First and last queue.
    pub queues: (u16, u16),
    /// `--queue-bypass`.
    pub bypass: bool,
    /// `--queue-cpu-fanout`.
    pub cpu_fanout: bool,
}

impl Nfqueue {
    /// To this queue.
    pub const fn new(queue: u16) -> Nfqueue {
        Nfqueue::balance(queue, queue)
    }

    /// To one of these queues, `first` less than `last`.
    pub const fn balance(first: u16, last: u16) -> Nfqueue {
        Nfqueue { queues: (first, last), bypass: false, cpu_fanout: false }
    }

    /// Lets the next rule follow where no program listens.
    #[must_use]
    pub const fn bypass(mut self) -> Nfqueue {
        self.bypass = true;
        self
    }

    /// Chooses the queue by the processor.
    #[must_use]
    pub const fn cpu_fanout(mut self) -> Nfqueue {
        self.cpu_fanout = true;
        self
    }
}

impl Extension for Nfqueue {
    const SPEC: Spec = Spec {
        name: "NFQUEUE",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::value("queue-num", "NUMBER", "Queue, 0 to 65535.").default("0"),
            Opt::value("queue-balance", "FIRST:LAST", "Several queues."),
            Opt::flag("queue-bypass", "The next rule follows where no program listens."),
            Opt::flag("queue-cpu-fanout", "The queue is chosen by the processor."),
        ],
        groups: &[
            Group::AtMostOne(&["queue-num", "queue-balance"]),
            Group::Needs("queue-cpu-fanout", "queue-balance"),
        ],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> Nfqueue {
        Nfqueue::new(0)
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        match name {
            "queue-num" => {
                self.queues = {
                    let queue = arg.u16(0, u16::MAX)?;
                    (queue, queue)
                }
            }
            "queue-balance" => self.queues = balance(arg)?,
            "queue-bypass" => self.bypass = true,
            _ => self.cpu_fanout = true,
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        let (first, last) = self.queues;
        if first == last {
            to.flag("queue-num").number(first);
        } else {
            to.flag("queue-balance").with(|out| {
                number::push(out, u64::from(first));
                out.push(b':');
                number::push(out, u64::from(last));
            });
        }
        for (given, name) in [(self.bypass, "queue-bypass"), (self.cpu_fanout, "queue-cpu-fanout")] {
            if given {
                to.flag(name);
            }
        }
    }
}

impl TargetExtension for Nfqueue {
    fn effect(&self, _: Context) -> Effect {
        Effect::Needs(Need::Other("the program that reads the queue"))
    }
}

/// Reads `first:last`; an empty end is the end of all queues.
fn balance(arg: &Arg<'_>) -> Result<(u16, u16), Fault> {
    let highest = if arg.context.dialect.since_1_8_11() { 65534 } else { 65535 };
    let (first, last) = arg.parse(|text| match text.contains(&b':') {
        true => number::range(text, highest),
        false => Err(Bad::form("a range of queues, `first:last`")),
    })?;
    if first >= last || last - first == 65535 {
        let message = "the first queue must be less than the last, and 65535 queues are the most";
        return Err(Fault::new(codes::PARSE_OUT_OF_RANGE, message).about(Part::Value));
    }
    Ok((first as u16, last as u16))
}
