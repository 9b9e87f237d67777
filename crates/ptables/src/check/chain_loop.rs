//! Chains that jump in a circle. The kernel refuses them where a built-in chain leads there; `--test` does not see it.

use super::{Facts, TableFacts};
use crate::diag::{Diagnostic, Severity, codes};

pub(super) fn run(facts: &Facts<'_>, found: &mut Vec<Diagnostic>) {
    for table in &facts.tables {
        table_loops(table, found);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    OnPath,
    Done,
}

/// Walks each chain once, depth first, with a stack of its own: chains may be many and deep.
fn table_loops(table: &TableFacts<'_>, found: &mut Vec<Diagnostic>) {
    let mut marks = vec![Mark::New; table.jumps.len()];
    for root in 0..table.jumps.len() {
        let mut path: Vec<(usize, usize)> = Vec::new();
        if marks.get(root) == Some(&Mark::New) {
            path.push((root, 0));
        }
        while let Some((chain, next)) = path.last_mut() {
            let here = *chain;
            set(&mut marks, here, Mark::OnPath);
            let Some((rule, to)) = table.jumps.get(here).and_then(|jumps| jumps.get(*next)).copied() else {
                set(&mut marks, here, Mark::Done);
                path.pop();
                continue;
            };
            *next += 1;
            match marks.get(to) {
                Some(Mark::New) => path.push((to, 0)),
                Some(Mark::OnPath) => found.push(report(table, &path, here, rule, to)),
                _ => {}
            }
        }
    }
}

fn set(marks: &mut [Mark], place: usize, mark: Mark) {
    if let Some(place) = marks.get_mut(place) {
        *place = mark;
    }
}

fn report(
    table: &TableFacts<'_>,
    path: &[(usize, usize)],
    from: usize,
    rule: usize,
    to: usize,
) -> Diagnostic {
    let name =
        |place: usize| table.table.chains.get(place).map(|chain| chain.name.to_lossy()).unwrap_or_default();
    let circle = path.iter().map(|(place, _)| *place).skip_while(|place| *place != to);
    let names: Vec<String> = circle.chain([to]).map(name).collect();
    let reached = !table.hooks_of(to).is_empty();
    let severity = if reached { Severity::Error } else { Severity::Warning };
    let message = format!(
        "chains jump in a circle: {}",
        names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(" → ")
    );
    let mut diagnostic = Diagnostic::new(codes::CHECK_LOOP, severity, message);
    if let Some(rule) = table.table.chains.get(from).and_then(|chain| chain.rules.get(rule)) {
        diagnostic = diagnostic.at(rule.origin.clone(), "this jump closes the circle");
    }
    for (chain, next) in
        path.iter().skip_while(|(place, _)| *place != to).take_while(|(place, _)| *place != from)
    {
        let jump = next.checked_sub(1).and_then(|next| table.jumps.get(*chain)?.get(next));
        let rule = jump.and_then(|(rule, _)| table.table.chains.get(*chain)?.rules.get(*rule));
        if let Some(rule) = rule {
            diagnostic = diagnostic.see(rule.origin.clone(), "");
        }
    }
    if !reached {
        diagnostic = diagnostic.note("no built-in chain leads here, so the kernel takes it");
    }
    diagnostic.help("a packet that meets it would never leave: remove one of the jumps")
}
