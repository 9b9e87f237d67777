//! Who applies rules: every application has a name, and leaves it in the kernel.

use std::fmt;

use crate::source::Text;

/// An application that applies rules, such as the command `ptables` (`main`) or a program with the library in it.
///
/// In each table with rules of its own it keeps an empty chain, `ptables.NAME`, that nothing jumps to: it says who is there without
/// a change to any rule. Which rules they are is in the record of what was applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner(Box<str>);

/// How the chain begins that says who is there.
pub(super) const MARKER: &[u8] = b"ptables.";

/// The name is not 1 to 20 letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadOwner;

impl fmt::Display for BadOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an owner is 1 to 20 letters, digits, `-` and `_`")
    }
}

impl std::error::Error for BadOwner {}

impl Owner {
    /// An owner by its name.
    ///
    /// # Errors
    /// [`BadOwner`]: the name has to fit into that of a chain.
    pub fn new(name: &str) -> Result<Owner, BadOwner> {
        let fits = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
        match (1..=20).contains(&name.len()) && name.bytes().all(fits) {
            true => Ok(Owner(name.into())),
            false => Err(BadOwner),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The chain that says that it has rules in a table.
    pub fn marker(&self) -> Text {
        Text::from(format!("ptables.{}", self.0))
    }
}

/// The command `ptables`.
impl Default for Owner {
    fn default() -> Owner {
        Owner("main".into())
    }
}

/// The program that makes chains of this name, where it is known.
pub fn maker(chain: &[u8]) -> Option<&'static str> {
    const MAKERS: [(&str, &str); 14] = [
        ("DOCKER", "Docker"),
        ("KUBE-", "Kubernetes"),
        ("cali-", "Calico"),
        ("CILIUM_", "Cilium"),
        ("FLANNEL-", "Flannel"),
        ("CNI-", "CNI"),
        ("NETAVARK", "Podman"),
        ("f2b-", "fail2ban"),
        ("fail2ban-", "fail2ban"),
        ("LIBVIRT_", "libvirt"),
        ("ufw", "ufw"),
        ("ISTIO_", "Istio"),
        ("sshguard", "sshguard"),
        ("ts-", "Tailscale"),
    ];
    MAKERS.iter().find(|it| chain.starts_with(it.0.as_bytes())).map(|it| it.1)
}
