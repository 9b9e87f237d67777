//! Texts of sets, and packets that are looked up in them.

use super::*;
use crate::diag::codes;
use crate::source::Source;
use crate::value::BuiltinNames;
use crate::value::mac::Mac;
use crate::value::set_dirs::SetDirs;

fn read(text: &str) -> (Sets, Vec<Diagnostic>) {
    parse(&Source::new("sets", text).unwrap(), &BuiltinNames)
}

fn good(text: &str) -> Sets {
    let (sets, errors) = read(text);
    assert!(errors.is_empty(), "{text}: {:?}", errors.iter().map(|it| &it.message).collect::<Vec<_>>());
    sets
}

/// TCP to 198.51.100.2:80 that came through eth0, from this host of 192.0.2.0/24, after so many seconds.
struct Tcp(u8, u64);

/// From 192.0.2.7:40000.
const TCP: Tcp = Tcp(7, 0);

impl Asked for Tcp {
    fn family(&self) -> Family {
        Family::V4
    }
    fn address(&self, source: bool) -> Told<u128> {
        Ok(Some(if source { 0xc000_0200 + u128::from(self.0) } else { 0xc633_6402 }))
    }
    fn port(&self, source: bool) -> Told<(u8, u16)> {
        Ok(Some((6, if source { 40000 } else { 80 })))
    }
    fn iface(&self, incoming: bool) -> Told<&[u8]> {
        Ok(incoming.then_some(b"eth0"))
    }
    fn mac(&self, _: bool) -> Told<Mac> {
        Err("the Ethernet addresses are not told")
    }
    fn mark(&self) -> Told<u32> {
        Ok(Some(5))
    }
    fn elapsed(&self) -> u64 {
        self.1
    }
}

fn found(text: &str, dirs: &str) -> Result<Found, &'static str> {
    let (contents, errors) = Contents::new(&good(text));
    assert!(errors.is_empty(), "{:?}", errors.iter().map(|it| &it.message).collect::<Vec<_>>());
    contents.find_in(b"s", &TCP, SetDirs::parse(dirs.as_bytes()).unwrap(), false)
}

#[test]
fn every_type_has_a_row_and_is_found_by_its_name() {
    assert_eq!(SetType::all().count(), 16);
    for kind in SetType::all() {
        assert_eq!(SetType::find(kind.as_str().as_bytes()), Some(kind));
        assert!(!kind.parts().is_empty());
    }
    assert_eq!(SetType::find(b"iphash"), Some(SetType::HashIp));
}

#[test]
fn what_ipset_saves_is_read_and_written_again() {
    let text = "create s hash:ip family inet hashsize 1024 maxelem 65536 timeout 0 counters comment skbinfo bucketsize 12 initval 0xb17fa9cd
add s 192.0.2.1 timeout 0 packets 5 bytes 10 comment \"hello \\ y\" skbmark 0x11/0xff skbprio 1:2 skbqueue 4
create n hash:net family inet6 hashsize 64 maxelem 5 bucketsize 12 initval 0x00000001
add n 2001:db8::/32
add n 2001:db8:1::/48 nomatch
create i hash:net,iface
add i 0.0.0.0/0,eth wildcard
add i 192.0.2.0/24,physdev:eth0
create p hash:ip,port
add p 192.0.2.1,6:80-81
add p 192.0.2.1,1:8/0
create b bitmap:ip range 10.0.0.0-10.0.255.255 netmask 24
add b 10.0.3.0
create o bitmap:port range 0-1023
add o 80-90
create m bitmap:ip,mac range 10.0.0.0-10.0.0.255
add m 10.0.0.1
add m 10.0.0.2,00:11:22:33:44:55
create k hash:ip,mark markmask 0x000000ff
add k 192.0.2.1,0x00000005
create l list:set size 8
add l s
add l n before s
";
    let sets = good(text);
    assert_eq!(String::from_utf8(print(&sets).unwrap()).unwrap(), text);
    assert_eq!(sets.get(b"p").unwrap().entries[0].parts[1], Part::Ports(6, 80, 81));
}

#[test]
fn commands_are_carried_out() {
    let sets = good(
        "-N a iphash
-N c nethash --hashsize 2000
-exist add a 192.0.2.4
add a \"192.0.2.5\"\r
del a 192.0.2.4
rename a z
create b hash:ip
swap z b
destroy z
flush c
# remark
COMMIT
",
    );
    let text = String::from_utf8(print(&sets).unwrap()).unwrap();
    assert_eq!(text, "create b hash:ip\nadd b 192.0.2.5\ncreate c hash:net hashsize 2000\n");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let cases = [
        ("add s 192.0.2.1", "s", codes::IPSET_BAD_LINE),
        ("create s hash:foo", "hash:foo", codes::IPSET_BAD_SET),
        ("create s bitmap:port", "create s bitmap:port", codes::IPSET_BAD_SET),
        ("create s hash:ip netmask 33", "33", codes::IPSET_BAD_SET),
        ("create s hash:ip range 1-2", "range", codes::IPSET_BAD_SET),
        ("create s hash:ip timeout 1 timeout 2", "timeout", codes::IPSET_BAD_SET),
        ("create \"a b\" hash:ip", "a b", codes::IPSET_BAD_SET),
        ("create s hash:ip\nadd s 192.0.2.x", "192.0.2.x", codes::IPSET_BAD_ENTRY),
        ("create s hash:ip\nadd s 2001:db8::1", "2001:db8::1", codes::IPSET_BAD_ENTRY),
        ("create s hash:ip\nadd s 192.0.2.1 timeout 5", "timeout", codes::IPSET_BAD_ENTRY),
        ("create s hash:ip\nadd s 192.0.2.1 nomatch", "nomatch", codes::IPSET_BAD_ENTRY),
        ("create s hash:net\nadd s 0.0.0.0/0", "0.0.0.0/0", codes::IPSET_BAD_ENTRY),
        ("create s hash:ip,port\nadd s 192.0.2.1", "192.0.2.1", codes::IPSET_BAD_ENTRY),
        ("create s hash:ip,port\nadd s 192.0.2.1,gre:5", "gre:5", codes::IPSET_BAD_ENTRY),
        ("create s hash:ip,port\nadd s 192.0.2.1,icmp:8", "8", codes::IPSET_BAD_ENTRY),
        ("create s hash:ip comment\nadd s 192.0.2.1 comment \"a", "\"a", codes::IPSET_BAD_LINE),
        ("frobnicate s", "frobnicate", codes::IPSET_BAD_LINE),
    ];
    for (text, place, code) in cases {
        let (_, errors) = read(text);
        assert_eq!(errors.len(), 1, "{text}");
        let crate::origin::Origin::Text(at) = errors[0].origin() else { panic!("{text}: no place") };
        assert_eq!((at.to_lossy().as_str(), errors[0].code), (place, code), "{text}");
    }
}

#[test]
fn no_string_leaves_its_place() {
    let mut set = Set::new("s", SetType::HashIp);
    set.options.comment = true;
    set.add("192.0.2.1", &BuiltinNames).unwrap();
    for comment in ["a\nadd s 192.0.2.2", "a\" timeout 5 comment \"b", "a\rb", "\0"] {
        set.entries[0].comment = Some(comment.into());
        assert_eq!(print([&set]).unwrap_err()[0].code, codes::IPSET_BAD_ENTRY);
    }
    set.entries[0].comment = Some("a \\ b".into());
    assert!(print([&set]).unwrap().ends_with(b"add s 192.0.2.1 comment \"a \\ b\"\n"));
    for name in ["", "a b", "a\nb", "-exist", "a\"b", "12345678901234567890123456789012"] {
        set.name = name.into();
        assert_eq!(print([&set]).unwrap_err()[0].code, codes::IPSET_BAD_SET, "{name}");
    }
}

#[test]
fn entries_that_ipset_restore_refuses_are_told() {
    for (text, message) in [
        ("create s hash:ip\nadd s 192.0.2.1\nadd s 192.0.2.1\n", "it is in the set already"),
        ("create s hash:ip\nadd s 0.0.0.0\n", "an address of zeros cannot be in such a set"),
        ("create s hash:ip maxelem 2\nadd s 192.0.2.4/30\n", "the set is full"),
        ("create s bitmap:port range 5-9\nadd s 4\n", "it is not in the range of the set"),
        ("create s list:set\nadd s t\n", "a member of a list is a set that was made before, and no list"),
    ] {
        let (_, errors) = Contents::new(&good(text));
        assert_eq!(errors.iter().map(|it| it.message.as_str()).collect::<Vec<_>>(), [message], "{text}");
    }
    let (_, errors) = Contents::new(&good("create s hash:ip\nadd s 192.0.2.1\nadd s 192.0.2.1 -exist\n"));
    assert!(errors.is_empty());
}

#[test]
fn packets_are_found_as_the_kernel_finds_them() {
    for (text, dirs, wanted) in [
        ("create s hash:ip\nadd s 192.0.2.4-192.0.2.9\n", "src", Found::Yes),
        ("create s hash:ip\nadd s 192.0.2.4-192.0.2.9\n", "dst", Found::No),
        ("create s hash:ip netmask 24\nadd s 192.0.2.200\n", "src", Found::Yes),
        ("create s hash:ip family inet6\nadd s ::1\n", "src", Found::No),
        ("create s hash:net\nadd s 192.0.0.0/16\nadd s 192.0.2.0/24 nomatch\n", "src", Found::Exception),
        ("create s hash:net\nadd s 192.0.2.0/24\nadd s 192.0.0.0/16 nomatch\n", "src", Found::Yes),
        ("create s hash:net\nadd s 192.0.2.3-192.0.2.9\n", "src", Found::Yes),
        // Too few directions find nothing; more than enough do no harm.
        ("create s hash:ip,port\nadd s 198.51.100.2,80\n", "dst", Found::No),
        ("create s hash:ip,port\nadd s 198.51.100.2,80\n", "dst,dst,src", Found::Yes),
        ("create s hash:ip,port\nadd s 192.0.2.7,udp:80\n", "src,dst", Found::No),
        ("create s hash:net,port\nadd s 192.0.2.0/24,79-81\n", "src,dst", Found::Yes),
        ("create s hash:ip,port,ip\nadd s 192.0.2.7,80,198.51.100.2\n", "src,dst,dst", Found::Yes),
        ("create s hash:ip,port,net\nadd s 192.0.2.7,80,198.51.100.0/24\n", "src,dst,dst", Found::Yes),
        (
            "create s hash:net,net\nadd s 192.0.2.0/24,0.0.0.0/0\nadd s 192.0.2.0/24,198.51.0.0/16 nomatch\n",
            "src,dst",
            Found::Exception,
        ),
        ("create s hash:net,port,net\nadd s 0.0.0.0/0,80,198.51.100.0/24\n", "src,dst,dst", Found::Yes),
        ("create s hash:net,iface\nadd s 192.0.2.0/24,eth0\n", "src,src", Found::Yes),
        ("create s hash:net,iface\nadd s 192.0.2.0/24,eth0\n", "src,dst", Found::No),
        ("create s hash:net,iface\nadd s 192.0.2.0/24,et wildcard\n", "src,src", Found::Yes),
        ("create s hash:net,iface\nadd s 192.0.2.0/24,eth1\nadd s 192.0.0.0/16,eth0\n", "src,src", Found::No),
        ("create s hash:ip,mark\nadd s 192.0.2.7,5\n", "src,src", Found::Yes),
        ("create s bitmap:ip range 192.0.2.0/24\nadd s 192.0.2.7\n", "src", Found::Yes),
        ("create s bitmap:port range 0-1023\nadd s 80\n", "dst", Found::Yes),
        (
            "create a hash:ip\nadd a 192.0.2.8\ncreate b hash:ip\nadd b 192.0.2.7\ncreate s list:set\nadd s a\nadd s b\n",
            "src",
            Found::Yes,
        ),
    ] {
        assert_eq!(found(text, dirs), Ok(wanted), "{text} {dirs}");
    }
    assert!(found("create s hash:mac\nadd s 00:11:22:33:44:55\n", "src").is_err());
    assert!(found("create t hash:ip\n", "src").is_err());
}

#[test]
fn a_rule_puts_packets_in_and_takes_them_out() {
    let text =
        "create s hash:net timeout 60\nadd s 10.0.0.0/8\nadd s 10.1.0.0/24\ncreate l list:set\nadd l s\n";
    let (mut contents, _) = Contents::new(&good(text));
    let dirs = SetDirs::parse(b"src").unwrap();
    contents.insert(b"l", &TCP, dirs, false, None).unwrap();
    assert_eq!(contents.find_in(b"s", &TCP, dirs, false), Ok(Found::Yes));
    contents.remove(b"s", &TCP, dirs).unwrap();
    assert_eq!(contents.find_in(b"s", &TCP, dirs, false), Ok(Found::No));
}

#[test]
fn a_full_set_takes_no_more_but_where_something_went() {
    let dirs = SetDirs::parse(b"src").unwrap();
    let full = "create s hash:ip maxelem 2\nadd s 192.0.2.1\nadd s 192.0.2.2\n";
    let (mut contents, _) = Contents::new(&good(full));
    contents.insert(b"s", &TCP, dirs, false, None).unwrap();
    assert_eq!(contents.find_in(b"s", &TCP, dirs, false), Ok(Found::No));
    contents.remove(b"s", &Tcp(1, 0), dirs).unwrap();
    contents.insert(b"s", &TCP, dirs, false, None).unwrap();
    assert_eq!(contents.find_in(b"s", &TCP, dirs, false), Ok(Found::Yes));
    // In the kernel's bucket there may be a place left.
    let why = contents.insert(b"s", &Tcp(8, 0), dirs, false, None).unwrap_err();
    assert!(why.starts_with("whether a full set takes"), "{why}");
}

#[test]
fn what_has_gone_makes_room_in_a_full_set() {
    let dirs = SetDirs::parse(b"src").unwrap();
    let text = "create s hash:ip maxelem 2 timeout 9\nadd s 192.0.2.1\nadd s 192.0.2.2 timeout 0\n";
    for (elapsed, wanted) in [(5, Found::No), (20, Found::Yes)] {
        let (mut contents, _) = Contents::new(&good(text));
        let later = Tcp(7, elapsed);
        contents.insert(b"s", &later, dirs, false, None).unwrap();
        assert_eq!(contents.find_in(b"s", &later, dirs, false), Ok(wanted), "{elapsed}");
    }
    let (mut contents, _) = Contents::new(&good(&text.replace("maxelem", "hashsize 4096 maxelem")));
    assert!(contents.insert(b"s", &Tcp(7, 20), dirs, false, None).is_err());
}

#[test]
fn two_entries_for_one_interface_are_not_told_apart() {
    let text = "create s hash:net,iface\nadd s 192.0.2.0/24,eth0\nadd s 192.0.2.0/24,et wildcard\n";
    let (mut contents, _) = Contents::new(&good(text));
    assert!(contents.remove(b"s", &TCP, SetDirs::parse(b"src,src").unwrap()).is_err());
}
