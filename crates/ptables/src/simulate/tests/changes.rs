//! What rules changed, and what nobody can tell, for the rules behind.

use super::*;
use Verdict::{Accept, Drop, Unknown};

fn of(backend: Backend, family: Family, rules: &str, told: &Packet) -> Verdict {
    let rules = ruleset_for(backend, family, rules);
    let simulator = Simulator::new(&rules, Options::default());
    assert_eq!(simulator.simulate(told).verdict, simulator.explain(told).verdict);
    simulator.simulate(told).verdict
}

#[test]
fn rules_behind_a_new_address_are_chosen_by_it() {
    // So many that they are looked up, by an address that the first of them writes.
    let others: String = (0..80).map(|it| format!("-A POSTROUTING -s fd00:0:{it:x}::/48\n")).collect();
    let rules = format!(
        "*mangle\n:POSTROUTING ACCEPT\n-A POSTROUTING -s fd00:1::/64 -j SNPT --src-pfx fd00:1::/64 --dst-pfx fd00:2::/64\n{others}\
         -A POSTROUTING -s fd00:2::/64 -j DROP\nCOMMIT\n"
    );
    let told = packet("udp [fd00:1::9]:1 -> [fd00:3::1]:2 in a out b");
    assert_eq!(of(Backend::Legacy, Family::V6, &rules, &told), Drop);
    let told = packet("udp [fd00:4::9]:1 -> [fd00:3::1]:2 in a out b");
    assert_eq!(of(Backend::Legacy, Family::V6, &rules, &told), Accept);
}

#[test]
fn the_kind_of_a_new_address_is_not_known() {
    let lost = |chain: &str, target: &str| {
        let rules = ruleset(&format!("*nat\n:{chain} ACCEPT\n-A {chain} -j {target}\nCOMMIT\n"));
        let told = packet("tcp 1.1.1.1:1 -> 2.2.2.2:2 in a out b");
        let trace = Simulator::new(&rules, Options::default()).simulate(&told);
        [Field::SourceType, Field::DestinationType].map(|it| trace.untold.iter().any(|lost| lost.0 == it))
    };
    assert_eq!(lost("PREROUTING", "DNAT --to-destination 3.3.3.3"), [false, true]);
    assert_eq!(lost("POSTROUTING", "SNAT --to-source 3.3.3.3"), [true, false]);
}

#[test]
fn what_the_kernel_decides_in_its_own_way_is_unknown() {
    let kinds = |kinds: &str| {
        let told = packet("udp [2001:db8::1]:1 -> [2001:db8::2]:2 in a out b dst-type=unicast");
        let rules =
            format!("*filter\n:FORWARD ACCEPT\n-A FORWARD -m addrtype --dst-type {kinds} -j DROP\nCOMMIT\n");
        of(Backend::Legacy, Family::V6, &rules, &told)
    };
    assert_eq!([kinds("LOCAL"), kinds("UNICAST"), kinds("LOCAL,UNICAST")], [Accept, Drop, Unknown]);
    let port = |what: &str| {
        let told = packet(&format!("tcp 1.1.1.1:1 -> 2.2.2.2:2 in a out b {what}"));
        let rules = "*filter\n:FORWARD ACCEPT\n-A FORWARD -p tcp -m tcp --dport 2 -j DROP\nCOMMIT\n";
        [Backend::Nft, Backend::Legacy].map(|it| of(it, Family::V4, rules, &told))
    };
    assert_eq!(port(""), [Drop, Drop]);
    assert_eq!(port("fragment=64"), [Unknown, Accept]);
    let policy = |pol: &str, used: &str| {
        let told = packet(&format!("tcp 1.1.1.1:1 -> 2.2.2.2:2 in a out b ipsec={used}"));
        let rules =
            format!("*filter\n:FORWARD ACCEPT\n-A FORWARD -m policy --dir in --pol {pol} -j DROP\nCOMMIT\n");
        of(Backend::Legacy, Family::V4, &rules, &told)
    };
    assert_eq!([policy("none", "yes"), policy("none", "no")], [Accept, Drop]);
    assert_eq!([policy("ipsec", "yes"), policy("ipsec", "no")], [Unknown, Accept]);
}

#[test]
fn the_segment_size_is_found_behind_an_option_with_its_number() {
    // An option of three bytes that has the number of the size, and the size.
    let mut told = packet("tcp 1.1.1.1:1 -> 2.2.2.2:2 in a out b flags=syn");
    let mut layout = told.layout();
    if let crate::packet::Transport::Tcp(tcp) = &mut layout.transport {
        tcp.options = vec![2, 3, 7, 2, 4, 5, 0xb4, 1];
    }
    told.set_bytes(&layout.to_bytes(Family::V4).unwrap()).unwrap();
    let rules = ruleset(
        "*mangle\n:FORWARD ACCEPT\n:POSTROUTING ACCEPT\n-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 100\n\
         -A POSTROUTING -p tcp -m tcpmss --mss 100 -j DROP\nCOMMIT\n",
    );
    assert_eq!(Simulator::new(&rules, Options::default()).verdict(&told), Drop);
}

#[test]
fn what_a_bridge_passes_on_is_seen_behind_its_choice() {
    let way = "udp 10.0.0.1:1 -> 10.0.0.2:2 in br0 out br0";
    let rules = |chain: &str, options: &str| {
        ruleset(&format!(
            "*mangle\n:PREROUTING ACCEPT\n:FORWARD ACCEPT\n:POSTROUTING ACCEPT\n:OUTPUT ACCEPT\n-A {chain} -m physdev {options} -j DROP\nCOMMIT\n"
        ))
    };
    let bridged = format!("{way} bridge-in=p1 bridge-out=p2");
    let routed = format!("{way} bridge-in=p1 bridge-out=none");
    let other = format!("{way} bridge-in=none");
    for (chain, options, drops) in [
        ("PREROUTING", "--physdev-in p1", [true, true, false]),
        ("PREROUTING", "--physdev-is-bridged", [false, false, false]),
        ("PREROUTING", "! --physdev-out p1", [false, false, true]),
        ("FORWARD", "--physdev-is-bridged", [true, false, false]),
        ("FORWARD", "--physdev-out p+", [true, false, false]),
        ("FORWARD", "! --physdev-out p1", [true, false, true]),
        ("POSTROUTING", "! --physdev-is-out", [false, true, true]),
        ("POSTROUTING", "--physdev-in p1", [true, true, false]),
    ] {
        let rules = rules(chain, options);
        let seen = [&bridged, &routed, &other].map(|it| verdict(&rules, it) == Drop);
        assert_eq!(seen, drops, "{chain} {options}");
        // Where it comes from must be told, and where it goes as far as it is seen.
        let known = options == "--physdev-is-bridged" && chain == "PREROUTING";
        assert_eq!(verdict(&rules, way) == Unknown, !known, "{chain} {options}");
    }
    assert_eq!(verdict(&rules("FORWARD", "--physdev-is-out"), &format!("{way} bridge-in=p1")), Unknown);
    // What is sent from here came through no bridge.
    let sent = "udp 10.0.0.1:1 -> 10.0.0.2:2 out br0";
    assert_eq!(verdict(&rules("OUTPUT", "! --physdev-is-in"), sent), Drop);
    assert_eq!(verdict(&rules("POSTROUTING", "--physdev-is-out"), sent), Accept);
}
