//! A gateway and a host in each of its zones, in network namespaces of their own, joined by pairs of Ethernet interfaces.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ptables_judge::sys;
use ptables_kernel::netns::scratch_or_skip;

/// How long an answer may take. Nothing on the way takes longer than a millisecond.
const PATIENCE: Duration = Duration::from_millis(400);

/// The same for TCP: Linux forgets an error that comes while `connect` is still at work, as it does between neighbours, and asks again
/// after a second.
const SECOND_TRY: Duration = Duration::from_millis(1300);

/// What came of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Passed,
    Refused,
    Nothing,
}

type Work = Box<dyn FnOnce() + Send>;

/// A thread that lives in a network namespace of its own.
pub struct Machine {
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    /// Its namespace, for `ip`.
    path: String,
}

impl Machine {
    fn new() -> Machine {
        let (work, todo) = channel::<Work>();
        let (tell, told) = channel();
        let thread = thread::spawn(move || {
            sys::new_network().unwrap();
            let own = std::fs::read_link("/proc/thread-self").unwrap();
            tell.send(format!("/proc/{}/ns/net", own.display())).unwrap();
            todo.into_iter().for_each(|it| it());
        });
        let path = told.recv().unwrap();
        let machine = Machine { work: Some(work), thread: Some(thread), path };
        machine.ip("link set lo up");
        machine.set("net/ipv4/ping_group_range", "0 0");
        machine
    }

    /// Does something in the namespace.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        let work = move || tell.send(work()).unwrap();
        self.work.as_ref().unwrap().send(Box::new(work)).unwrap();
        told.recv().expect("the work was done")
    }

    fn ip(&self, words: &str) {
        let words = words.to_owned();
        self.run(move || {
            let done = Command::new("ip").args(words.split(' ')).output().unwrap();
            assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
        });
    }

    fn set(&self, name: &str, value: &str) {
        let (path, value) = (format!("/proc/sys/{name}"), value.to_owned());
        self.run(move || std::fs::write(path, value).unwrap());
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.work.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking());
        }
    }
}

pub struct Town {
    pub gateway: Machine,
    /// The hosts at `eth0` to `eth3`.
    hosts: Vec<Machine>,
    /// Only its directory and lock file are used.
    scratch: ptables_kernel::netns::Scratch,
}

/// Of each zone: addresses of the gateway there, of the host, and further ones of the host.
const ZONES: [([&str; 2], [&str; 2], &[&str]); 4] = [
    (["203.0.113.5/24", "2001:db8:ff::5/64"], ["203.0.113.9/24", "2001:db8:ff::9/64"], &[]),
    (["192.168.1.1/24", "2001:db8:0:1::1/64"], ["192.168.1.7/24", "2001:db8:0:1::7/64"], &["10.66.0.1/32"]),
    (["192.168.2.1/24", "2001:db8:0:2::1/64"], ["192.168.2.80/24", "2001:db8:0:2::80/64"], &[]),
    (["192.168.3.1/24", "2001:db8:0:3::1/64"], ["192.168.3.7/24", "2001:db8:0:3::7/64"], &[]),
];

impl Town {
    /// The town, if this machine lets us build one.
    pub fn or_skip() -> Option<Town> {
        let scratch = scratch_or_skip()?;
        if !sys::is_root() {
            // Nobody is left to tell if this fails.
            let _ = writeln!(std::io::stderr(), "SKIPPED, not root");
            return None;
        }
        let gateway = Machine::new();
        gateway.set("net/ipv4/ip_forward", "1");
        gateway.set("net/ipv6/conf/all/forwarding", "1");
        let hosts: Vec<Machine> = ZONES
            .iter()
            .enumerate()
            .map(|(at, (own, theirs, more))| {
                let host = Machine::new();
                gateway.ip(&format!("link add eth{at} type veth peer name eth0 netns {}", host.path));
                for (machine, interface, addresses) in
                    [(&gateway, format!("eth{at}"), own), (&host, "eth0".to_owned(), theirs)]
                {
                    machine.ip(&format!("link set {interface} up"));
                    for address in addresses {
                        let nodad = if address.contains(':') { " nodad" } else { "" };
                        machine.ip(&format!("addr add {address} dev {interface}{nodad}"));
                    }
                }
                more.iter().for_each(|it| host.ip(&format!("addr add {it} dev eth0")));
                for (flag, gate) in ["-4", "-6"].iter().zip(own) {
                    let gate = gate.split('/').next().unwrap();
                    // The Internet knows no way to private networks, and would try: the gateway must say no by itself.
                    host.ip(&format!("{flag} route add default via {gate}"));
                }
                host
            })
            .collect();
        Some(Town { gateway, hosts, scratch })
    }

    pub fn lock_file(&self) -> PathBuf {
        self.scratch.directory().join("lock")
    }

    /// Makes the connection of a line of expectations: `WANTED PROTO SOURCE -> DESTINATION in ethN …`.
    pub fn ask(&self, line: &str) -> Answer {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at: usize = words.iter().find_map(|it| it.strip_prefix("eth")).unwrap().parse().unwrap();
        let client = &self.hosts[at];
        let (source, destination) = (words[2], words[4]);
        let proto = words[1];
        if proto.starts_with("icmp") {
            let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
            return client.run(move || ping(source, destination));
        }
        let (source, destination): (SocketAddr, SocketAddr) =
            (source.parse().unwrap(), destination.parse().unwrap());
        // Whoever is reached answers at this port.
        let any: IpAddr = if source.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
        let listen = SocketAddr::new(any, destination.port());
        let servers = || {
            std::iter::once(&self.gateway)
                .chain(&self.hosts)
                .filter(|it| !std::ptr::eq(*it, client) || at == 2)
        };
        if proto == "tcp" {
            let open: Vec<TcpListener> =
                servers().map(|it| it.run(move || TcpListener::bind(listen).unwrap())).collect();
            let own = ZONES[at].1.iter().any(|it| it.split('/').next() == Some(&source.ip().to_string()));
            if !own {
                let gate = ZONES[at].0[0].split('/').next().unwrap();
                client.ip(&format!("route replace {} via {gate} src {}", destination.ip(), source.ip()));
            }
            let answer = client.run(move || connect(destination));
            if !own {
                client.ip(&format!("route del {}", destination.ip()));
            }
            drop(open);
            return answer;
        }
        let open: Vec<UdpSocket> =
            servers().map(|it| it.run(move || UdpSocket::bind(listen).unwrap())).collect();
        let socket = client.run(move || UdpSocket::bind(source).unwrap());
        socket.connect(destination).unwrap();
        socket.send(b"?").unwrap();
        for it in &open {
            it.set_nonblocking(true).unwrap();
        }
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if open.iter().any(|it| it.recv(&mut [0; 8]).is_ok()) {
                return Answer::Passed;
            }
            thread::sleep(Duration::from_millis(5));
        }
        Answer::Nothing
    }

    /// The address from which the Internet sees a host of the network inside.
    pub fn seen_by_the_internet(&self) -> String {
        let listen = SocketAddr::from(([203, 0, 113, 9], 8443));
        let server = self.hosts[0].run(move || TcpListener::bind(listen).unwrap());
        let client = self.hosts[1].run(move || TcpStream::connect_timeout(&listen, PATIENCE).unwrap());
        let (_, peer) = server.accept().unwrap();
        drop(client);
        peer.ip().to_string()
    }
}

/// A TCP connection, from the address that the way there tells.
fn connect(destination: SocketAddr) -> Answer {
    match TcpStream::connect_timeout(&destination, SECOND_TRY) {
        Ok(_) => Answer::Passed,
        Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => Answer::Nothing,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Answer::Refused,
        Err(error) => panic!("{destination}: {error}"),
    }
}

/// An echo request, and its answer.
fn ping(source: IpAddr, destination: IpAddr) -> Answer {
    // Linux: IPPROTO_ICMP and IPPROTO_ICMPV6 over datagrams; the kernel fills in the rest of the header.
    let (domain, proto, kind) = if source.is_ipv4() { (2, 1, 8) } else { (10, 58, 128) };
    let socket = UdpSocket::from(sys::socket(domain, 2, proto).unwrap());
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(&[kind, 0, 0, 0, 0, 0, 0, 1], SocketAddr::new(destination, 0)).unwrap();
    match socket.recv(&mut [0; 64]) {
        Ok(_) => Answer::Passed,
        Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => Answer::Nothing,
        Err(error) => panic!("{source} -> {destination}: {error}"),
    }
}
