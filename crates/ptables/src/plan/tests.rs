use proptest::prelude::*;

use super::testing::FakeKernel;
use super::*;
use crate::dialect::{Dialect, Family};
use crate::lower::{self, lower};
use crate::source::{Source, Text};
use crate::value::BuiltinNames;

fn ruleset(text: &[u8]) -> crate::model::Ruleset {
    let program = crate::text::parse(&Source::new("rules", text).unwrap()).tables;
    lower(&program, Family::V4, lower::Options::new(Dialect::default(), &BuiltinNames)).ruleset
}

fn wanted(text: &str) -> State {
    State::wanted(&ruleset(text.as_bytes()))
}

fn live(kernel: &FakeKernel, record: &State) -> State {
    let mut live = State::live(&ruleset(&kernel.save()));
    live.claim(record);
    live
}

fn apply(kernel: &mut FakeKernel, plan: &Plan) {
    assert_eq!(plan.obstacles, []);
    for (_, text) in plan.texts() {
        kernel.restore(&text.bytes, true).unwrap_or_else(|error| {
            panic!(
                "{error}\n{}\n{}",
                String::from_utf8_lossy(&text.bytes),
                String::from_utf8_lossy(&kernel.save())
            )
        });
    }
}

fn rules(state: &State) -> Vec<String> {
    let table = |it: &TableState| {
        let line = |chain: &ChainState, it: &Item| format!("{}{}", chain.name.to_lossy(), it.text.to_lossy());
        it.chains
            .iter()
            .flat_map(|chain| chain.items.iter().map(move |it| line(chain, it)))
            .collect::<Vec<_>>()
    };
    state.tables.iter().flat_map(table).collect()
}

const DOCKER: &str = "*filter\n:FORWARD DROP [0:0]\n:INPUT ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n:DOCKER - [0:0]\n\
    [7:700] -A FORWARD -j DOCKER-USER\n[8:800] -A FORWARD -o docker0 -j DOCKER\n[9:900] -A DOCKER-USER -j RETURN\nCOMMIT\n";

fn docker() -> FakeKernel {
    let mut kernel = FakeKernel::new();
    kernel.restore(DOCKER.as_bytes(), false).unwrap();
    kernel
}

#[test]
fn foreign_rules_policies_and_counters_stay() {
    let mut kernel = docker();
    let before = kernel.save();
    let text = "*filter\n:FORWARD - [0:0]\n:own - [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -p tcp -j own\n-A own -j ACCEPT\n-A DOCKER-USER -s 10.0.0.1 -j DROP\nCOMMIT\n";
    let options = Options { owner: Some(Owner::default()), places: vec![Text::from("DOCKER-USER")] };
    let plan = Plan::new(live(&kernel, &State::new(Family::V4)), wanted(text), &options);
    apply(&mut kernel, &plan);
    let saved = String::from_utf8(kernel.save()).unwrap();
    assert!(
        saved.contains("[0:0] -A DOCKER-USER -s 10.0.0.1/32 -j DROP\n[9:900] -A DOCKER-USER -j RETURN"),
        "{saved}"
    );
    assert!(
        saved.contains("[8:800] -A FORWARD -o docker0 -j DOCKER\n[0:0] -A FORWARD -p tcp -j own"),
        "{saved}"
    );
    assert!(saved.contains(":FORWARD DROP") && saved.contains(":ptables.main - "), "{saved}");
    assert!(
        plan.human(false).contains(
            "not ours, kept: filter FORWARD: 2 rules (Docker), filter DOCKER-USER: 1 rule (Docker)"
        )
    );
    // Twice is once; and nothing of ours is left after it was released.
    let again = Plan::new(live(&kernel, &plan.after), wanted(text), &options);
    assert!(again.is_empty(), "{}", again.human(false));
    let release = Plan::new(live(&kernel, &again.after), State::new(Family::V4), &Options::default());
    apply(&mut kernel, &release);
    assert_eq!(String::from_utf8(kernel.save()), String::from_utf8(before));
}

#[test]
fn a_policy_that_was_set_comes_back() {
    let mut kernel = FakeKernel::new();
    let drop = "*filter\n:INPUT DROP [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n";
    let plan = Plan::new(live(&kernel, &State::new(Family::V4)), wanted(drop), &Options::default());
    apply(&mut kernel, &plan);
    assert!(String::from_utf8(kernel.save()).unwrap().contains(":INPUT DROP"));
    let none = Plan::new(live(&kernel, &plan.after), wanted("*filter\nCOMMIT\n"), &Options::default());
    apply(&mut kernel, &none);
    assert!(String::from_utf8(kernel.save()).unwrap().contains(":INPUT ACCEPT"));
}

#[test]
fn a_policy_that_came_with_the_table_was_not_asked_for() {
    let options = || lower::Options::new(Dialect::default(), &BuiltinNames);
    let mut tables = crate::program::default_tables();
    let policies = |tables: &crate::program::Tables| {
        let state = State::wanted(&lower(tables, Family::V4, options()).ruleset);
        let filter = state.table(b"filter").unwrap();
        ["INPUT", "FORWARD"].map(|it| filter.chain(it.as_bytes()).unwrap().policy)
    };
    assert_eq!(policies(&tables), [None, None]);
    tables["filter"]["INPUT"].set_policy("DROP");
    assert_eq!(policies(&tables), [Some(crate::model::Policy::Drop), None]);
    let text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\nCOMMIT\n";
    let accept = Some(crate::model::Policy::Accept);
    assert_eq!(
        wanted(text).table(b"filter").unwrap().chains.iter().map(|it| it.policy).collect::<Vec<_>>(),
        [accept, accept]
    );
}

#[test]
fn what_stands_in_the_way_is_said() {
    let mut kernel = docker();
    let text = "*filter\n:DOCKER - [0:0]\n-A DOCKER -j DROP\nCOMMIT\n";
    let plan = Plan::new(live(&kernel, &State::new(Family::V4)), wanted(text), &Options::default());
    assert!(matches!(plan.obstacles.as_slice(), [Obstacle::Taken { .. }]));
    // Ours is applied, then somebody puts an equal rule before it.
    let text = "*filter\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n";
    let options = Options { owner: Some(Owner::default()), ..Options::default() };
    let plan = Plan::new(live(&kernel, &State::new(Family::V4)), wanted(text), &options);
    apply(&mut kernel, &plan);
    kernel.restore(b"*filter\n-I FORWARD 1 -p tcp -j ACCEPT\nCOMMIT\n", true).unwrap();
    let next = Plan::new(live(&kernel, &plan.after), wanted("*filter\nCOMMIT\n"), &options);
    assert!(matches!(next.obstacles.as_slice(), [Obstacle::Equal { .. }]), "{:?}", next.obstacles);
    // Without the record nobody knows which are ours.
    let lost = Plan::new(live(&kernel, &State::new(Family::V4)), wanted(text), &options);
    assert!(matches!(lost.obstacles.as_slice(), [Obstacle::RecordLost { .. }]));
    let mut adopted = live(&kernel, &State::new(Family::V4));
    assert_eq!(
        adopted.adopt(&wanted("*filter\n:ptables.main - [0:0]\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n")),
        0
    );
    assert!(Plan::new(adopted, wanted(text), &options).is_empty());
}

#[test]
fn the_way_back_is_found_from_either_side_of_a_commit() {
    // Before, three policies were ours, after none: what did not change must not decide.
    let mut kernel = FakeKernel::new();
    let one = ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp -j DROP\n-A INPUT -p udp -j DROP\nCOMMIT\n";
    let first = Plan::new(
        live(&kernel, &State::new(Family::V4)),
        wanted(&format!("*filter\n{one}")),
        &Options::default(),
    );
    apply(&mut kernel, &first);
    let options = Options { owner: Some(Owner::default()), ..Options::default() };
    let plan = Plan::new(
        live(&kernel, &first.after),
        wanted("*filter\n-A INPUT -p udp -j DROP\nCOMMIT\n"),
        &options,
    );
    let old = kernel.save();
    let now = |kernel: &FakeKernel| State::live(&ruleset(&kernel.save()));
    assert!(plan.undo(now(&kernel)).is_empty());
    apply(&mut kernel, &plan);
    assert!(plan.again(now(&kernel)).is_empty());
    let undo = plan.undo(now(&kernel));
    apply(&mut kernel, &undo);
    assert_eq!(kernel.save(), old);
}

#[test]
fn a_record_reads_back() {
    let mut state = wanted(
        "*filter\n:INPUT DROP [0:0]\n:own - [0:0]\n-A INPUT -m comment --comment \"a\\\\b\" -j own\nCOMMIT\n",
    );
    state.tables[0].chains[0].was = Some(crate::model::Policy::Accept);
    state.tables[0].chains[0].items[0].counters = Some(crate::model::Counters { packets: 5, bytes: 6 });
    state.tables[0].chains[0].items.push(Item::new(" odd\n\t\\", false));
    let text = state.to_record();
    let again = State::from_record(&text).unwrap();
    assert_eq!(again, state);
    assert_eq!(again.to_record(), text);
    assert_eq!(again.tables[0].chains[0].items[0].origin.place().unwrap().to_string(), "rules:4");
    assert_eq!(State::from_record(b"ptables-state 1 ipv4\ntable filter\n? x\n").unwrap_err().line, 3);
}

/// Rules of ours, and what stands in the built-in chain before: `true` for one of ours.
fn configuration() -> impl Strategy<Value = (String, Vec<u8>)> {
    let rule = 0..8_u8;
    let chain = proptest::collection::vec(rule, 0..8);
    (chain.clone(), chain.clone(), chain, any::<bool>(), any::<bool>()).prop_map(
        |(input, own, nat, drop, has)| {
            let mut text = format!("*filter\n:INPUT {} [0:0]\n", if drop { "DROP" } else { "-" });
            if has {
                text.push_str(":own - [0:0]\n");
                own.iter().for_each(|it| text.push_str(&format!("-A own -s 10.0.0.{it} -j ACCEPT\n")));
            }
            for it in &input {
                let target = if has && it % 3 == 0 { "own" } else { "ACCEPT" };
                text.push_str(&format!("-A INPUT -s 10.0.0.{it} -j {target}\n"));
            }
            text.push_str("COMMIT\n*nat\n");
            nat.iter().for_each(|it| text.push_str(&format!("-A PREROUTING -s 10.0.0.{it} -j ACCEPT\n")));
            text.push_str("COMMIT\n");
            (text, input)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_gives_what_is_wanted_and_its_inverse_what_was(
        one in configuration(), two in configuration(), places in proptest::collection::vec(0..12_usize, 0..5)
    ) {
        let mut kernel = docker();
        // A table that was used stays.
        kernel.restore(b"*nat\nCOMMIT\n", true).unwrap();
        let options = Options { owner: Some(Owner::default()), ..Options::default() };
        let first = Plan::new(live(&kernel, &State::new(Family::V4)), wanted(&one.0), &options);
        apply(&mut kernel, &first);
        // Foreign rules come between ours.
        for (number, place) in places.iter().enumerate() {
            let length = live(&kernel, &first.after).table(b"filter").unwrap().chain(b"INPUT").unwrap().items.len();
            let place = place % (length + 1) + 1;
            let text = format!("*filter\n-I INPUT {place} -s 192.0.2.{number}/32 -j DROP\nCOMMIT\n");
            kernel.restore(text.as_bytes(), true).unwrap();
            kernel.count("filter", "INPUT", place - 1, 3 + number as u64);
        }
        for at in 0..4 { kernel.count("filter", "own", at, 1 + at as u64); }
        let old = kernel.save();
        let plan = Plan::new(live(&kernel, &first.after), wanted(&two.0), &options);
        apply(&mut kernel, &plan);
        let now = live(&kernel, &plan.after);
        // What is live is what the plan said, what is ours is what is wanted, what is not is what it was.
        prop_assert_eq!(rules(&now), rules(&plan.after));
        let mine = |state: &State| {
            let mut state = state.clone();
            state.tables.iter_mut().flat_map(|it| &mut it.chains).for_each(|it| it.items.retain(|it| it.ours));
            state.tables.sort_by(|a, b| a.name.cmp(&b.name));
            state.tables.iter_mut().for_each(|it| it.chains.sort_by(|a, b| a.name.cmp(&b.name)));
            rules(&state)
        };
        prop_assert_eq!(mine(&now), mine(&wanted(&two.0)));
        let again = Plan::new(now, wanted(&two.0), &options);
        prop_assert!(again.is_empty(), "{}", again.human(false));
        // The way back, right away and from what is live, whichever tables were committed. Rules that went and came back have new
        // counters, or those that were read; all others keep theirs.
        let same = |kernel: &FakeKernel| {
            let (now, old) = (live(kernel, &first.after), State::live(&ruleset(&old)));
            prop_assert_eq!(rules(&now), rules(&old));
            for (now, old) in now.tables.iter().zip(&old.tables) {
                let changed = |chain: &ChainState, it: &Item| {
                    let chain = plan.tables.iter().find(|it| it.name == now.name)?.chains.iter().find(|it| it.name == chain.name)?;
                    chain.lines.iter().find(|line| line.kind != LineKind::Keep && line.item.text == it.text).map(drop)
                };
                for (now, old) in now.chains.iter().zip(&old.chains) {
                    prop_assert_eq!((&now.name, now.policy), (&old.name, old.policy));
                    for (a, b) in now.items.iter().zip(&old.items) {
                        prop_assert!(a.counters == b.counters || changed(now, b).is_some(), "{:?} {:?}", a, b);
                    }
                }
            }
            Ok(())
        };
        let mut done = kernel.clone();
        apply(&mut done, &plan.inverse());
        same(&done)?;
        let undo = plan.undo(State::live(&ruleset(&kernel.save())));
        apply(&mut kernel, &undo);
        same(&kernel)?;
        let nothing = plan.undo(State::live(&ruleset(&kernel.save())));
        prop_assert!(nothing.is_empty(), "{}", nothing.human(false));
    }
}
