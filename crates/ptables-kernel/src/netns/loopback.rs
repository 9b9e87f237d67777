//! Brings the loopback interface of the calling thread's namespace up, by one rtnetlink message.

use std::io;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

const RTM_NEWLINK: u16 = 16;
const NLMSG_ERROR: u16 = 2;
/// `NLM_F_REQUEST | NLM_F_ACK`
const REQUEST_ACK: u16 = 1 | 4;
const IFF_UP: u32 = 1;
/// The loopback interface is the first of every namespace.
const LOOPBACK: u32 = 1;

pub(super) fn up() -> io::Result<()> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    send(&socket, &request(), SendFlags::empty())?;
    let mut reply = [0; 64];
    let (_, length) = recv(&socket, &mut reply, RecvFlags::empty())?;
    match error_of(reply.get(..length).unwrap_or_default()) {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "rtnetlink gave no answer")),
    }
}

/// `struct nlmsghdr` (16 bytes) and `struct ifinfomsg` (16 bytes).
fn request() -> Vec<u8> {
    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(REQUEST_ACK.to_ne_bytes());
    // Sequence number and sender, both free to choose.
    message.extend([0; 8]);
    // Family, padding and type, all unspecified.
    message.extend([0; 4]);
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    // Which flags to change.
    message.extend(IFF_UP.to_ne_bytes());
    message
}

/// The number in an acknowledgement: 0, or a negative error.
fn error_of(reply: &[u8]) -> Option<i32> {
    let kind = reply.get(4..6)?.first_chunk().copied().map(u16::from_ne_bytes)?;
    let error = reply.get(16..20)?.first_chunk().copied().map(i32::from_ne_bytes)?;
    (kind == NLMSG_ERROR).then_some(error)
}
