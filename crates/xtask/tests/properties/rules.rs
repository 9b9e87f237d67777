//! Random rules: parts of the cases of the catalogue put together, and lines of real rule sets.

use proptest::collection::vec;
use proptest::prelude::*;
use ptables::dialect::Family;
use ptables::ext::cases::Expected;
use ptables::ext::{Context, Kind};
use xtask::divergences::Divergences;
use xtask::oracle::trials::{self, Trial};
use xtask::oracle::{cases, files};
use xtask::shared;

/// One rule with its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub table: String,
    pub chain: String,
    pub rule: String,
}

impl Line {
    pub fn trial(&self) -> Trial {
        let Line { table, chain, rule } = self.clone();
        Trial { file: "random".into(), line: 0, table, chain, rule }
    }
}

/// What random rules are made of, for one family and back end.
pub struct Pool {
    family: Family,
    matches: Vec<Line>,
    targets: Vec<Line>,
    /// Whole rules of real rule sets.
    real: Vec<Line>,
}

impl Pool {
    pub fn new(context: Context) -> Pool {
        let mut pool = Pool { family: context.family, matches: vec![], targets: vec![], real: real_lines() };
        // What is known to be taken otherwise alone is so in company.
        let mut known = Divergences::load("cases");
        for (entry, case) in cases::all(context).unwrap() {
            let accepted = matches!(case.expected, Expected::Canonical(_));
            let trial = cases::trial(entry, &case);
            let known = known.covers(&[case.rule, &trial.file], context) || trials::shares(&trial);
            if case.version == context.dialect.version && accepted && !known {
                let (table, chain) = case.place;
                let line = Line { table: table.into(), chain: chain.into(), rule: case.rule.into() };
                let to = if entry.spec.kind == Kind::Match { &mut pool.matches } else { &mut pool.targets };
                to.push(line);
            }
        }
        pool
    }

    /// Up to `most` rules.
    pub fn rulesets(&self, most: usize) -> impl Strategy<Value = Vec<Line>> + use<> {
        vec(
            prop_oneof![4 => self.assembled().boxed(), 1 => Pool::commented().boxed(), 1 => self.real().boxed()],
            1..most,
        )
    }

    /// Fields of the packet, up to two matches, a target.
    fn assembled(&self) -> impl Strategy<Value = Line> + use<> {
        let one = |all: &[Line]| proptest::sample::select(all.to_vec());
        let head = proptest::sample::select(heads(self.family));
        let matches = vec(one(&self.matches), 0..3);
        (head, matches, proptest::option::weighted(0.8, one(&self.targets))).prop_map(
            |(head, matches, target)| {
                let parts: Vec<&Line> = matches.iter().chain(&target).collect();
                // Where the one stands that can't stand everywhere.
                let special = parts.iter().rev().find(|it| (&*it.table, &*it.chain) != ("filter", "INPUT"));
                let (table, chain) = special.map_or(("filter", "INPUT"), |it| (&*it.table, &*it.chain));
                let head =
                    head.strip_prefix("HOOK ").map_or(head, |rest| if chain == "INPUT" { rest } else { "" });
                let rules = parts.iter().map(|it| it.rule.as_str());
                let words: Vec<&str> = [head].into_iter().chain(rules).filter(|it| !it.is_empty()).collect();
                Line { table: table.into(), chain: chain.into(), rule: words.join(" ") }
            },
        )
    }

    /// A comment of any bytes that text can hold, in quotes.
    fn commented() -> impl Strategy<Value = Line> + use<> {
        "[ -~\u{e9}\u{3bb}]{0,120}".prop_map(|comment: String| {
            let escaped = comment.replace('\\', "\\\\").replace('"', "\\\"");
            let rule = format!("-m comment --comment \"{escaped}\" -j ACCEPT");
            Line { table: "filter".into(), chain: "INPUT".into(), rule }
        })
    }

    fn real(&self) -> impl Strategy<Value = Line> + use<> {
        let all = if self.real.is_empty() { &self.matches } else { &self.real };
        proptest::sample::select(all.clone())
    }
}

fn heads(family: Family) -> Vec<&'static str> {
    let mut heads = vec!["", "-p tcp", "! -p udp", "-p 47", "-p all", "HOOK -i eth0", "HOOK ! -i lo+"];
    heads.extend(match family {
        Family::V4 => [
            "-s 192.0.2.7/24",
            "! -d 10.1",
            "-s 198.51.100.1,203.0.113.0/25",
            "-d 0/0",
            "-s 172.16.1.1/255.255.0.255",
        ],
        Family::V6 => [
            "-s 2001:DB8::7/64",
            "! -d ::1",
            "-s 2001:db8::1,2001:db8:1::/48",
            "-d ::/0",
            "-s fe80::1/ffff::ffff",
        ],
    });
    heads
}

/// Rules of the built-in chains of table `filter`, from real rule sets of either family.
fn real_lines() -> Vec<Line> {
    let Some(folder) = shared::folder() else { return Vec::new() };
    let mut lines = Vec::new();
    for file in files::read(&folder.join("rulesets")).unwrap() {
        let text = String::from_utf8_lossy(&file.bytes);
        let inside = text.lines().skip_while(|line| *line != "*filter").take_while(|line| *line != "COMMIT");
        for line in inside.step_by(7).take(60) {
            let rule = line.strip_prefix("-A INPUT ");
            let rule = rule
                .filter(|it| [" -j ACCEPT", " -j DROP", " -j REJECT"].iter().any(|end| it.ends_with(end)));
            lines.extend(rule.map(|rule| Line {
                table: "filter".into(),
                chain: "INPUT".into(),
                rule: rule.into(),
            }));
        }
    }
    lines.sort();
    lines.dedup();
    lines
}

/// The lines by table.
pub fn tables(lines: &[Line]) -> Vec<Vec<Line>> {
    let mut tables: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        match tables.iter_mut().find(|it| it.iter().any(|other| other.table == line.table)) {
            Some(table) => table.push(line.clone()),
            None => tables.push(vec![line.clone()]),
        }
    }
    tables
}

/// The rules as restore text.
pub fn text(lines: &[Line]) -> Vec<u8> {
    let mut text = String::new();
    for table in tables(lines) {
        text += &format!("*{}\n", table.first().unwrap().table);
        for line in table {
            text += &format!("-A {} {}\n", line.chain, line.rule);
        }
        text += "COMMIT\n";
    }
    text.into_bytes()
}

/// What [`text`] was made of.
pub fn lines(text: &[u8]) -> Vec<Line> {
    let mut table = "";
    let mut lines = Vec::new();
    let text = str::from_utf8(text).unwrap();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if let Some((chain, rule)) = line.strip_prefix("-A ").and_then(|it| it.split_once(' ')) {
            lines.push(Line { table: table.into(), chain: chain.into(), rule: rule.into() });
        }
    }
    lines
}
