//! The names of a Debian machine as the facts were measured on it.

use ptables::dialect::Family;
use ptables::value::{BuiltinNames, Names};

/// Built-in names, and those of Debian's services file.
pub struct DebianNames;

impl Names for DebianNames {
    fn service(&self, name: &str, proto: Option<&str>) -> Option<u16> {
        // The file lists these for tcp and udp only; sctp has none of them.
        if proto == Some("sctp") { None } else { BuiltinNames.service(name, proto) }
    }

    fn protocol(&self, name: &str) -> Option<u8> {
        BuiltinNames.protocol(name)
    }

    fn host(&self, name: &str, family: Family) -> Vec<u128> {
        BuiltinNames.host(name, family)
    }

    fn user(&self, name: &str) -> Option<u32> {
        BuiltinNames.user(name)
    }

    fn group(&self, name: &str) -> Option<u32> {
        BuiltinNames.group(name)
    }
}
