//! The two printers hold together: annotated text and save text of one program leave the same rules in the kernel, on both back
//! ends; and what comes back is the save text, byte for byte.
#![expect(clippy::indexing_slicing, reason = "tests")]

use std::net::Ipv4Addr;

use ptables::compile::compile;
use ptables::dialect::{Backend, Dialect, Family};
use ptables::ext::matches::{Limit, Multiport};
use ptables::lower::Options;
use ptables::prelude::*;
use ptables::value::rate::Rate;
use ptables_kernel::RestoreOptions;
use ptables_kernel::netns::scratch_or_skip;
use xtask::{names::DebianNames, saved};

/// Every method of the builder, and every kind of rule.
fn program() -> Tables {
    let mut tables = all_tables();
    let ssh = rule().proto(Tcp).dport(22);
    let filter = &mut tables["filter"];
    let mut checks = Chain::user("checks");
    checks.comment = Some("what everybody must pass".into());
    checks.push(return_().source(not("10.0.0.0/8")).in_iface("eth+"));
    checks.push(ptables::build::drop().fragment().comment("it's a \"fragment\" \\ of a datagram"));
    filter.push(checks);
    let input = &mut filter["INPUT"];
    input.push(rule().jump("checks"));
    input.push(rule().proto(Udp).sport(1024..=65535).goto("checks"));
    input.push(accept().ctstate([Established, Related]));
    input.push(ssh.clone().source(Ipv4Addr::new(192, 0, 2, 7)).jump(Accept).comment("from my workstation"));
    input.push(
        ssh.clone().matching(Limit::new(Rate::per_minute(3))).jump("LOG").option("--log-prefix", "ssh: "),
    );
    input.push(ssh.jump("REJECT").option("--reject-with", "tcp-reset"));
    input.push(
        accept()
            .proto(Tcp)
            .matching(Multiport::dports([80, 443]))
            .destination((Ipv4Addr::new(192, 0, 2, 0), 24)),
    );
    input.push(accept().proto(Icmp).option("--icmp-type", "echo-request").comment(""));
    input.push(Rule::custom("-s 198.51.100.0/24,203.0.113.0/24 -p tcp --dport ssh -j DROP"));
    input.push(Rule::composite(
        Some("two in one".into()),
        vec![accept().in_iface("lo").into(), accept().in_iface("wg0").into()],
    ));
    input.set_policy(Drop);
    filter["FORWARD"].push(accept().in_iface("eth0").out_iface("eth1"));
    tables["nat"]["POSTROUTING"].push(rule().out_iface("eth0").jump("MASQUERADE"));
    tables["mangle"]["PREROUTING"]
        .push(rule().in_iface("eth0").jump("MARK").option("--set-mark", "0x1/0xff"));
    tables["raw"]["PREROUTING"].push(rule().proto(Udp).dport("domain").jump("CT").flag("--notrack"));
    tables
}

#[test]
fn annotated_and_save_text_leave_the_same_rules() {
    let tables = program();
    for backend in Backend::ALL {
        let Some(scratch) = scratch_or_skip() else { return };
        let kernel = scratch.kernel();
        let dialect = Dialect::new(backend, kernel.version(backend).unwrap());
        let compiled = compile(&tables, Family::V4, Options::new(dialect, &DebianNames));
        assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
        let mut printed = Vec::new();
        compiled.ruleset.print(&mut printed, false);
        let mut left = Vec::new();
        for text in [tables.to_iptables().unwrap().into_bytes(), printed.clone()] {
            kernel.restore(Family::V4, backend, &text, RestoreOptions::new()).unwrap();
            let saved = kernel.save(Family::V4, backend, false).unwrap();
            left.push(saved::normal(&String::from_utf8_lossy(&saved.text)));
        }
        assert_eq!(left[0], left[1], "{backend}");
        assert_eq!(left[1], saved::normal(&String::from_utf8_lossy(&printed)), "{backend}");
    }
}
