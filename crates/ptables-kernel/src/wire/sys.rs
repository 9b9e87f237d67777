//! System calls. All `unsafe` of the crate is here; every function is safe to call with any arguments.

use std::ffi::CString;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{from_mut, from_ref, null_mut};
use std::time::Duration;

use libc::{c_int, c_void, socklen_t};

/// The error of the call just made, if its result says so.
fn checked(result: impl Into<i64>) -> io::Result<usize> {
    usize::try_from(result.into()).map_err(|_| io::Error::last_os_error())
}

/// Moves the calling thread into a new network namespace.
pub fn new_network() -> io::Result<()> {
    // SAFETY: takes no memory; a new network namespace leaves open descriptors as they are.
    checked(unsafe { libc::unshare(libc::CLONE_NEWNET) }).map(drop)
}

/// Keeps the calling thread on one processor.
pub fn pin(processor: usize) -> io::Result<()> {
    // SAFETY: a set of processors is plain bits, for which zero is a value.
    let mut set: libc::cpu_set_t = unsafe { zeroed() };
    // SAFETY: the set is ours; the macro checks the number against its size.
    unsafe { libc::CPU_SET(processor, &mut set) };
    // SAFETY: the pointer and the length are those of the set.
    checked(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) }).map(drop)
}

/// Processor time of the calling thread, in the kernel too.
pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a whole structure. The clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The second of the clock by which the kernel judges packets: it moves on with the timer, some milliseconds after the fine clock.
pub fn kernel_second() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a whole structure. The clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut time) };
    time.tv_sec.unsigned_abs()
}

/// Does something with other file system ids of the calling thread. Sockets made meanwhile belong to them.
pub fn as_owner<T>(user: u32, group: u32, work: impl FnOnce() -> T) -> T {
    // SAFETY: these calls take numbers only and change the calling thread only; what it may do is left.
    let before = unsafe { (libc::setfsuid(user), libc::setfsgid(group)) };
    let result = work();
    // SAFETY: as above; what a call returned is what was set before.
    unsafe { (libc::setfsuid(before.0.unsigned_abs()), libc::setfsgid(before.1.unsigned_abs())) };
    result
}

#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: i16,
    rest: [u8; 22],
}

/// Makes an Ethernet interface whose frames are what is written to the descriptor.
pub fn tap(name: &str) -> io::Result<OwnedFd> {
    const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
    const TAP_WITHOUT_INFORMATION: i16 = 0x1002;
    let flags = libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC;
    // SAFETY: the path is a string with its end.
    let descriptor = unsafe { libc::open(c"/dev/net/tun".as_ptr(), flags) };
    checked(descriptor)?;
    // SAFETY: just opened, and nobody else has it.
    let tap = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let mut request = InterfaceRequest { name: [0; 16], flags: TAP_WITHOUT_INFORMATION, rest: [0; 22] };
    // The last byte stays 0.
    for (to, from) in request.name.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    // SAFETY: the kernel reads and writes 40 bytes, which is the size of the structure.
    checked(unsafe { libc::ioctl(tap.as_raw_fd(), TUNSETIFF, from_mut(&mut request)) })?;
    Ok(tap)
}

/// Writes a frame to a TAP. When it returns, the kernel has done all that it does with it.
pub fn write(to: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of the slice.
    checked(unsafe { libc::write(to.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) } as i64)
}

/// A new socket.
pub fn socket(domain: c_int, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers only.
    let descriptor = unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) };
    checked(descriptor)?;
    // SAFETY: just opened, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Sets an option that is a number.
pub fn set_option(socket: &OwnedFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    let length = size_of::<c_int>() as socklen_t;
    // SAFETY: the pointer and the length are those of the number.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, from_ref(&value).cast::<c_void>(), length)
    };
    checked(result).map(drop)
}

/// Reads an option into a buffer, which also says what is asked.
pub fn get_option(socket: &OwnedFd, level: c_int, name: c_int, buffer: &mut [u8]) -> io::Result<()> {
    let mut length = socklen_t::try_from(buffer.len()).map_err(io::Error::other)?;
    // SAFETY: the pointer and the length are those of the buffer; the kernel writes no more than the length.
    let result =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, buffer.as_mut_ptr().cast(), &mut length) };
    checked(result).map(drop)
}

/// Sends an IP packet with its header through a raw socket, with a mark of its own.
pub fn send_marked(socket: &OwnedFd, packet: &[u8], mark: u32) -> io::Result<usize> {
    // SAFETY: addresses are plain numbers, for which zero is a value.
    let (mut v4, mut v6): (libc::sockaddr_in, libc::sockaddr_in6) = unsafe { (zeroed(), zeroed()) };
    let address: (*mut c_void, usize) =
        match (packet.first().map(|it| it >> 4), packet.get(16..20), packet.get(24..40)) {
            (Some(6), _, Some(to)) => {
                v6.sin6_family = libc::AF_INET6 as u16;
                v6.sin6_addr.s6_addr.copy_from_slice(to);
                (from_mut(&mut v6).cast(), size_of::<libc::sockaddr_in6>())
            }
            (_, Some(to), _) => {
                v4.sin_family = libc::AF_INET as u16;
                v4.sin_addr.s_addr = u32::from_ne_bytes(to.try_into().map_err(io::Error::other)?);
                (from_mut(&mut v4).cast(), size_of::<libc::sockaddr_in>())
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
    let mut data = libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
    // One control message with a number, aligned as its header must be.
    let mut control = [0_u64; 3];
    // SAFETY: plain numbers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = address.0;
    message.msg_namelen = address.1 as socklen_t;
    message.msg_iov = &mut data;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: arithmetic on a number.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(4) } as usize;
    let header: *mut libc::cmsghdr = control.as_mut_ptr().cast();
    // SAFETY: `control` has room for a header of 16 bytes and 4 bytes behind it, and is aligned for both. The kernel only
    // reads what the message points at: the packet, the address and `control`, all of which outlive the call.
    let sent = unsafe {
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SO_MARK;
        (*header).cmsg_len = libc::CMSG_LEN(4) as usize;
        libc::CMSG_DATA(header).cast::<u32>().write_unaligned(mark);
        libc::sendmsg(socket.as_raw_fd(), &message, libc::MSG_DONTWAIT)
    };
    checked(sent as i64)
}

/// Gives a netlink socket its address.
pub fn bind_netlink(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: an address is plain numbers, for which zero is a value.
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as u16;
    let length = size_of::<libc::sockaddr_nl>() as socklen_t;
    // SAFETY: the pointer and the length are those of the address.
    checked(unsafe { libc::bind(socket.as_raw_fd(), from_ref(&address).cast(), length) }).map(drop)
}

/// Sends a message to the kernel.
pub fn send(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of the slice.
    checked(unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) } as i64)
}

/// Waits for a message.
pub fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of the buffer.
    checked(unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) } as i64)
}

/// Takes messages that are there already, each into its slot of `size` bytes, and notes their lengths. No message is no
/// error.
pub fn receive_many(
    socket: &OwnedFd,
    buffer: &mut [u8],
    size: usize,
    lengths: &mut Vec<usize>,
) -> io::Result<()> {
    lengths.clear();
    let mut slots: Vec<libc::iovec> = buffer
        .chunks_exact_mut(size)
        .map(|slot| libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: slot.len() })
        .collect();
    let mut messages: Vec<libc::mmsghdr> = slots
        .iter_mut()
        .map(|slot| {
            // SAFETY: plain numbers and pointers, for which zero is a value.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            message.msg_hdr.msg_iov = slot;
            message.msg_hdr.msg_iovlen = 1;
            message
        })
        .collect();
    // SAFETY: every message points at one slot, every slot at its own part of the buffer; all outlive the call.
    let result = unsafe {
        let count = u32::try_from(messages.len()).unwrap_or(0);
        libc::recvmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count, libc::MSG_DONTWAIT, null_mut())
    };
    match checked(result) {
        Ok(count) => {
            lengths.extend(messages.iter().take(count).map(|it| it.msg_len as usize));
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a thread may make interfaces and rules here: it is root outside of any user namespace.
pub fn is_root() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    // SAFETY: takes nothing and always succeeds.
    let root = unsafe { libc::geteuid() } == 0;
    root && map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// The number of an interface of this thread's namespace.
pub fn interface_number(name: &str) -> io::Result<u32> {
    let name = CString::new(name).map_err(io::Error::other)?;
    // SAFETY: the pointer is that of a string with its end.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        number => Ok(number),
    }
}
