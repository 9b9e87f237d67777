//! A stateful firewall that lets only DNS, HTTP and HTTPS be routed through the machine.
//!
//! `cargo run --example forward | ptables restore -`

use ptables::prelude::*;

/// The rules.
#[expect(clippy::indexing_slicing, reason = "the default tables have these chains")]
pub fn firewall() -> Tables {
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
    tables
}

#[expect(clippy::print_stdout, reason = "an example")]
fn main() -> Result<(), ptables::build::Unprintable> {
    print!("{}", firewall().to_iptables()?);
    Ok(())
}
