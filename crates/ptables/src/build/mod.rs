//! Layer 5. Rules made by a Rust program.
//!
//! ```
//! use ptables::prelude::*;
//!
//! let ssh = rule().proto(Tcp).dport(22);
//! let mut tables = default_tables();
//! let input = &mut tables["filter"]["INPUT"];
//! input.push(ssh.clone().source("192.0.2.0/24").jump(Accept).comment("from the office"));
//! input.push(ssh.jump(Drop));
//! # assert!(tables.to_iptables()?.contains("-A INPUT -p tcp -s 192.0.2.0/24 -j ACCEPT --dport 22 -m comment"));
//! # Ok::<(), ptables::build::Unprintable>(())
//! ```

mod rule;
mod tables;
mod values;

pub use rule::{RuleBuilder, accept, drop, log, redirect, reject, return_, rule};
pub use tables::Unprintable;
pub use values::{JumpTo, Net, Not, Ports, Proto, Protocol, Word, not};
