//! The analysis on real rule sets: figures that others found.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use ptables::analysis::{Analysis, Given, Limits, Links, Service, Standing, matrix};
use ptables::dialect::{Backend, Dialect, Family, Version};
use ptables::ext::Context;
use ptables::model::Ruleset;
use xtask::oracle::Ours;
use xtask::shared;

/// A rule set of the university; its anonymised MAC addresses stand for one and the same.
fn university(name: &str) -> Option<Ruleset> {
    let text = shared::read(&format!("rulesets/{name}"))?.replace("XX:XX:XX:XX:XX:XX", "02:00:00:00:00:01");
    let context = Context::new(Family::V4, Dialect::new(Backend::Legacy, Version::V1_8_9));
    Some(Ours::read(context, text).unwrap().ruleset)
}

/// Rules of the filter table that no packet meets: dead where they stand, and in chains that no packet enters.
fn dead(ruleset: &Ruleset) -> (usize, usize) {
    let analysis = Analysis::new(ruleset, Limits::default());
    let at = ruleset.tables.iter().position(|it| it.name.as_bytes() == b"filter").unwrap();
    let chains = &analysis.tables[at].as_ref().unwrap().chains;
    let is_dead = |it: &&Standing| matches!(it, Standing::Impossible | Standing::Unreachable(_));
    let standing = chains.iter().filter(|it| it.entered).flat_map(|it| &it.rules).filter(is_dead).count();
    (standing, chains.iter().filter(|it| !it.entered).map(|it| it.rules.len()).sum())
}

#[test]
fn dead_rules_of_the_university() {
    for (name, expected) in [
        ("netnetwork--TUM_chair__iptables-save-2016-06-27_16-29-01", 287),
        ("netnetwork--TUM_chair__iptables-save-2015-05-15_15-23-41", 205),
    ] {
        let Some(ruleset) = university(name) else { return };
        let (standing, unentered) = dead(&ruleset);
        println!("{name}: {standing} behind others, {unentered} in chains that no packet enters");
        assert_eq!(standing + unentered, expected, "{name}: {standing} and {unentered}");
    }
}

#[test]
fn the_service_matrix_of_the_university_is_the_published_one() {
    let Some(ruleset) = university("iptsem--TUM_Net_Firewall__iptables-save-2015-05-15_15-23-41_cheating")
    else {
        return;
    };
    let links = Links::parse(&shared::read("rulesets/ipassmt_tumi8.txt").unwrap(), Family::V4).unwrap();
    let mut loose = links.clone();
    loose.unknown = ["eth1.110", "eth1.1024"]
        .map(|it| ptables::value::iface::Iface::parse(it.as_bytes()).unwrap())
        .to_vec();
    for (port, classes, edges) in [(22, 9, 47), (80, 12, 79)] {
        let mut service = Service::new(6, port);
        service.source_port = Some(10000);
        let found = matrix(&ruleset, service, &loose, Given::default(), true).unwrap();
        let exact = matrix(&ruleset, service, &links, Given::default(), false).unwrap();
        println!(
            "port {port}: {} classes, {} edges; exact {} and {}",
            found.classes.len(),
            found.edges.len(),
            exact.classes.len(),
            exact.edges.len()
        );
        println!("{:?}", found.classes.iter().map(|it| it.size().unwrap()).collect::<Vec<_>>());
        assert_eq!((found.classes.len(), found.edges.len()), (classes, edges), "port {port}");
    }
}
