//! Statements as a Rust program says them.

use super::{Firewall, Statement, Verb, Words};
use crate::origin::Origin;

impl Firewall {
    #[track_caller]
    fn begin(&mut self, verb: Verb) -> &mut Statement {
        self.say(verb, Origin::caller())
    }

    /// A zone: what is behind these interfaces, or, without any, what has an address of its networks.
    #[track_caller]
    pub fn zone(&mut self, name: &str, interfaces: impl Words) -> &mut Statement {
        self.begin(Verb::Zone).with("name", name).with("interfaces", interfaces)
    }

    /// A service of your own: `tcp/8080 udp/60000:61000`. It may have the name of one of the catalogue.
    #[track_caller]
    pub fn service(&mut self, name: &str, ports: impl Words) -> &mut Statement {
        self.begin(Verb::Service).with("name", name).with("ports", ports)
    }

    /// Lets new connections through: all of them, or those of some [`services`](Statement::services).
    #[track_caller]
    pub fn allow(&mut self, sources: impl Words, destinations: impl Words) -> &mut Statement {
        self.begin(Verb::Allow).with("sources", sources).with("destinations", destinations)
    }

    /// Drops new connections in silence.
    #[track_caller]
    pub fn drop(&mut self, sources: impl Words, destinations: impl Words) -> &mut Statement {
        self.begin(Verb::Drop).with("sources", sources).with("destinations", destinations)
    }

    /// Drops new connections and tells their senders.
    #[track_caller]
    pub fn reject(&mut self, sources: impl Words, destinations: impl Words) -> &mut Statement {
        self.begin(Verb::Reject).with("sources", sources).with("destinations", destinations)
    }

    /// What happens to connections that no other statement decides: `ACCEPT`, `DROP` or `REJECT`.
    #[track_caller]
    pub fn policy(&mut self, sources: impl Words, destinations: impl Words, verdict: &str) -> &mut Statement {
        let said = self.begin(Verb::Policy).with("sources", sources).with("destinations", destinations);
        said.with("verdict", verdict)
    }

    /// Makes a server inside reachable: its IPv4 address by a forwarded port, its IPv6 address as it is.
    #[track_caller]
    pub fn publish(
        &mut self,
        sources: impl Words,
        services: impl Words,
        server: impl Words,
    ) -> &mut Statement {
        self.begin(Verb::Publish).with("sources", sources).with("services", services).with("server", server)
    }

    /// Lets IPv4 packets to these zones leave with the address of the interface.
    #[track_caller]
    pub fn masquerade(&mut self, destinations: impl Words) -> &mut Statement {
        self.begin(Verb::Masquerade).with("destinations", destinations)
    }

    /// Lets packets to these zones leave with this address.
    #[track_caller]
    pub fn snat(&mut self, destinations: impl Words, address: impl Words) -> &mut Statement {
        self.begin(Verb::Snat).with("destinations", destinations).with("address", address)
    }

    /// At most so many new TCP connections from one source (of IPv6: from one /64), to wherever they go: `100/second`.
    #[track_caller]
    pub fn syn_limit(&mut self, sources: impl Words, rate: &str) -> &mut Statement {
        self.begin(Verb::SynLimit).with("sources", sources).with("rate", rate)
    }
}

/// What a statement may say besides. What its verb does not have is an error of [`Firewall::tables`].
impl Statement {
    fn with(&mut self, name: &str, words: impl Words) -> &mut Statement {
        if !self.set(name, words) {
            self.refuse(name);
        }
        self
    }

    /// The networks of a zone; packets from it with other sources are spoofed, and so are packets from elsewhere with these.
    pub fn networks(&mut self, networks: impl Words) -> &mut Statement {
        self.with("networks", networks)
    }

    /// Whether sources of a zone are looked at; yes by default.
    pub fn antispoof(&mut self, wanted: bool) -> &mut Statement {
        self.with("antispoof", wanted)
    }

    /// Names of the catalogue or of [`Firewall::service`], or protocols and ports: `tcp/8080`, `udp/60000:61000`, `gre`.
    pub fn services(&mut self, services: impl Words) -> &mut Statement {
        self.with("services", services)
    }

    /// At most so many new connections from one source (of IPv6: from one /64): `4/minute`; more are dropped.
    pub fn limit(&mut self, rate: &str) -> &mut Statement {
        self.with("limit", rate)
    }

    /// Whether packets are logged, 10 a minute at most. By default those that a policy drops or rejects.
    pub fn log(&mut self, wanted: bool) -> &mut Statement {
        self.with("log", wanted)
    }

    /// The conntrack helper of a service of your own.
    pub fn helper(&mut self, name: &str) -> &mut Statement {
        self.with("helper", name)
    }

    /// The port of the server, if it is another than the one that is published.
    pub fn port(&mut self, port: u16) -> &mut Statement {
        self.with("port", port)
    }

    /// The address at which a server is published; by default every address of this machine.
    pub fn address(&mut self, address: &str) -> &mut Statement {
        self.with("address", address)
    }

    /// Whether zones inside reach a published server at its [`address`](Statement::address) too.
    pub fn hairpin(&mut self, wanted: bool) -> &mut Statement {
        self.with("hairpin", wanted)
    }

    /// Whose packets get another address; by default everybody's.
    pub fn sources(&mut self, sources: impl Words) -> &mut Statement {
        self.with("sources", sources)
    }
}
