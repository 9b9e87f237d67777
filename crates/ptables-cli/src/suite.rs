//! What came of a file of expectations, and how it is shown.

use std::path::Path;

use ptables::diag::escape;
use ptables::expect::{self, Expectation, Report, Wanted};
use ptables::ipset::{self, Sets};
use ptables::packet::Packet;
use ptables::simulate::{At, Simulator};
use ptables_kernel::{Kernel, Ran};

use crate::commands::Failure;

/// One file of expectations.
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) rows: Vec<Row>,
    /// Rules that no packet met, and how many rules there are.
    unmet: Vec<String>,
    rules: usize,
}

/// One expectation, and what came of it.
pub(crate) struct Row {
    pub(crate) expectation: Expectation,
    pub(crate) came: Came,
}

/// What came of an expectation.
pub(crate) enum Came {
    Holds,
    /// It does not hold: the verdict, and in further lines the way of the packet.
    Fails(String),
    /// Nobody was asked, and why.
    NotRun(&'static str),
}

impl Suite {
    /// Of a file, before anything is asked.
    pub(crate) fn new(file: &Path) -> Suite {
        Suite { name: file.display().to_string(), rows: Vec::new(), unmet: Vec::new(), rules: 0 }
    }

    /// Asks the simulator, or the kernel.
    pub(crate) fn ask(
        &mut self,
        simulator: &Simulator<'_>,
        expectations: Vec<Expectation>,
        sets: Option<Sets>,
        kernel: bool,
    ) -> Result<(), Failure> {
        self.rules += simulator.ruleset().rules().count();
        if kernel && !expectations.is_empty() {
            return self.ask_kernel(simulator, expectations, sets);
        }
        let report = expect::run(simulator, expectations);
        self.unmet.extend(unmet(simulator, &report));
        self.rows.extend(report.outcomes.into_iter().map(|it| {
            let came = if it.holds() { Came::Holds } else { Came::Fails(simulator.human(&it.trace)) };
            Row { expectation: it.expectation, came }
        }));
        Ok(())
    }

    fn ask_kernel(
        &mut self,
        simulator: &Simulator<'_>,
        expectations: Vec<Expectation>,
        sets: Option<Sets>,
    ) -> Result<(), Failure> {
        let sets = match sets {
            None => Vec::new(),
            Some(sets) => {
                let all: Vec<_> = sets.iter().cloned().collect();
                let text = ipset::print(&all);
                text.map_err(|found| found.first().map(|it| it.message.clone()).unwrap_or_default())?
            }
        };
        let packets: Vec<(&Packet, Option<u32>)> =
            expectations.iter().map(|it| (&it.packet, it.sequence)).collect();
        let tried = Kernel::new().try_packets(simulator.ruleset(), &sets, &packets)?;
        let mut report = Report::default();
        report.hits = tried.hits;
        self.unmet.extend(unmet(simulator, &report));
        self.rows.extend(expectations.into_iter().zip(tried.ran).map(|(expectation, ran)| {
            let came = match (ran, expectation.wanted) {
                (Ran::NotRun(why), _) => Came::NotRun(why),
                (Ran::Accept, Wanted::Accept)
                | (Ran::Drop, Wanted::Drop | Wanted::Block)
                | (Ran::Reject, Wanted::Reject | Wanted::Block) => Came::Holds,
                (Ran::Accept, _) => Came::Fails("ACCEPT\n  by the kernel".to_owned()),
                (Ran::Reject, _) => Came::Fails("REJECT\n  by the kernel".to_owned()),
                _ => Came::Fails("DROP\n  by the kernel".to_owned()),
            };
            Row { expectation, came }
        }));
        Ok(())
    }
}

fn unmet(simulator: &Simulator<'_>, report: &Report) -> Vec<String> {
    let line = |at: At| {
        let it = simulator.place(at)?;
        let place = it.origin().place().map(|place| format!("  ({place})")).unwrap_or_default();
        Some(format!("{}: {}{place}", it.table.name.to_lossy(), simulator.rule_text(at)))
    };
    expect::never_met(simulator, report).into_iter().filter_map(line).collect()
}

pub(crate) fn title(expectation: &Expectation) -> String {
    escape::line(&expectation.at.to_lossy()).to_string()
}

/// Its line, if it stands in one.
fn line(expectation: &Expectation) -> u32 {
    expectation.origin.place().map_or(0, |place| place.line)
}

pub(crate) fn human(suites: &[Suite]) {
    let (mut all, mut failed, mut left) = (0, 0, 0);
    for suite in suites {
        for row in &suite.rows {
            all += 1;
            let place = format!("{}:{}", escape::line(&suite.name), line(&row.expectation));
            let title = title(&row.expectation);
            match &row.came {
                Came::Holds => {}
                Came::Fails(text) => {
                    failed += 1;
                    println!("{place}: FAILED: {title}");
                    text.lines().for_each(|line| println!("    {line}"));
                }
                Came::NotRun(why) => {
                    left += 1;
                    println!("{place}: NOT RUN: {title}\n    {why}");
                }
            }
        }
        let met = suite.rules - suite.unmet.len();
        println!("{}: {met} of {} rules were met", escape::line(&suite.name), suite.rules);
        for rule in &suite.unmet {
            println!("    never met: {}", escape::line(rule));
        }
    }
    let left = if left == 0 { String::new() } else { format!(", {left} not run") };
    println!("{all} expectations, {failed} failed{left}");
}

pub(crate) fn tap(suites: &[Suite]) {
    let rows = || suites.iter().flat_map(|it| &it.rows);
    println!("TAP version 13\n1..{}", rows().count());
    for (number, row) in rows().enumerate() {
        // A `#` would begin a directive.
        let title = title(&row.expectation).replace('#', "\\#");
        let number = number + 1;
        match &row.came {
            Came::Holds => println!("ok {number} - {title}"),
            Came::NotRun(why) => println!("not ok {number} - {title} # SKIP {why}"),
            Came::Fails(text) => {
                println!("not ok {number} - {title}\n  ---\n  way: |");
                text.lines().for_each(|line| println!("    {line}"));
                println!("  ...");
            }
        }
    }
}

fn xml(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

pub(crate) fn junit(suites: &[Suite]) {
    println!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>");
    for suite in suites {
        let count = |wanted: fn(&Came) -> bool| suite.rows.iter().filter(|it| wanted(&it.came)).count();
        let failures = count(|it| matches!(it, Came::Fails(_)));
        let skipped = count(|it| matches!(it, Came::NotRun(_)));
        let skipped = if skipped == 0 { String::new() } else { format!(" skipped=\"{skipped}\"") };
        let name = xml(&suite.name);
        println!(
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\"{skipped}>",
            suite.rows.len()
        );
        for row in &suite.rows {
            let line = line(&row.expectation);
            let case = format!(
                "name=\"{}\" classname=\"{name}\" file=\"{name}\" line=\"{line}\"",
                xml(&title(&row.expectation))
            );
            match &row.came {
                Came::Holds => println!("    <testcase {case}/>"),
                Came::NotRun(why) => {
                    println!("    <testcase {case}><skipped message=\"{}\"/></testcase>", xml(why));
                }
                Came::Fails(text) => {
                    let wanted = row.expectation.wanted.as_str();
                    let message =
                        format!("expected {wanted}, is {}", text.lines().next().unwrap_or_default());
                    println!(
                        "    <testcase {case}><failure message=\"{}\">{}</failure></testcase>",
                        xml(&message),
                        xml(text)
                    );
                }
            }
        }
        println!("  </testsuite>");
    }
    println!("</testsuites>");
}
