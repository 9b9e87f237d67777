//! Linux iptables configurations from a program: typed, traced to the line that wrote each rule, and checked.
//!
//! The pure library of ptables: no files, processes, environment or clock. `ARCHITECTURE.md` has the picture.
#![forbid(unsafe_code)]

pub mod analysis;
pub mod build;
pub mod check;
pub mod compile;
pub mod diag;
pub mod dialect;
pub mod expect;
pub mod ext;
pub mod firewall;
pub mod fix;
pub mod import;
pub mod ipset;
pub mod lower;
pub mod meaning;
pub mod model;
pub mod origin;
pub mod packet;
pub mod plan;
pub mod program;
pub mod routes;
pub mod simulate;
pub mod source;
pub mod space;
pub mod text;
pub mod value;
pub mod why;

/// What programs that build firewalls use.
pub mod prelude {
    pub use crate::build::Proto::{Icmp, Icmpv6, Sctp, Tcp, Udp};
    pub use crate::build::{accept, log, not, redirect, reject, return_, rule};
    pub use crate::ext::targets::{Accept, Drop, Return};
    pub use crate::firewall::Firewall;
    pub use crate::model::Policy;
    pub use crate::program::{Chain, Families, IpSet, Rule, Table, Tables, all_tables, default_tables};
    pub use crate::value::ct_state::CtState::{Established, Invalid, New, Related, Untracked};
}
