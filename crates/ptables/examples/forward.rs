//! A stateful firewall that lets only DNS, HTTP and HTTPS be routed through the machine.
//!
//! `cargo run --example forward | ptables restore -`

use ptables::prelude::*;

#[expect(clippy::print_stdout, reason = "an example")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // a default set of tables and chains
    let mut tables = default_tables();

    // the forward chain of the filter table
    let forward = &mut tables["filter"]["FORWARD"];

    // any packet matching an established connection is allowed
    forward.push(accept().ctstate(Established));

    // DNS, HTTP and HTTPS
    forward.push(accept().proto(Tcp).dport(53));
    forward.push(accept().proto(Tcp).dport(80));
    forward.push(accept().proto(Tcp).dport(443));

    // any packet not matching a rule is dropped
    forward.set_policy(Drop);

    print!("{}", tables.to_iptables()?);
    Ok(())
}
