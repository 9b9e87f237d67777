use super::*;
use crate::source::Text;

fn packet(text: &str) -> Packet {
    Packet::parse(&Text::from(text)).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

const TEXTS: &[&str] = &[
    "tcp 192.0.2.7:40000 -> 198.51.100.2:22 flags=SYN in eth0 new",
    "tcp 192.0.2.7:40000 -> 198.51.100.2:22 flags=SYN,ACK,ECE seq=7 ack=8 reserved=3 window=9 urgent=1 mss=1460 in eth0 out eth1",
    "tcp 192.0.2.7:1 -> 192.0.2.8:2 flags=NONE tcp-options=0x01010402 ttl=1 tos=0x2e id=77 df options=0x01010101 out eth1 uid=1 gid=2",
    "tcp [2001:db8::1]:40000 -> [2001:db8::2]:22 flags=SYN hop-limit=3 flow=77 ext=hbh:0x05020000 ext=dst payload=\"a \\\"b\\\\\" in eth0 mac=02:00:00:00:00:01 mac-to=ff:ff:ff:ff:ff:ff pkttype=broadcast mark=0x7",
    "udp 192.0.2.7:53 -> 192.0.2.8:1024 payload=0x00ff in eth0 established reply ctmark=0x1 ctstatus=15 ctexpire=30 ctlabels=0x4 helper=ftp zone=3 orig=10.0.0.1:5>10.0.0.2:6",
    "udp 192.0.2.7:53 -> 192.0.2.8:1024 in eth0 new replies=192.0.2.8:1024>1.1.1.1:53",
    "icmp 192.0.2.7 -> 192.0.2.8 type=3 code=1 rest=0x10002 in eth0 related",
    "icmpv6 fe80::1 -> ff02::1 type=135 in eth0",
    "udplite 192.0.2.7:1 -> 192.0.2.8:2 coverage=8 in eth0 invalid",
    "sctp 192.0.2.7:1 -> 192.0.2.8:2 tag=9 payload=0x01000004 in eth0 untracked",
    "dccp 192.0.2.7:1 -> 192.0.2.8:2 type=1 rest=0x0000000000000001 in eth0",
    "ah 192.0.2.7 -> 192.0.2.8 next=6 reserved=1 spi=5 seq=6 check=0x01020304 in eth0",
    "esp 2001:db8::1 -> 2001:db8::2 spi=5 seq=6 in eth0",
    "ipcomp 192.0.2.7 -> 192.0.2.8 next=6 flags=1 cpi=7 in eth0",
    "tcp 192.0.2.7 -> 192.0.2.8 mf fragment=8 payload=0x00 in eth0 out eth1",
    "tcp 192.0.2.7 -> 192.0.2.8 headless payload=0x00 in eth0 out eth1",
    "gre 192.0.2.7 -> 192.0.2.8 output src-type=LOCAL dst-type=NONE reverse-path=no socket=yes ipsec=no realm=1 in-group=2 out-group=3 cpu=0 cgroup=5 bridge-in=none bridge-out=br0 now=1700000000 set:blocked=yes",
];

#[test]
fn texts_print_as_they_were_written() {
    for text in TEXTS {
        let packet = packet(text);
        let printed = packet.to_string();
        // Padding is written out.
        if !text.contains("ext=hbh") {
            assert_eq!(printed, *text);
        }
        assert_eq!(super::Packet::parse(&Text::from(printed)).unwrap(), packet, "{text}");
    }
}

#[test]
fn what_no_field_holds_is_printed_as_bytes() {
    let mut bytes = packet(TEXTS[0]).to_bytes().to_vec();
    bytes[10] ^= 1;
    let wrong = Packet::from_bytes(&bytes, Path::Input).unwrap();
    let text = wrong.to_string();
    assert!(text.starts_with("bytes 0x45"), "{text}");
    assert_eq!(Packet::parse(&Text::from(text)).unwrap(), wrong);
}

#[test]
fn checksums_of_transport_headers_are_right() {
    // Summed over pseudo header and header, a right checksum gives 0xffff.
    let bytes = packet("udp 192.0.2.7:53 -> 192.0.2.8:1024 payload=\"odd\" in eth0").to_bytes().to_vec();
    let mut sum = 17 + bytes.len() as u64 - 20;
    for pair in bytes[12..].chunks(2) {
        sum += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    }
    assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    assert!(checksum::header_is_right(Family::V4, &bytes));
}

#[test]
fn errors_point_at_the_word() {
    for (text, word) in [
        ("tcq 1.1.1.1 -> 2.2.2.2 in eth0", "tcq"),
        ("tcp 1.1.1.256:1 -> 2.2.2.2 in eth0", "1.1.1.256:1"),
        ("tcp 1.1.1.1 -> ::2 in eth0", "::2"),
        ("tcp 1.1.1.1 -> 2.2.2.2 in eth0 flavour=1", "flavour"),
        ("udp 1.1.1.1 -> 2.2.2.2 in eth0 flags=SYN", "flags"),
        ("udp 1.1.1.1 -> 2.2.2.2 in eth0 ttl=256", "256"),
        ("icmp 1.1.1.1:7 -> 2.2.2.2 in eth0", "1.1.1.1:7"),
        ("udp 1.1.1.1 -> 2.2.2.2 in eth0 length=27", "27"),
        ("udp 1.1.1.1 -> 2.2.2.2 in eth0 payload=\"x", "payload=\"x"),
        ("udp 1.1.1.1 -> 2.2.2.2", "udp 1.1.1.1 -> 2.2.2.2"),
    ] {
        let error = Packet::parse(&Text::from(text)).expect_err(text);
        let crate::origin::Origin::Text(at) = error.origin() else { panic!("{text}: no place") };
        assert_eq!(at.to_lossy(), word, "{text}: {}", error.message);
    }
}

#[test]
fn extension_headers_are_gone_past_as_the_kernel_does() {
    let view = |packet: &Packet| (packet.view().proto, packet.view().transport, packet.view().fragment);
    let udp = "udp [2001:db8::1]:1 -> [2001:db8::2]:2 in eth0";
    assert_eq!(view(&packet(udp)), (Some(17), 40, 0));
    assert_eq!(view(&packet(&format!("{udp} ext=hbh ext=dst"))), (Some(17), 56, 0));
    assert_eq!(view(&packet(&format!("{udp} ext=frag:0x00000900000001"))), (Some(17), 0, 1));
    let cut = Packet::from_bytes(&packet(&format!("{udp} ext=dst")).to_bytes()[..48], Path::Input);
    assert_eq!(cut, Err(PacketError::Cut));
}

#[test]
fn a_packet_without_an_entry_begins_a_connection_if_it_can() {
    let state = |text: &str| packet(text).connection().state;
    for (flags, expected) in [
        ("SYN", CtState::New),
        ("ACK", CtState::New),
        ("SYN,ACK", CtState::Invalid),
        ("RST", CtState::Invalid),
        ("NONE", CtState::Invalid),
        ("FIN,ACK", CtState::Invalid),
        ("SYN,ECE,CWR", CtState::New),
    ] {
        assert_eq!(
            state(&format!("tcp 192.0.2.7:1 -> 192.0.2.8:2 in eth0 flags={flags}")),
            expected,
            "{flags}"
        );
    }
    assert_eq!(state("icmp 192.0.2.7 -> 192.0.2.8 in eth0 type=0"), CtState::Invalid);
    assert_eq!(state("icmpv6 fe80::1 -> fe80::2 in eth0 type=135"), CtState::Untracked);
    assert_eq!(state("gre 192.0.2.7 -> 192.0.2.8 in eth0"), CtState::New);
}

#[test]
fn questions_and_answers_of_icmp_are_one_connection() {
    let pairs = [(1, 8, 0), (1, 13, 14), (1, 15, 16), (1, 17, 18), (58, 128, 129), (58, 139, 140)];
    for (proto, asks, answers) in pairs {
        let of = |kind: u8| Tuple::new(proto, (1, 77), (2, u16::from(kind) << 8));
        let back = |kind: u8| Tuple::new(proto, (2, 77), (1, u16::from(kind) << 8));
        assert_eq!(of(asks).reversed(), back(answers), "{proto} {asks}");
        assert_eq!(of(answers).reversed(), back(asks), "{proto} {answers}");
        assert_eq!(of(3).reversed(), back(3));
    }
    assert_eq!(Tuple::new(17, (1, 5), (2, 6)).reversed(), Tuple::new(17, (2, 6), (1, 5)));
}

#[test]
fn a_call_of_gre_is_a_port() {
    let gre = |payload: &str| {
        let connection =
            packet(&format!("gre 192.0.2.7 -> 192.0.2.8 payload={payload} in eth0")).connection();
        (connection.state, connection.original.source_port, connection.original.destination_port)
    };
    assert_eq!(gre("0x3001880b00040102"), (CtState::New, 0, 0x102));
    assert_eq!(gre("0x3001080000040102"), (CtState::Invalid, 0, 0x102));
    assert_eq!(gre("0x30010800000401"), (CtState::New, 0, 0), "cut off before the call");
    assert_eq!(gre("0x3000880b00040102"), (CtState::New, 0, 0));
}

#[test]
fn the_family_of_a_packet_stays() {
    let mut v4 = packet("udp 1.1.1.1:1 -> 2.2.2.2:2 in a");
    let v6 = packet("udp [::1]:1 -> [::2]:2 in a");
    let before = v4.to_bytes().to_vec();
    assert_eq!(v4.set_bytes(v6.to_bytes()), Err(PacketError::Version));
    assert_eq!(v4.to_bytes(), before);
    assert_eq!(v4.set_bytes(&before), Ok(()));
}

#[test]
fn only_some_packets_have_an_entry_at_all() {
    let tracked = |state: &str| {
        let entry = packet(&format!("udp 1.1.1.1:1 -> 2.2.2.2:2 in a {state}")).entry.unwrap();
        entry.is_tracked()
    };
    let states = ["new", "established", "related", "invalid", "untracked"];
    assert_eq!(states.map(tracked), [true, true, true, false, false]);
}
