//! Packets tried on the real kernel, in a scratch namespace.

mod entry;
mod fit;

use std::collections::BTreeMap;
use std::io;

use ptables::compile::RestoreText;
use ptables::dialect::{Backend, Family};
use ptables::model::Ruleset;
use ptables::packet::{Packet, Path};
use ptables::simulate::At;
use ptables::value::addr;

use crate::error::Error;
use crate::kernel::Kernel;
use crate::namespace::{Namespace, on_a_thread};
use crate::restore::RestoreOptions;
use crate::wire::conntrack::Connections;
use crate::wire::world::{self, Ends, Watch, World};

/// What the kernel did with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ran {
    /// It passed every table.
    Accept,
    /// It did not, and nobody was told.
    Drop,
    /// It did not, and the kernel answered.
    Reject,
    /// It was not sent, because it cannot be made here as it is told.
    NotRun(&'static str),
}

/// What the kernel did with packets.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Tried {
    /// One for each packet, in their order.
    pub ran: Vec<Ran>,
    /// How many packets matched each rule, by the kernel's counters.
    pub hits: BTreeMap<At, u64>,
}

impl Kernel {
    /// Loads rules in a scratch namespace of their own and sends packets through them. Needs the root of the machine.
    ///
    /// `sets` is text for `ipset restore`, loaded before the rules. Packets with the same number are a sequence; before every
    /// sequence, and before every packet without a number, all is loaded anew. The namespace of this handle is not touched.
    ///
    /// Packets get their way, interfaces and mark, and an entry of connection tracking, as they are told; what passes the last
    /// table ends there. The namespace has other addresses, no sockets, no bridges and no clock but the machine's, so packets
    /// that tell such things are not sent ([`Ran::NotRun`]). A packet of the output path that tells no owner is sent by root.
    ///
    /// # Errors
    /// That there can be no such namespace, or what a tool said against the rules or sets.
    pub fn try_packets(
        &self,
        ruleset: &Ruleset,
        sets: &[u8],
        packets: &[(&Packet, Option<u32>)],
    ) -> Result<Tried, Error> {
        let mut result = None;
        let made = on_a_thread(|| {
            result = Some(Bench::new(self, ruleset, sets, packets).and_then(|mut it| it.run(packets)));
            Ok(())
        });
        made.map_err(failed("make a network namespace"))?;
        result.unwrap_or_else(|| Ok(Tried::default()))
    }
}

fn failed(doing: &str) -> impl FnOnce(io::Error) -> Error {
    let doing = doing.to_owned();
    move |source| Error::Namespace { doing, source }
}

/// The namespace of the thread, and what is loaded there.
struct Bench<'a> {
    kernel: Kernel,
    world: World,
    connections: Connections,
    devices: Vec<String>,
    ruleset: &'a Ruleset,
    backend: Backend,
    sets: &'a [u8],
    /// Why no packet can be sent through these rules.
    unfit: Option<&'static str>,
    /// The interface of packets that are routed anew.
    first: usize,
}

impl<'a> Bench<'a> {
    fn new(
        kernel: &Kernel,
        ruleset: &'a Ruleset,
        sets: &'a [u8],
        packets: &[(&Packet, Option<u32>)],
    ) -> Result<Bench<'a>, Error> {
        let mut devices: Vec<String> = Vec::new();
        for (packet, _) in packets {
            for iface in [packet.in_iface, packet.out_iface].into_iter().flatten() {
                let name = String::from_utf8_lossy(iface.as_bytes()).into_owned();
                if fit::is_device(&name) && !devices.contains(&name) {
                    devices.push(name);
                }
            }
        }
        if devices.is_empty() {
            devices.push("eth0".to_owned());
        }
        devices.truncate(world::MAX_DEVICES);
        let names: Vec<&str> = devices.iter().map(String::as_str).collect();
        let tracked = packets.iter().any(|it| it.0.entry.is_some());
        let world =
            World::with_devices(Watch::Ends, tracked, &names).map_err(failed("make a scratch namespace"))?;
        // Answers are limited, at once after the namespace was made in particular.
        for (name, value) in [
            ("ipv4/icmp_ratelimit", "0"),
            ("ipv4/icmp_ratemask", "0"),
            ("ipv6/icmp/ratelimit", "0"),
            ("ipv6/icmp/ratemask", "\n"),
        ] {
            std::fs::write(format!("/proc/sys/net/{name}"), value)
                .map_err(failed("have the kernel answer every packet"))?;
        }
        let lock_file = Some(world.lock_file().to_owned());
        Ok(Bench {
            kernel: Kernel { namespace: Namespace::Current, lock_file, ..kernel.clone() },
            connections: Connections::new().map_err(failed("reach connection tracking"))?,
            world,
            devices,
            ruleset,
            backend: ruleset.context.dialect.backend,
            sets,
            unfit: fit::unfit_rules(ruleset),
            first: 0,
        })
    }

    fn run(&mut self, packets: &[(&Packet, Option<u32>)]) -> Result<Tried, Error> {
        let mut tried = Tried::default();
        let mut before = None;
        for (packet, sequence) in packets {
            if sequence.is_none() || before != Some(*sequence) {
                self.hits(&mut tried.hits, before.is_some())?;
                self.load()?;
            }
            before = Some(*sequence);
            let ran = match self.unfit.or(fit::unfit(packet, &self.devices)) {
                Some(why) => Ran::NotRun(why),
                None => self.send(packet)?,
            };
            tried.ran.push(ran);
        }
        self.hits(&mut tried.hits, before.is_some())?;
        Ok(tried)
    }

    /// Loads rules and sets anew.
    fn load(&self) -> Result<(), Error> {
        let family = self.ruleset.context.family;
        let restore = |text: &[u8]| {
            let told = self.kernel.restore(family, self.backend, text, RestoreOptions::new());
            told.map(drop).map_err(|error| Error::Failed {
                tool: "iptables-restore".into(),
                code: None,
                message: error.to_string(),
            })
        };
        let text = RestoreText::of_ruleset(self.ruleset);
        let empty: Vec<u8> = self
            .ruleset
            .tables
            .iter()
            .flat_map(|it| [b"*", it.name.as_bytes(), b"\nCOMMIT\n"].concat())
            .collect();
        // Rules that remember forget, and sets that rules name can be made anew.
        restore(&empty)?;
        if !self.sets.is_empty() {
            for (arguments, input) in [(&["destroy"][..], &b""[..]), (&["restore"], self.sets)] {
                let output = self.kernel.run_program("ipset", arguments, input)?;
                if !output.status.success() {
                    let message = String::from_utf8_lossy(&output.stderr).into_owned();
                    return Err(Error::Failed { tool: "ipset".into(), code: output.status.code(), message });
                }
            }
        }
        restore(&text.bytes)
    }

    fn send(&mut self, packet: &Packet) -> Result<Ran, Error> {
        let failed = || failed("send a packet");
        let entry = match entry::of(packet) {
            Ok(entry) => entry,
            Err(why) => return Ok(Ran::NotRun(why)),
        };
        let Some(wire) = fit::wire(packet, &self.devices, &mut self.world).map_err(failed())? else {
            return Ok(Ran::NotRun("its interface cannot be made"));
        };
        if packet.path == Path::Output && wire.output != self.first {
            // Where a rule makes the kernel look for another way, it is the same.
            let family = if packet.family() == Family::V4 { "-4" } else { "-6" };
            let name = self.devices.get(wire.output).map(String::as_str).unwrap_or_default();
            world::run("ip", &[family, "route", "replace", "default", "dev", name], "").map_err(failed())?;
            self.first = wire.output;
        }
        // What comes here is for an address of ours: only such a one answers.
        let view = packet.view();
        let own =
            (packet.path == Path::Input).then(|| addr::ip(packet.family(), view.destination()).to_string());
        let local = |verb: &str| match &own {
            None => Ok(()),
            Some(it) => world::run("ip", &["route", verb, "local", it, "dev", "lo", "table", "local"], ""),
        };
        local("replace").map_err(failed())?;
        let before = self.world.ends().map_err(failed())?;
        if let Some(entry) = &entry {
            self.connections.insert(entry).map_err(failed())?;
        }
        let sent = self.world.send(&wire);
        if let Some(entry) = &entry {
            // A packet may have ended its connection.
            let _ = self.connections.delete(&entry.original);
        }
        local("delete").map_err(failed())?;
        sent.map_err(failed())?;
        let Ends { passed, answers } = self.world.ends().map_err(failed())?;
        Ok(match (passed > before.passed, answers > before.answers) {
            (true, _) => Ran::Accept,
            (false, true) => Ran::Reject,
            (false, false) => Ran::Drop,
        })
    }

    /// Adds what the counters of the rules say.
    fn hits(&self, hits: &mut BTreeMap<At, u64>, loaded: bool) -> Result<(), Error> {
        if !loaded {
            return Ok(());
        }
        let saved = self.kernel.save(self.ruleset.context.family, self.backend, true)?;
        let text = String::from_utf8_lossy(&saved.text).into_owned();
        let mut table = None;
        let mut seen: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('*') {
                table = self.ruleset.tables.iter().position(|it| it.name.as_bytes() == name.as_bytes());
            }
            let (Some(at), Some((count, rule))) = (table, line.split_once("] -A ")) else { continue };
            let name = rule.split(' ').next().unwrap_or_default();
            let chains = self.ruleset.tables.get(at).map_or(&[][..], |it| &it.chains);
            let Some(chain) = chains.iter().position(|it| it.name.as_bytes() == name.as_bytes()) else {
                continue;
            };
            let number = seen.entry((at, chain)).or_insert(0);
            let packets =
                count.trim_start_matches('[').split(':').next().and_then(|it| it.parse::<u64>().ok());
            if let Some(packets @ 1..) = packets {
                *hits.entry(At { table: at, chain, rule: Some(*number) }).or_insert(0) += packets;
            }
            *number += 1;
        }
        Ok(())
    }
}
