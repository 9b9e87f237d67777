//! A namespace in which a packet takes any path that its sender wishes, and ends behind the last table.

use std::fs;
use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::sys;
use crate::kernel::Kernel;

/// The interfaces, in the order of their numbers here. One's name is another's beginning.
pub const DEVICES: [&str; 5] = ["eth0", "eth1", "wlan0", "ppp0", "eth10"];
/// Who sends packets on the output path: user and group.
pub const OWNERS: [(u32, u32); 3] = [(0, 0), (1234, 77), (65534, 65534)];
/// Bits of the mark that a test may use. Those above choose the path and are gone before a table sees them.
pub const MARK_BITS: u32 = 0x00ff_ffff;

/// How many interfaces there may be at most.
pub const MAX_DEVICES: usize = 62;

/// Which way a packet goes: six bits of the mark. 1 and up: out through an interface.
const WAY_SHIFT: u32 = 24;
const WAY_BITS: u32 = 0x3f00_0000;
const LOCAL: u32 = 63;
const UNTRACKED: u32 = 0x4000_0000;
const SENT_BY_US: u32 = 0x8000_0000;

/// The way through the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// To the machine itself.
    Input,
    /// Through it.
    Forward,
    /// From it.
    Output,
}

impl Path {
    /// All three.
    pub const ALL: [Path; 3] = [Path::Input, Path::Forward, Path::Output];
}

/// To whom the link layer sends a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// To this machine.
    Host,
    /// To all. Such a packet is not forwarded.
    Broadcast,
    /// To a group. Such a packet is not forwarded.
    Multicast,
}

/// What tells a namespace's observers about packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watch {
    /// Counters only.
    Counters,
    /// The legacy tables log each matching rule.
    Legacy,
    /// nf_tables sends its trace.
    Nft,
    /// The ends of the paths count what passes, and what the kernel sends itself: [`World::ends`].
    Ends,
}

/// What came to the ends of the paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Packets that passed every table.
    pub passed: u64,
    /// Packets that the kernel sent by itself: answers to those that were rejected.
    pub answers: u64,
}

/// A packet and the way that it is to take.
#[derive(Clone, Debug)]
pub struct Wire<'a> {
    /// The path.
    pub path: Path,
    /// Number of the interface through which it comes (not on the output path).
    pub input: usize,
    /// Number of the interface through which it leaves (not on the input path).
    pub output: usize,
    /// Its mark before the first table, within [`MARK_BITS`].
    pub mark: u32,
    /// Its source Ethernet address.
    pub mac: [u8; 6],
    /// To whom the link layer sends it.
    pub link: Link,
    /// Number of the sender on the output path.
    pub owner: usize,
    /// Whether connection tracking leaves it alone. Needs a namespace that tracks.
    pub untracked: bool,
    /// From its IP header on.
    pub packet: &'a [u8],
}

impl Wire<'_> {
    /// Its destination Ethernet address, which tells the namespace how to treat it: to whom it is, whether it is tracked
    /// and on which way, and its mark.
    fn destination(&self) -> [u8; 6] {
        let [a, b, c, d] = self.mark.to_ne_bytes();
        let untracked = if self.untracked { 0x40 } else { 0 };
        let to = match self.link {
            Link::Host => 0,
            Link::Broadcast => 2,
            Link::Multicast => 4,
        };
        [to, self.way() as u8 | untracked, a, b, c, d]
    }

    fn way(&self) -> u32 {
        if self.path == Path::Input { LOCAL } else { self.output as u32 + 1 }
    }
}

/// A namespace of the calling thread. Its processes and sockets belong to it as well.
#[derive(Debug)]
pub struct World {
    taps: Vec<OwnedFd>,
    senders: Vec<[OwnedFd; 2]>,
    lock: PathBuf,
    frame: Vec<u8>,
    /// It is the thread that is in the namespace: no other may use this.
    thread: PhantomData<*const ()>,
}

impl World {
    /// Moves the calling thread into a new namespace, for good. `tracked`: connections are tracked, whatever the rules
    /// say; then no fragment is seen.
    ///
    /// # Errors
    /// What could not be done. Needs the root of the machine.
    pub fn new(watch: Watch, tracked: bool) -> io::Result<World> {
        World::with_devices(watch, tracked, &DEVICES)
    }

    /// The same with other interfaces, at most [`MAX_DEVICES`].
    ///
    /// # Errors
    /// As [`World::new`].
    pub fn with_devices(watch: Watch, tracked: bool, devices: &[&str]) -> io::Result<World> {
        if devices.len() > MAX_DEVICES {
            return Err(io::Error::other("more interfaces than ways"));
        }
        sys::new_network()?;
        for (name, value) in [
            // Without these the kernel sends packets of its own.
            ("ipv6/conf/default/addr_gen_mode", "1"),
            ("ipv6/conf/default/accept_dad", "0"),
            ("ipv6/conf/default/router_solicitations", "0"),
            // Any source may come from anywhere.
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
            ("ipv4/conf/default/accept_local", "1"),
            ("ipv4/conf/all/accept_local", "1"),
            ("ipv4/conf/all/log_martians", "0"),
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            // Every packet that is answered is answered: no type is limited but one that is never sent.
            ("ipv4/icmp_ratemask", "0"),
            ("ipv6/icmp/ratemask", "255"),
        ] {
            set(name, value)?;
        }
        let taps = devices.iter().map(|name| sys::tap(name)).collect::<io::Result<Vec<_>>>()?;
        run("ip", &["-batch", "-"], &links(devices))?;
        for family in ["-4", "-6"] {
            run("ip", &[family, "-batch", "-"], &routes(family == "-6", devices))?;
        }
        run("nft", &["-f", "-"], &harness(watch, tracked, devices))?;
        if matches!(watch, Watch::Legacy | Watch::Nft) {
            set("netfilter/nf_log/2", "nfnetlink_log")?;
            set("netfilter/nf_log/10", "nfnetlink_log")?;
        }
        set("netfilter/nf_conntrack_checksum", "0")?;
        let lock = std::env::temp_dir().join(format!(
            "ptables-judge-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        let mut world = World { taps, senders: Vec::new(), lock, frame: Vec::new(), thread: PhantomData };
        for (user, group) in OWNERS {
            world.add_owner(user, group)?;
        }
        Ok(world)
    }

    /// Another sender on the output path: a user and a group. Returns its number.
    ///
    /// # Errors
    /// The kernel's.
    pub fn add_owner(&mut self, user: u32, group: u32) -> io::Result<usize> {
        const IPV6_HDRINCL: i32 = 36;
        let sender = |domain| sys::socket(domain, libc::SOCK_RAW, libc::IPPROTO_RAW);
        let [v4, v6] =
            [libc::AF_INET, libc::AF_INET6].map(|domain| sys::as_owner(user, group, || sender(domain)));
        let (v4, v6) = (v4?, v6?);
        sys::set_option(&v6, libc::IPPROTO_IPV6, IPV6_HDRINCL, 1)?;
        self.senders.push([v4, v6]);
        Ok(self.senders.len() - 1)
    }

    /// What has come to the ends of the paths since the namespace was made; it needs [`Watch::Ends`].
    ///
    /// # Errors
    /// That `nft` cannot be asked.
    pub fn ends(&self) -> io::Result<Ends> {
        let text = output("nft", &["list", "table", "inet", "judge"], "")?;
        let mut ends = Ends::default();
        let mut chain = "";
        for line in text.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("chain ") {
                chain = rest.trim_end_matches(" {");
            }
            let Some((_, rest)) = line.split_once("counter packets ") else { continue };
            let count = rest.split(' ').next().and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
            match chain {
                "sink_in" | "sink_post" => ends.passed += count,
                "k_out" => ends.answers += count,
                _ => {}
            }
        }
        Ok(ends)
    }

    /// The lock file of this namespace's legacy tools.
    pub fn lock_file(&self) -> &std::path::Path {
        &self.lock
    }

    /// Sends a packet. When it returns, all tables have seen it.
    ///
    /// # Errors
    /// The kernel's. A table that drops a packet of the output path is none.
    pub fn send(&mut self, wire: &Wire<'_>) -> io::Result<()> {
        let v6 = wire.packet.first().is_some_and(|byte| byte >> 4 == 6);
        if wire.path == Path::Output {
            let untracked = if wire.untracked { UNTRACKED } else { 0 };
            let mark = SENT_BY_US | wire.way() << WAY_SHIFT | untracked | wire.mark & MARK_BITS;
            return match sys::send_marked(&self.senders[wire.owner][usize::from(v6)], wire.packet, mark) {
                // What a rule that drops it answers to the sender.
                Err(error) if error.raw_os_error() == Some(libc::EPERM) => Ok(()),
                result => result.map(drop),
            };
        }
        self.frame.clear();
        self.frame.extend(wire.destination());
        self.frame.extend(wire.mac);
        self.frame.extend(if v6 { [0x86, 0xdd] } else { [8, 0] });
        self.frame.extend(wire.packet);
        sys::write(&self.taps[wire.input], &self.frame).map(drop)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // There may be none: the tools make it.
        let _ = fs::remove_file(&self.lock);
    }
}

fn set(name: &str, value: &str) -> io::Result<()> {
    let path = format!("/proc/sys/net/{name}");
    fs::write(&path, value).map_err(|error| io::Error::other(format!("{path}: {error}")))
}

/// Runs a program of the system in the namespace.
///
/// # Errors
/// That it is not there, or what it said.
pub fn run(program: &str, arguments: &[&str], input: &str) -> io::Result<()> {
    output(program, arguments, input).map(drop)
}

/// Runs a program of the system in the namespace, and gives what it printed.
fn output(program: &str, arguments: &[&str], input: &str) -> io::Result<String> {
    let output = Kernel::new().run_program(program, arguments, input.as_bytes()).map_err(io::Error::other)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    Err(io::Error::other(format!("{program} {}: {message}", arguments.join(" "))))
}

fn links(devices: &[&str]) -> String {
    let mut text = "link set lo up\n".to_owned();
    for (at, name) in devices.iter().enumerate() {
        text.push_str(&format!("link set {name} address 02:aa:00:00:00:{at:02x} arp off mtu 9000 up\n"));
        text.push_str(&format!("link set {name} group {}\n", at * 2));
    }
    text
}

/// The address of an interface, in one family.
pub fn address(v6: bool, device: usize) -> String {
    if v6 { format!("fd09:{}::1", device + 1) } else { format!("10.9.{}.1", device + 1) }
}

/// The way is chosen by bits of the mark; without them, all goes out through the first interface. What has no such
/// bits: what asks for a route on behalf of a match, and what was changed on the output path.
fn routes(v6: bool, devices: &[&str]) -> String {
    let mut text = String::new();
    let length = if v6 { 128 } else { 32 };
    let mut way = |number: u32, route: &str| {
        let table = 100 + number;
        text.push_str(&format!("route add {route} table {table}\n"));
        let mark = number << WAY_SHIFT;
        text.push_str(&format!(
            "rule add pref {} fwmark {mark:#x}/{WAY_BITS:#x} lookup {table}\n",
            10 + number
        ));
    };
    way(LOCAL, "local default dev lo");
    for (at, name) in devices.iter().enumerate() {
        way(at as u32 + 1, &format!("default dev {name}"));
    }
    for (at, name) in devices.iter().enumerate() {
        text.push_str(&format!("addr add {}/{length} dev {name}\n", address(v6, at)));
        if !v6 {
            text.push_str(&format!("route add broadcast 10.9.{}.255 dev {name} table local\n", at + 1));
        }
    }
    if let Some(first) = devices.first() {
        text.push_str(&format!("route add default dev {first}\n"));
    }
    // Before the local table is asked, the mark is.
    text.push_str("rule add pref 200 lookup local\nrule del pref 0\n");
    text
}

/// Logs what has passed every table: `OUT`; where connections are tracked, with its state, those of the status bits 16 and 32
/// (translated) that are set, and whether 128 and 256 (settled) both are.
fn told_end(tracked: bool) -> String {
    let log = |words: &str| format!("log prefix \"OUT{words}\" group 0 queue-threshold 1");
    let mut text = String::new();
    if tracked {
        for state in ["new", "established", "related"] {
            for nat in [0, 16, 32, 48] {
                for (settled, asked) in [(1, "ct status & 0x180 == 0x180 "), (0, "")] {
                    let told = log(&format!(" {state} {nat} {settled}"));
                    text.push_str(&format!(
                        "ct state {state} ct status & 0x30 == {nat:#x} {asked}{told} drop\n"
                    ));
                }
            }
        }
        for state in ["invalid", "untracked"] {
            text.push_str(&format!("ct state {state} {} drop\n", log(&format!(" {state}"))));
        }
    }
    format!("{text}{}; drop;", log(""))
}

fn harness(watch: Watch, tracked: bool, devices: &[&str]) -> String {
    let trace = if matches!(watch, Watch::Counters | Watch::Ends) { "" } else { "meta nftrace set 1; " };
    let sink = match watch {
        Watch::Counters => "drop;".to_owned(),
        Watch::Ends => "counter drop;".to_owned(),
        Watch::Legacy | Watch::Nft => told_end(tracked),
    };
    // Of what the kernel sends by itself, only answers are told.
    let told = match watch {
        Watch::Counters => None,
        Watch::Ends => Some("counter;"),
        Watch::Legacy | Watch::Nft => Some("log prefix \"ANSWER\" group 0 queue-threshold 1;"),
    };
    let answers = told.map_or(String::new(), |told| {
        let own = format!("    meta mark & {SENT_BY_US:#x} == 0");
        format!(
            "{own} icmp type {{ destination-unreachable, time-exceeded, parameter-problem }} {told}
{own} icmpv6 type {{ destination-unreachable, time-exceeded, parameter-problem }} {told}
{own} tcp flags & rst == rst {told}
"
        )
    });
    let (frame, sent) = if tracked {
        (
            "  chain k_trk { type filter hook prerouting priority -250; @ll,8,8 & 0x40 != 0 notrack; }
  chain k_tro { type filter hook output priority -250; meta priority 0x70007 notrack; }
"
            .to_owned(),
            // The mark is another by then.
            format!("meta mark & {UNTRACKED:#x} != 0 meta priority set 0x70007; "),
        )
    } else {
        (String::new(), String::new())
    };
    // A look at the connection is what makes the kernel track them.
    let look = if tracked { "ct state new counter; " } else { "" };
    let clear = format!("meta mark set meta mark & {MARK_BITS:#x};");
    let ways: String = (1..=devices.len() as u32)
        .chain([LOCAL])
        .map(|way| {
            let bits = way << WAY_SHIFT;
            format!("    @ll,8,8 & 0x3f == {way} meta mark set meta mark & {MARK_BITS:#x} | {bits:#x};\n")
        })
        .collect();
    let names: Vec<String> = devices.iter().map(|name| format!("\"{name}\"")).collect();
    let names = names.join(", ");
    format!(
        "table netdev judge {{
  chain k_in {{ type filter hook ingress devices = {{ {names} }} priority 0;
    @ll,0,8 0 meta pkttype set host; @ll,0,8 2 meta pkttype set broadcast; @ll,0,8 4 meta pkttype set multicast; }}
}}
table inet judge {{
  chain k_pre {{ type filter hook prerouting priority -350; {trace}meta mark set @ll,16,32; }}
  chain k_route {{ type filter hook prerouting priority 400;\n{ways}  }}
  chain k_inp {{ type filter hook input priority -160; {look}{clear} }}
  chain k_fwd {{ type filter hook forward priority -160; {clear} }}
  chain k_out {{ type filter hook output priority -350;
{answers}    meta mark & {SENT_BY_US:#x} == 0 drop; {trace}{sent}{clear} }}
{frame}  chain sink_in {{ type filter hook input priority 400; {sink} }}
  chain sink_post {{ type filter hook postrouting priority 400; {sink} }}
}}
"
    )
}
