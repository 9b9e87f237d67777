//! The ordered path of packets, as the kernel tells it.

use std::io;

use crate::netlink::{Body, Netlink, attributes, long_number, number, string};

/// nfnetlink_log: subsystem 4, message 1 (configuration) and 0 (packet).
const LOG_CONFIG: u16 = 0x401;
const LOG_PACKET: u16 = 0x400;
const LOG_GROUP: u16 = 0;
const COPY_PACKET: u8 = 2;
/// nf_tables: subsystem 10, message 7 (list rules), 17 (trace).
const NFT_GET_RULE: u16 = 0xa07;
const NFT_TRACE: u16 = 0xa11;
const NFT_TRACE_GROUP: i32 = 9;

/// One thing that happened to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A rule matched, or a chain ended.
    Step {
        /// Table.
        table: &'a str,
        /// Chain.
        chain: &'a str,
        /// Number of the rule from 0; as many as there are rules means the end of the chain.
        rule: usize,
        /// First bytes of the packet then.
        packet: &'a [u8],
    },
    /// It passed every table.
    Out {
        /// Its mark then.
        mark: u32,
        /// Its first bytes then.
        packet: &'a [u8],
        /// Where connections are tracked, words about its own: see [`World`](crate::world::World).
        connection: &'a str,
    },
    /// The kernel tells its sender that it was refused.
    Answer {
        /// First bytes of what it sends.
        packet: &'a [u8],
    },
}

/// Hears the log of the legacy tables and of the end of a namespace.
#[derive(Debug)]
pub struct Log(Netlink);

impl Log {
    /// Begins to listen, in this thread's namespace. Packets are given with so many bytes.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(bytes: u32) -> io::Result<Log> {
        let mut netlink = Netlink::new(None)?;
        let body = || Body::new(libc::AF_INET as u8, LOG_GROUP);
        const BIND: u8 = 1;
        netlink.request(LOG_CONFIG, 0, &body().with(1, &[BIND]))?;
        let [a, b, c, d] = bytes.to_be_bytes();
        netlink.request(LOG_CONFIG, 0, &body().with(2, &[a, b, c, d, COPY_PACKET, 0]))?;
        // Room for one message: each is sent at once.
        netlink.request(LOG_CONFIG, 0, &body().with(3, &2048_u32.to_be_bytes()))?;
        Ok(Log(netlink))
    }

    /// Everything since the last call. Lines of rules' own LOG and NFLOG are passed over.
    ///
    /// # Errors
    /// The kernel's.
    pub fn drain(&mut self, mut each: impl FnMut(Event<'_>)) -> io::Result<()> {
        self.0.drain(|kind, body| {
            if kind != LOG_PACKET {
                return;
            }
            let (mut mark, mut packet, mut prefix) = (0, &[][..], "");
            for (kind, value) in attributes(body) {
                match kind {
                    2 => mark = number(value),
                    9 => packet = value,
                    10 => prefix = string(value),
                    _ => {}
                }
            }
            if let Some(connection) = prefix.strip_prefix("OUT") {
                each(Event::Out { mark, packet, connection: connection.trim_start() });
            } else if prefix == "ANSWER" {
                each(Event::Answer { packet });
            } else if let Some((table, chain, rule)) = step(prefix) {
                each(Event::Step { table, chain, rule, packet });
            }
        })
    }
}

/// `TRACE: table:chain:kind:number `; the kernel counts from 1.
fn step(prefix: &str) -> Option<(&str, &str, usize)> {
    let mut words = prefix.strip_prefix("TRACE: ")?.trim_end().rsplitn(3, ':');
    let rule: usize = words.next()?.parse().ok()?;
    let _kind = words.next()?;
    let (table, chain) = words.next()?.split_once(':')?;
    Some((table, chain, rule.checked_sub(1)?))
}

/// Hears the trace of nf_tables.
#[derive(Debug)]
pub struct NftTrace {
    events: Netlink,
    requests: Netlink,
    rules: Vec<NftRule>,
}

#[derive(Debug)]
struct NftRule {
    handle: u64,
    table: String,
    chain: String,
    number: usize,
}

impl NftTrace {
    /// Begins to listen, in this thread's namespace.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new() -> io::Result<NftTrace> {
        Ok(NftTrace {
            events: Netlink::new(Some(NFT_TRACE_GROUP))?,
            requests: Netlink::new(None)?,
            rules: Vec::new(),
        })
    }

    /// After rules were loaded: learns their handles.
    ///
    /// # Errors
    /// The kernel's.
    pub fn learn(&mut self, v6: bool) -> io::Result<()> {
        self.rules.clear();
        let family = if v6 { libc::AF_INET6 } else { libc::AF_INET } as u8;
        let rules = &mut self.rules;
        self.requests.list(NFT_GET_RULE, &Body::new(family, 0), |body| {
            let (mut table, mut chain, mut handle) = ("", "", 0);
            for (kind, value) in attributes(body) {
                match kind {
                    1 => table = string(value),
                    2 => chain = string(value),
                    3 => handle = long_number(value),
                    _ => {}
                }
            }
            let number = rules.iter().filter(|it: &&NftRule| it.table == table && it.chain == chain).count();
            rules.push(NftRule { handle, table: table.to_owned(), chain: chain.to_owned(), number });
        })
    }

    /// Everything since the last call, with the identity of the packet. The end of a chain is told with as many rules
    /// as it has.
    ///
    /// # Errors
    /// The kernel's.
    pub fn drain(&mut self, mut each: impl FnMut(u32, Event<'_>)) -> io::Result<()> {
        let rules = &self.rules;
        let mut ended = String::new();
        self.events.drain(|kind, body| {
            if kind != NFT_TRACE {
                return;
            }
            let (mut table, mut chain, mut handle, mut kind, mut packet) = ("", "", 0, 0, 0);
            for (attribute, value) in attributes(body) {
                match attribute {
                    1 => table = string(value),
                    2 => chain = string(value),
                    3 => handle = long_number(value),
                    4 => kind = number(value),
                    6 => packet = number(value),
                    _ => {}
                }
            }
            if table == "judge" {
                return;
            }
            const POLICY: u32 = 1;
            let within = |it: &&NftRule| it.table == table && it.chain == chain;
            let rule = if handle == 0 {
                Some(rules.iter().filter(within).count())
            } else {
                rules.iter().filter(within).find(|it| it.handle == handle).map(|it| it.number)
            };
            // The end of a built-in chain is told twice, as a rule without a handle and then as its policy, but only
            // once if a rule returned from it.
            if !(kind == POLICY && ended == chain)
                && let Some(rule) = rule
            {
                each(packet, Event::Step { table, chain, rule, packet: &[] });
            }
            ended.clear();
            ended.push_str(if handle == 0 { chain } else { "" });
        })
    }
}
