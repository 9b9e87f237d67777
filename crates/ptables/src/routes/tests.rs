use super::*;
use crate::source::Source;
use crate::value::addr::strict;

const SNAPSHOT: &str = "\
# ip -4 rule
0:\tfrom all lookup local
100:\tfrom all fwmark 0x1/0xff lookup 100
200:\tfrom 192.0.2.9 iif eth1 prohibit
300:\tfrom all to 203.0.113.0/24 oif eth1 lookup 100
32766:\tfrom all lookup main
# ip -4 route show table all
default via 192.0.2.254 dev wan table 100
default via 192.0.2.1 dev wan proto dhcp src 192.0.2.7 metric 100
default via 10.0.0.254 dev eth0 metric 50 dead linkdown
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1
10.9.0.0/16 metric 5
\tnexthop via 10.0.0.2 dev eth0 weight 1
\tnexthop via 10.0.0.3 dev eth0 weight 1
blackhole 10.8.0.0/16
unreachable 10.7.0.0/16
local 10.0.0.1 dev eth0 table local proto kernel scope host src 10.0.0.1
local 192.0.2.7 dev wan table local proto kernel scope host src 192.0.2.7
broadcast 10.0.0.255 dev eth0 table local proto kernel scope link src 10.0.0.1
# ip -4 addr
2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0
       valid_lft forever preferred_lft forever
3: wan    inet 198.51.100.7/24 scope global wan\\       valid_lft forever
3: wan    inet 192.0.2.7/24 scope global wan\\       valid_lft forever
# ip -6 route show table all
default via fe80::1 dev wan metric 1024 pref medium
2001:db8::/32 dev eth0 metric 256 pref medium
local 2001:db8::1 dev eth0 table local proto kernel metric 0 pref medium
net.ipv4.ip_forward = 1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.eth0.rp_filter = 0
net.ipv4.conf.eth1.rp_filter = 1
";

fn routes(text: &str) -> Routes {
    let (routes, wrong) = Routes::parse(&Source::new("routes", text).unwrap());
    assert!(wrong.is_empty(), "{wrong:?}");
    routes
}

fn iface(name: &str) -> Iface {
    Iface::parse(name.as_bytes()).unwrap()
}

fn v4(text: &str) -> u128 {
    strict(Family::V4, text.as_bytes()).unwrap()
}

fn find(source: &str, destination: &str, mark: u32, from: Option<&str>) -> Result<Way, &'static str> {
    let family = if source.contains(':') { Family::V6 } else { Family::V4 };
    let address = |text: &str| strict(family, text.as_bytes()).unwrap();
    let (source, destination) = (address(source), address(destination));
    let from = from.map(iface);
    routes(SNAPSHOT).find(&Query { family, source, destination, mark, from, is_made: true })
}

fn out(name: &str, gateway: &str) -> Result<Way, &'static str> {
    Ok(Way::Out { iface: iface(name), gateway: (!gateway.is_empty()).then(|| v4(gateway)) })
}

#[test]
fn rules_are_asked_by_priority_and_tables_by_the_longest_prefix() {
    assert_eq!(find("10.0.0.5", "198.51.100.1", 0, Some("eth0")), out("wan", "192.0.2.1"));
    assert_eq!(find("10.0.0.5", "198.51.100.1", 0x201, Some("eth0")), out("wan", "192.0.2.254"));
    assert_eq!(find("10.0.0.1", "10.0.0.9", 0, None), out("eth0", ""));
    assert_eq!(find("10.0.0.5", "192.0.2.7", 0, Some("eth0")), Ok(Way::Local));
    assert_eq!(find("10.0.0.5", "10.0.0.255", 0, Some("eth0")), Ok(Way::Local));
    assert_eq!(find("10.0.0.1", "192.0.2.7", 0, None), out("lo", ""));
}

#[test]
fn what_goes_nowhere_is_told_or_not() {
    let refused = |refusal| Ok(Way::Refused(refusal));
    assert_eq!(find("192.0.2.9", "198.51.100.1", 0, Some("eth1")), refused(Refusal::Prohibit));
    assert_eq!(find("10.0.0.1", "10.8.0.1", 0, None), refused(Refusal::Blackhole));
    assert_eq!(find("10.0.0.1", "10.7.0.1", 0, None), refused(Refusal::Unreachable));
    assert_eq!(find("10.0.0.5", "198.51.100.1", 0, Some("eth1")), refused(Refusal::Martian));
    assert_eq!(find("192.0.2.8", "198.51.100.1", 0, Some("eth1")), refused(Refusal::Martian));
    assert_eq!(find("127.0.0.1", "198.51.100.1", 0, Some("eth0")), refused(Refusal::Martian));
    assert_eq!(Refusal::Prohibit.answer(Family::V4), Some((3, 13)));
    assert_eq!(Refusal::Blackhole.answer(Family::V4), None);
}

#[test]
fn what_is_not_told_is_unknown() {
    assert_eq!(find("10.0.0.1", "10.9.0.1", 0, None), Err("a route leads over several ways"));
    assert!(
        find("10.0.0.1", "203.0.113.9", 0, None).is_err(),
        "the rule asks for the interface of the socket"
    );
    assert!(find("10.0.0.1", "224.0.0.5", 0, None).is_err());
    assert!(find("10.0.0.5", "198.51.100.1", 0, Some("wan")).is_err(), "its reverse path filter is not told");
    let only_main = routes("default via 192.0.2.1 dev wan\n");
    let query = Query {
        family: Family::V4,
        source: v4("10.0.0.1"),
        destination: v4("10.9.0.1"),
        mark: 0,
        from: None,
        is_made: true,
    };
    assert!(only_main.find(&query).is_err(), "nobody says which addresses are ours");
}

#[test]
fn lines_without_a_headline_are_of_the_family_of_their_addresses() {
    let way = find("2001:db8::5", "2001:db9::1", 0, Some("eth0"));
    let gateway = strict(Family::V6, b"fe80::1");
    assert_eq!(way, Ok(Way::Out { iface: iface("wan"), gateway }));
    assert_eq!(find("2001:db8::5", "2001:db8::1", 0, Some("eth0")), Ok(Way::Local));
}

#[test]
fn masquerade_takes_the_address_beside_the_router() {
    let routes = routes(SNAPSHOT);
    let of = |gateway| routes.masquerade(Family::V4, &iface("wan"), gateway);
    assert_eq!(of(Some(v4("192.0.2.1"))), Some(v4("192.0.2.7")));
    assert_eq!(of(Some(v4("203.0.113.1"))), Some(v4("198.51.100.7")));
    assert_eq!(of(None), None);
}

#[test]
fn a_wrong_line_is_told() {
    for text in
        ["10.0.0.0/33 dev eth0", "inet 10.0.0.1/24", "hello", "5: from all lookup", "1: from all fwmark x"]
    {
        let (_, wrong) = Routes::parse(&Source::new("routes", text).unwrap());
        assert_eq!(wrong.len(), 1, "{text}");
        assert_eq!(wrong[0].code, crate::diag::codes::PACKET_ROUTES, "{text}");
    }
}
