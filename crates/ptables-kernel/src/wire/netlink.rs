//! Netlink messages of the netfilter family: made, sent, taken apart.

use std::io;
use std::os::fd::OwnedFd;

use super::sys;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// Around a batch, and the attribute with the generation that it is for.
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const BATCH_GENERATION: u16 = 1;
/// Length of a message's header, and of that of netfilter behind it.
const HEADER: usize = 16;
const FAMILY_HEADER: usize = 4;
const RECEIVE_BUFFER: i32 = 256 << 20;
/// Bytes of a slot for one message, and how many are taken at once.
const SLOT: usize = 4096;
const SLOTS: usize = 256;

/// A socket to netfilter.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
    lengths: Vec<usize>,
}

/// The body of a message: the header of netfilter and attributes.
#[derive(Clone, Debug, Default)]
pub struct Body(Vec<u8>);

impl Body {
    /// For a family (`AF_INET` …) and a number whose meaning is that of the message (0 in most).
    pub fn new(family: u8, number: u16) -> Body {
        let [high, low] = number.to_be_bytes();
        Body(vec![family, 0, high, low])
    }

    /// Attributes only, to be nested.
    pub fn nested() -> Body {
        Body::default()
    }

    /// How long it is, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "there is no body without a header")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, kind: u16, value: &[u8]) -> Body {
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Adds an attribute that holds attributes.
    #[must_use]
    pub fn with_nested(self, kind: u16, inner: &Body) -> Body {
        self.with(kind | 0x8000, &inner.0)
    }
}

/// The attributes in some bytes, with their kinds; what is cut off at the end is left out.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?) & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A number of four bytes in network order, 0 if there are fewer.
pub fn number(value: &[u8]) -> u32 {
    value.get(..4).and_then(|it| it.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// A number of eight bytes in network order, 0 if there are fewer.
pub fn long_number(value: &[u8]) -> u64 {
    value.get(..8).and_then(|it| it.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// A string without its end; empty if it is not text.
pub fn string(value: &[u8]) -> &str {
    std::str::from_utf8(value.strip_suffix(&[0]).unwrap_or(value)).unwrap_or_default()
}

/// The messages in some bytes: kind and what follows netfilter's header.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
        let message = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, message))
    })
}

impl Netlink {
    /// A socket that hears what the multicast group says, if one is given.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(group: Option<i32>) -> io::Result<Netlink> {
        let socket = sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER)?;
        sys::bind_netlink(&socket)?;
        sys::set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER)?;
        if let Some(group) = group {
            sys::set_option(&socket, libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, group)?;
        }
        Ok(Netlink { socket, sequence: 0, buffer: vec![0; SLOT * SLOTS], lengths: Vec::new() })
    }

    fn send(&mut self, kind: u16, flags: u16, body: &Body) -> io::Result<()> {
        let mut message = Vec::with_capacity(HEADER + body.0.len());
        self.append(&mut message, kind, flags, body)?;
        sys::send(&self.socket, &message).map(drop)
    }

    /// Asks for something and waits until it is done. `kind` is the subsystem in the high byte, the message in the low.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn request(&mut self, kind: u16, flags: u16, body: &Body) -> io::Result<()> {
        self.send(kind, flags | NLM_F_ACK, body)?;
        loop {
            let length = sys::receive(&self.socket, &mut self.buffer)?;
            for (kind, message) in messages(self.buffer.get(..length).unwrap_or_default()) {
                let ours = message.get(4 + 8..4 + 12) == Some(&self.sequence.to_ne_bytes());
                if kind == NLMSG_ERROR && ours {
                    return refusal(message);
                }
            }
        }
    }

    /// Asks for a list; `each` gets the attributes of every entry.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn list(&mut self, kind: u16, body: &Body, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        self.send(kind, NLM_F_DUMP, body)?;
        loop {
            let length = sys::receive(&self.socket, &mut self.buffer)?;
            for (kind, message) in messages(self.buffer.get(..length).unwrap_or_default()) {
                match kind {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => return refusal(message),
                    _ => each(message.get(FAMILY_HEADER..).unwrap_or_default()),
                }
            }
        }
    }

    /// The first entries of a list, as many as the kernel tells at once: what follows is not taken, so the socket is of no more use.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn first(mut self, kind: u16, body: &Body, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        self.send(kind, NLM_F_DUMP, body)?;
        let length = sys::receive(&self.socket, &mut self.buffer)?;
        for (kind, message) in messages(self.buffer.get(..length).unwrap_or_default()) {
            match kind {
                NLMSG_DONE => {}
                NLMSG_ERROR => return refusal(message),
                _ => each(message.get(FAMILY_HEADER..).unwrap_or_default()),
            }
        }
        Ok(())
    }

    /// One thing: its attributes.
    ///
    /// # Errors
    /// The kernel's refusal, such as `ENOENT`.
    pub fn get(&mut self, kind: u16, body: &Body) -> io::Result<Vec<u8>> {
        self.send(kind, 0, body)?;
        let length = sys::receive(&self.socket, &mut self.buffer)?;
        let Some((kind, message)) = messages(self.buffer.get(..length).unwrap_or_default()).next() else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if kind == NLMSG_ERROR {
            refusal(message)?;
        }
        Ok(message.get(FAMILY_HEADER..).unwrap_or_default().to_vec())
    }

    /// A batch of changes: all of them, or none. With `generation`, none if the ruleset has another by now.
    ///
    /// # Errors
    /// The kernel's refusal: `ERESTART` for the generation.
    pub fn batch(
        &mut self,
        subsystem: u16,
        changes: &[(u16, u16, Body)],
        generation: Option<u32>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut begin = Body::new(0, subsystem);
        if let Some(generation) = generation {
            begin = begin.with(BATCH_GENERATION, &generation.to_be_bytes());
        }
        self.append(&mut bytes, BATCH_BEGIN, 0, &begin)?;
        for (at, (kind, flags, body)) in changes.iter().enumerate() {
            let ack = if at + 1 == changes.len() { NLM_F_ACK } else { 0 };
            self.append(&mut bytes, subsystem << 8 | kind, flags | ack, body)?;
        }
        self.append(&mut bytes, BATCH_END, 0, &Body::new(0, subsystem))?;
        sys::send(&self.socket, &bytes)?;
        loop {
            let length = sys::receive(&self.socket, &mut self.buffer)?;
            for (kind, message) in messages(self.buffer.get(..length).unwrap_or_default()) {
                if kind == NLMSG_ERROR {
                    return refusal(message);
                }
            }
        }
    }

    fn append(&mut self, bytes: &mut Vec<u8>, kind: u16, flags: u16, body: &Body) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = u32::try_from(HEADER + body.0.len()).map_err(io::Error::other)?;
        bytes.extend(length.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((flags | NLM_F_REQUEST).to_ne_bytes());
        bytes.extend(self.sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(&body.0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        Ok(())
    }

    /// Takes the messages that have come; `each` gets the kind and the attributes of every one.
    ///
    /// # Errors
    /// The kernel's: `ENOBUFS` if some were lost.
    pub fn drain(&mut self, mut each: impl FnMut(u16, &[u8])) -> io::Result<()> {
        loop {
            sys::receive_many(&self.socket, &mut self.buffer, SLOT, &mut self.lengths)?;
            for (slot, length) in self.buffer.chunks_exact(SLOT).zip(&self.lengths) {
                for (kind, message) in messages(slot.get(..*length).unwrap_or_default()) {
                    each(kind, message.get(FAMILY_HEADER..).unwrap_or_default());
                }
            }
            if self.lengths.len() < SLOTS {
                return Ok(());
            }
        }
    }
}

/// The error that a message tells, which may be none.
fn refusal(message: &[u8]) -> io::Result<()> {
    let code = message.get(..4).and_then(|it| it.try_into().ok()).map_or(0, i32::from_ne_bytes);
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-code)) }
}
