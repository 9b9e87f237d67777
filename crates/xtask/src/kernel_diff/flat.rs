//! Rules of one condition each and without a target: what the kernel counts of them tells how often each option was true,
//! and what it does not, how often it was false.

use std::collections::HashMap;
use std::fmt::Write;

use ptables::ext::Hook;
use ptables::model::Ruleset;
use ptables_judge::counters::Count;
use ptables_judge::world::DEVICES;

use super::arena::Step;
use super::coverage::Coverage;
use super::draft::Wish;
use super::pieces::{Maker, makers};
use super::rng::Rng;
use super::ruleset::{Plan, Rules, chain_of};

/// Options of a rule: whether it was met says so of each, whether it was not only if there is but one.
type Options = Vec<(String, String)>;

/// Such a set of rules, with the options of each rule by its table, chain and number.
pub struct Flat {
    /// The rules.
    pub rules: Rules,
    options: HashMap<(String, String, usize), Options>,
}

const PLACES: [(&str, Hook); 9] = [
    ("raw", Hook::Prerouting),
    ("raw", Hook::Output),
    ("mangle", Hook::Prerouting),
    ("mangle", Hook::Postrouting),
    ("filter", Hook::Input),
    ("filter", Hook::Forward),
    ("filter", Hook::Output),
    ("security", Hook::Input),
    ("security", Hook::Output),
];

/// Matches whose options only work together.
const TOGETHER: [&str; 10] = [
    "cluster",
    "connbytes",
    "connlabel",
    "ipcomp",
    "ipv6header",
    "policy",
    "rpfilter",
    "rt",
    "string",
    "time",
];

impl Flat {
    /// Rules in two chains of the kernel's, and in one chain for each protocol behind them.
    pub fn random(plan: Plan, rng: &mut Rng) -> Flat {
        let mut flat = Flat {
            rules: Rules {
                scope: plan.scope(false, DEVICES.len()),
                text: String::new(),
                aims: Vec::new(),
                theme: None,
                waits: false,
            },
            options: HashMap::new(),
        };
        let place = rng.pick(&PLACES);
        flat.rules.text = plan.text(|table, _, text| {
            if place.0 == table {
                flat.table(place, plan, rng, text);
            }
        });
        flat
    }

    fn table(&mut self, (table, hook): (&'static str, Hook), plan: Plan, rng: &mut Rng, text: &mut String) {
        let mut protos: Vec<u8> = makers().flat_map(|it| it.protos).copied().collect();
        protos.sort_unstable();
        protos.dedup();
        let mut body = String::new();
        for proto in [None].into_iter().chain(protos.into_iter().map(Some)) {
            let chain = match proto {
                None => chain_of(hook).to_owned(),
                Some(number) => format!("of{number}"),
            };
            if let Some(number) = proto {
                // Writing to a string does not fail.
                let _ = writeln!(text, ":{chain} - [0:0]");
                let _ = writeln!(body, "-A {} -p {number} -j {chain}", chain_of(hook));
            }
            let mut place = plan.place(rng, table, hook, proto);
            let fits = |it: &&Maker| match proto {
                None => it.protos.is_empty(),
                // It has options that need TCP, and one that needs nothing.
                Some(number) => it.protos.contains(&number) || number == 6 && it.name == "ecn",
            };
            let of_place: Vec<&Maker> = makers().filter(fits).filter(|it| (it.fits)(&place)).collect();
            for (number, maker) in of_place.into_iter().enumerate() {
                let piece = (maker.make)(&mut place);
                let condition = proto.map_or(String::new(), |it| format!(" -p {it}"));
                let _ = writeln!(body, "-A {chain}{condition} {}", piece.text);
                let key = (table.to_owned(), chain.clone(), number);
                self.options.insert(key, options(maker.name, &piece.text));
                let mut wishes: Vec<Wish> = Vec::new();
                if let Some(it) = proto {
                    wishes.push(std::rc::Rc::new(move |draft, rng| draft.become_proto(it, rng)));
                }
                wishes.extend(piece.wishes);
                self.rules.aims.push((hook, wishes));
            }
        }
        text.push_str(&body);
    }

    /// Notes what the kernel counted.
    pub fn note(&self, ruleset: &Ruleset, counts: &HashMap<Step, Count>, coverage: &mut Coverage) {
        let count = |step: Step| counts.get(&step).map_or(0, |it| it.0);
        for (table, it) in ruleset.tables.iter().enumerate() {
            for (chain, it) in it.chains.iter().enumerate() {
                let all = count(Step { table, chain, rule: it.rules.len() });
                for rule in 0..it.rules.len() {
                    let names = (ruleset.tables[table].name.to_lossy(), it.name.to_lossy(), rule);
                    let Some(options) = self.options.get(&names) else { continue };
                    let held = count(Step { table, chain, rule });
                    // What a look at a torn header drops reaches no end.
                    let failed = all.saturating_sub(held);
                    let one =
                        options.len() == 1 || options.iter().any(|it| TOGETHER.contains(&it.0.as_str()));
                    for option in options {
                        coverage.add_one(option.clone(), held, if one { failed } else { 0 });
                    }
                }
            }
        }
    }
}

/// The options in the text of a condition; a match without options is one itself.
fn options(name: &str, text: &str) -> Options {
    let words: Vec<&str> = text.split(' ').collect();
    let mut options = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if word.starts_with("--") {
            let not = at > 0 && words[at - 1] == "!";
            options.push((name.to_owned(), if not { format!("!{word}") } else { (*word).to_owned() }));
        }
    }
    if options.is_empty() {
        options.push((name.to_owned(), "(alone)".to_owned()));
    }
    options
}
