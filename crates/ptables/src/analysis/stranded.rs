//! Rules that send packets to another machine, and no such packet is let through.

use super::course::Course;
use super::diff::side;
use super::ways::Goal;
use super::world::World;
use super::{Limits, simulator};
use crate::ext::{Hook, TableName};
use crate::meaning::{Effect, Field, Pred};
use crate::model::Ruleset;
use crate::packet::{Packet, Path};
use crate::simulate::{At, Verdict};
use crate::space::{Census, Set, TooLarge};
use crate::value::ct_state::CtState;

/// A rule that translates destinations in vain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stranded {
    /// The rule.
    pub rule: At,
    /// A packet that it sends to another machine, and that is not forwarded.
    pub witness: Packet,
    /// The rule, or the policy, that stops it.
    pub by: Option<At>,
    /// Whether such packets pass if the new destination is this machine.
    pub passes_here: bool,
}

/// The most rules that are looked at.
const MOST: usize = 500;

/// Finds rules that give packets another destination (DNAT) and no packet of which is forwarded.
///
/// # Errors
/// [`TooLarge`] in both orders of variables.
pub fn stranded(ruleset: &Ruleset, limits: Limits) -> Result<Vec<Stranded>, TooLarge> {
    let one = |second| find(ruleset, limits, second);
    one(false).or_else(|_| one(true))
}

fn find(ruleset: &Ruleset, limits: Limits, second: bool) -> Result<Vec<Stranded>, TooLarge> {
    let course = Course::new(ruleset, false);
    let filters = course.tables.get(TableName::Filter as usize).and_then(Option::as_ref);
    let forwards =
        filters.is_some_and(|it| it.hooks.get(Hook::Forward as usize).is_some_and(Option::is_some));
    let mut rules = Vec::new();
    let nat = course.tables.get(TableName::Nat as usize).and_then(Option::as_ref);
    if let Some(table) = nat.filter(|_| forwards) {
        for (chain, it) in table.chains.iter().enumerate() {
            for (number, entry) in it.entries.iter().enumerate() {
                if let Some(Effect::Nat(nat)) = &entry.effect
                    && !nat.source
                    && nat.addresses.is_some_and(|it| !is_loopback(it.0))
                {
                    rules.push(At { table: table.place, chain, rule: Some(number) });
                }
            }
        }
    }
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let ask = |census: &mut Census| census.add(&Pred::AnyBit(Field::CtState, CtState::New as u128));
    let mut world = World::new(vec![course], &ask, (limits, None), second);
    let simulator = simulator(ruleset, None);
    let mut passing = Vec::new();
    for path in [Path::Forward, Path::Input] {
        let (accept, _) = world.search(0, path, Goal::Accept)?;
        let mut domain = world.domain(path)?;
        let new = world.space.states(CtState::New as u128)?;
        domain = world.space.arena().and(domain, new)?;
        passing.push((path, accept, domain));
    }
    let mut found = Vec::new();
    for rule in rules.into_iter().take(MOST) {
        let mut lets = Vec::new();
        let mut met = None;
        for (path, accept, domain) in &passing {
            let (hit, _) = world.search(0, *path, Goal::Rule(rule))?;
            let hit = world.space.arena().and(hit, *domain)?;
            let both = world.space.arena().and(hit, *accept)?;
            lets.push(!both.is_empty());
            met = met.or(Some(hit));
        }
        let [false, passes_here] = *lets.as_slice() else { continue };
        let Some(witness) = world.space.witness(met.unwrap_or(Set::NONE), Path::Forward) else { continue };
        let trace = simulator.simulate(&witness);
        if matches!(trace.verdict, Verdict::Drop | Verdict::Reject(_)) {
            let by = side(&simulator, &trace).and_then(|it| it.by);
            found.push(Stranded { rule, witness, by, passes_here });
        }
    }
    Ok(found)
}

fn is_loopback(address: u128) -> bool {
    address == 1 || address >> 24 == 127
}

#[cfg(test)]
mod tests {
    use super::super::tests::ruleset;
    use super::*;

    #[test]
    fn translated_packets_that_nothing_forwards_are_found() {
        let found = |nat: &str, filter: &str| {
            let ruleset = ruleset(&format!(
                "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {nat}\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n{filter}\nCOMMIT\n"
            ));
            let found = stranded(&ruleset, Limits::default()).unwrap();
            found.into_iter().map(|it| (it.by.map(|it| it.rule), it.passes_here)).collect::<Vec<_>>()
        };
        let web = "-p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080";
        assert_eq!(found(web, ""), [(Some(None), false)]);
        assert_eq!(found(web, "-A FORWARD -p tcp --dport 80 -j ACCEPT"), [(Some(None), false)]);
        assert_eq!(found(web, "-A FORWARD -d 10.0.0.2 -j REJECT"), [(Some(Some(0)), false)]);
        assert_eq!(found(web, "-A INPUT -p tcp --dport 8080 -j ACCEPT"), [(Some(None), true)]);
        for fine in
            ["-p tcp --dport 8080 -j ACCEPT", "-m conntrack --ctstate DNAT -j ACCEPT", "-m limit -j ACCEPT"]
        {
            assert_eq!(found(web, &format!("-A FORWARD {fine}")), [], "{fine}");
        }
        assert_eq!(found("-p tcp --dport 80 -j DNAT --to-destination 127.0.0.1", ""), []);
        assert_eq!(found("-p tcp --dport 80 -j REDIRECT --to-ports 8080", ""), []);
    }
}
