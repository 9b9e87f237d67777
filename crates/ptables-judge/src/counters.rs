//! The counters of a legacy table, read in one call.

use std::io;
use std::os::fd::OwnedFd;

use crate::sys;

const IPT_SO_GET_INFO: i32 = 64;
const IPT_SO_GET_ENTRIES: i32 = 65;
const INFO_SIZE: usize = 84;
/// Table name and size come before the entries.
const ENTRIES_HEADER: usize = 40;
/// Name of the target with which user chains begin and tables end.
const ERROR: &[u8] = b"ERROR";
const HOOKS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// Where an entry's parts lie; it depends on the family.
#[derive(Clone, Copy, Debug)]
struct Layout {
    target: usize,
    next: usize,
    counters: usize,
}

/// What an entry of a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A rule, with its number from 0.
    Rule(usize),
    /// The end of a built-in chain: its policy.
    Policy,
    /// The end of a user's chain, from where packets go back.
    End,
    /// What separates chains; it counts nothing.
    Mark,
}

/// One entry of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name of its chain.
    pub chain: String,
    /// What it is.
    pub kind: Kind,
}

/// Packets and bytes.
pub type Count = (u64, u64);

/// A legacy table of one family, in this thread's namespace.
#[derive(Debug)]
pub struct Table {
    socket: OwnedFd,
    level: i32,
    layout: Layout,
    name: [u8; 32],
    entries: Vec<u8>,
    starts: [u32; 5],
    policies: [u32; 5],
    hooks: u32,
}

impl Table {
    /// A table; it need not hold anything yet.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(v6: bool, name: &str) -> io::Result<Table> {
        let (domain, level) =
            if v6 { (libc::AF_INET6, libc::IPPROTO_IPV6) } else { (libc::AF_INET, libc::IPPROTO_IP) };
        let layout = if v6 {
            Layout { target: 140, next: 142, counters: 152 }
        } else {
            Layout { target: 88, next: 90, counters: 96 }
        };
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        let socket = sys::socket(domain, libc::SOCK_RAW, libc::IPPROTO_RAW)?;
        Ok(Table {
            socket,
            level,
            layout,
            name: bytes,
            entries: Vec::new(),
            starts: [0; 5],
            policies: [0; 5],
            hooks: 0,
        })
    }

    /// After rules were loaded: learns the table's shape and returns its entries.
    ///
    /// # Errors
    /// The kernel's.
    pub fn shape(&mut self) -> io::Result<Vec<Entry>> {
        let mut info = [0; INFO_SIZE];
        info[..32].copy_from_slice(&self.name);
        sys::get_option(&self.socket, self.level, IPT_SO_GET_INFO, &mut info)?;
        self.hooks = word(&info, 32);
        for hook in 0..5 {
            self.starts[hook] = word(&info, 36 + 4 * hook);
            self.policies[hook] = word(&info, 56 + 4 * hook);
        }
        self.entries.resize(ENTRIES_HEADER + word(&info, 80) as usize, 0);
        self.read()?;
        Ok(self.named())
    }

    /// The counters of all entries, in their order.
    ///
    /// # Errors
    /// The kernel's; so if the shape has changed since [`Table::shape`].
    pub fn counts(&mut self, counts: &mut Vec<Count>) -> io::Result<()> {
        self.read()?;
        counts.clear();
        let blob = &self.entries[ENTRIES_HEADER..];
        let at = self.layout.counters;
        counts.extend(self.offsets().map(|offset| (long(blob, offset + at), long(blob, offset + at + 8))));
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        let size = u32::try_from(self.entries.len() - ENTRIES_HEADER).map_err(io::Error::other)?;
        self.entries[..32].copy_from_slice(&self.name);
        self.entries[32..36].copy_from_slice(&size.to_ne_bytes());
        sys::get_option(&self.socket, self.level, IPT_SO_GET_ENTRIES, &mut self.entries)
    }

    fn offsets(&self) -> impl Iterator<Item = usize> + '_ {
        let blob = &self.entries[ENTRIES_HEADER..];
        let mut offset = 0;
        std::iter::from_fn(move || {
            let here = offset;
            let length = half(blob, here + self.layout.next)?;
            offset += usize::from(length).max(1);
            Some(here)
        })
    }

    /// The name of a user's chain that begins at an offset, or where the table ends.
    fn error_name(&self, offset: usize) -> Option<String> {
        let blob = &self.entries[ENTRIES_HEADER..];
        let target = offset + usize::from(half(blob, offset + self.layout.target)?);
        let name = blob.get(target + 2..target + 31)?;
        (until_zero(name) == ERROR).then(|| {
            String::from_utf8_lossy(until_zero(blob.get(target + 32..).unwrap_or_default())).into_owned()
        })
    }

    fn named(&self) -> Vec<Entry> {
        let offsets: Vec<usize> = self.offsets().collect();
        let mut entries = Vec::with_capacity(offsets.len());
        let (mut chain, mut builtin, mut rules) = (String::new(), None, 0);
        for (at, offset) in offsets.iter().enumerate() {
            let start =
                (0..5).find(|hook| self.hooks >> hook & 1 == 1 && self.starts[*hook] as usize == *offset);
            if let Some(hook) = start {
                (chain, builtin, rules) = (HOOKS[hook].to_owned(), Some(hook), 0);
            }
            let next_is_error = offsets.get(at + 1).is_some_and(|next| self.error_name(*next).is_some());
            let kind = if let Some(name) = self.error_name(*offset) {
                (chain, builtin, rules) = (name, None, 0);
                Kind::Mark
            } else if builtin.is_some_and(|hook: usize| self.policies[hook] as usize == *offset) {
                Kind::Policy
            } else if builtin.is_none() && next_is_error {
                Kind::End
            } else {
                rules += 1;
                Kind::Rule(rules - 1)
            };
            entries.push(Entry { chain: chain.clone(), kind });
        }
        entries
    }
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|it| it.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn long(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|it| it.try_into().ok()).map_or(0, u64::from_ne_bytes)
}
