//! A gateway: the Internet, a network inside, a web server beside it, and guests. IPv4 with one public address, IPv6 with a prefix.
//!
//! The same as `examples/gateway.star` and `examples/gateway.py`.
#![expect(clippy::print_stdout, reason = "an example")]

use ptables::prelude::*;

/// The statements.
pub fn gateway() -> Firewall {
    let mut fw = Firewall::new();

    fw.zone("wan", "eth0");
    fw.zone("lan", "eth1").networks("192.168.1.0/24 2001:db8:0:1::/64");
    fw.zone("dmz", "eth2").networks("192.168.2.0/24 2001:db8:0:2::/64");
    fw.zone("guest", "eth3").networks("192.168.3.0/24 2001:db8:0:3::/64");

    fw.allow("lan", "wan dmz");
    fw.allow("dmz guest", "wan").services("domain http https ntp");
    fw.publish("wan", "http https", "192.168.2.80 2001:db8:0:2::80").address("203.0.113.5").hairpin(true);

    fw.allow("lan guest", "host").services("domain dhcp ntp ping");
    fw.allow("lan", "host").services("ssh");
    fw.allow("wan", "host").services("ssh").limit("4/minute");
    fw.allow("wan", "host").services("ping").limit("10/second");
    fw.policy("lan", "host", "REJECT");

    fw.syn_limit("wan", "100/second");
    fw.masquerade("wan").sources("lan dmz guest");

    fw
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tables = gateway().tables()?;
    print!("{}", tables.to_iptables()?);
    Ok(())
}
