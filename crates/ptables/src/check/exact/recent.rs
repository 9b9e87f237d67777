//! Lists of `recent` that are asked, and that nothing fills.

use std::collections::HashSet;

use super::Analysed;
use crate::diag::{Diagnostic, codes};
use crate::meaning::{Need, Pred, RecentAction, RecentTest};

pub(super) fn run(analysed: &Analysed<'_>, found: &mut Vec<Diagnostic>) {
    let mut set: HashSet<Vec<u8>> = HashSet::new();
    let mut asked = Vec::new();
    let context = analysed.ruleset.context;
    for (_, _, rule) in analysed.ruleset.rules() {
        let Some(typed) = rule.as_typed() else {
            // What is not understood may fill any list.
            return;
        };
        let meaning = typed.meaning(context);
        for test in tests(&meaning) {
            match test.action {
                RecentAction::Set => {
                    set.insert(test.name.to_vec());
                }
                RecentAction::Check | RecentAction::Update | RecentAction::Remove => {
                    asked.push((rule, test.name.clone()));
                }
            }
        }
    }
    for (rule, name) in asked.into_iter().filter(|it| !set.contains(it.1.as_bytes())) {
        let message = format!("no rule puts an address into the list `{}`", name.to_lossy());
        let warning = Diagnostic::warning(codes::CHECK_RECENT_NEVER_SET, message);
        let note =
            format!("only `--set`, or a write to /proc/net/xt_recent/{}, makes an entry", name.to_lossy());
        let help = "add a rule with `-m recent --set` and the same `--name`";
        found.push(warning.at(rule.origin.clone(), "").note(note).help(help));
    }
}

fn tests(pred: &Pred) -> Vec<&RecentTest> {
    let needs = pred.needs().into_iter();
    needs
        .filter_map(|need| match need {
            Need::Recent(test) => Some(&**test),
            _ => None,
        })
        .collect()
}
