//! The generation of the nft ruleset: the kernel counts its commits, in each namespace.

use std::io;

use rustix::net::netlink::NETFILTER;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

use crate::kernel::Kernel;

/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN`, and the answer.
const GETGEN: u16 = 10 << 8 | 16;
const NEWGEN: u16 = 10 << 8 | 15;
/// The attribute with the number, in network byte order.
const GEN_ID: u16 = 1;

impl Kernel {
    /// How many changes of nft rules there were; `None` where it cannot be told.
    pub fn generation(&self) -> Option<u32> {
        self.namespace.inside(ask).ok()?.ok()
    }
}

fn ask() -> io::Result<u32> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(NETFILTER))?;
    let mut message = Vec::with_capacity(20);
    message.extend(20_u32.to_ne_bytes());
    message.extend(GETGEN.to_ne_bytes());
    // NLM_F_REQUEST; sequence number and sender are free to choose, then `struct nfgenmsg`.
    message.extend(1_u16.to_ne_bytes());
    message.extend([0; 12]);
    send(&socket, &message, SendFlags::empty())?;
    let mut reply = [0; 4096];
    let (_, length) = recv(&socket, &mut reply, RecvFlags::empty())?;
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "nfnetlink gave no generation");
    number(reply.get(..length).unwrap_or_default()).ok_or_else(bad)
}

fn number(reply: &[u8]) -> Option<u32> {
    let word = |at: usize| reply.get(at..at + 2)?.first_chunk().copied().map(u16::from_ne_bytes);
    if word(4)? != NEWGEN {
        return None;
    }
    let mut at = 20;
    loop {
        let (length, kind) = (usize::from(word(at)?), word(at + 2)?);
        if kind == GEN_ID {
            return reply.get(at + 4..at + 8)?.first_chunk().copied().map(u32::from_be_bytes);
        }
        at += length.max(4).next_multiple_of(4);
    }
}

#[cfg(test)]
mod tests {
    use crate::netns::Scratch;

    #[test]
    fn each_change_counts() {
        let Ok(scratch) = Scratch::new() else { return };
        let before = scratch.kernel().generation();
        assert!(scratch.run("nft", &["add", "table", "ip", "one"], b"").unwrap().status.success());
        assert_eq!(scratch.kernel().generation(), before.map(|it| it + 1));
    }
}
