//! What rules leave with connections for their later packets: the comparison of one packet takes the state and the mark with which
//! it comes as told.

use super::act::Traces;
use super::course::{Course, Entry};
use super::tracking::TRACKED;
use super::ways::Goal;
use super::world::World;
use crate::ext::Target;
use crate::ext::targets::Ct;
use crate::meaning::{Effect, Field};
use crate::model::{Jump, Ruleset};
use crate::packet::Path;
use crate::simulate::At;
use crate::space::{Set, TooLarge};

/// What cannot be told of two rulesets, because their rules treat connections in other ways: a later packet may come with another
/// state or mark. They are alike if of the same packets the same is said of tracking, and if the same rules that write the
/// connection's mark meet the same packets in the same order.
pub(super) fn unlike(world: &mut World<'_>) -> Result<Vec<String>, TooLarge> {
    let mut found = Vec::new();
    // Where no rule asks, it makes no difference.
    if world.space.field_variables(Field::CtState).1 > 0 && !is_tracked_alike(world)? {
        found.push("what later packets of a connection are: other packets are tracked, or tracked otherwise (CT, NOTRACK)");
    }
    if world.space.field_variables(Field::ConnMark).1 > 0 && !is_marked_alike(world)? {
        found.push("which mark later packets of a connection find: the rules that write it are not the same (CONNMARK)");
    }
    Ok(found.into_iter().map(str::to_owned).collect())
}

fn is_tracked_alike(world: &mut World<'_>) -> Result<bool, TooLarge> {
    let [old, new] = world.courses.as_slice() else { return Ok(true) };
    let words = [old, new].map(|it| words(it.ruleset));
    let goals =
        words.each_ref().map(|it| it.iter().map(|(what, at)| (what.as_str(), Goal::Word(*at))).collect());
    // Of what would have no connection anyhow NOTRACK leaves nothing.
    let tracked = world.space.states(TRACKED)?;
    world.alike(&goals, &|what| if what == NOTRACK { tracked } else { Set::ALL })
}

const NOTRACK: &str = "NOTRACK";

/// What rules say of tracking, and where.
fn words(ruleset: &Ruleset) -> Vec<(String, At)> {
    let mut found = Vec::new();
    for (table, it) in ruleset.tables.iter().enumerate() {
        for (chain, it) in it.chains.iter().enumerate() {
            for (number, rule) in it.rules.iter().enumerate() {
                let Some(Jump::Target(target)) = rule.as_typed().map(|it| &it.jump) else { continue };
                let Effect::Track { untracked, .. } = target.effect(ruleset.context) else { continue };
                let what = match target {
                    _ if untracked => NOTRACK.to_owned(),
                    // Who is told of events makes no difference to packets.
                    Target::Ct(ct) => {
                        let silent = Ct::default();
                        let ct = Ct {
                            events: silent.events,
                            expected_events: silent.expected_events,
                            ..(**ct).clone()
                        };
                        if ct == silent {
                            continue;
                        }
                        format!("{ct:?}")
                    }
                    other => format!("{other:?}"),
                };
                found.push((what, At { table, chain, rule: Some(number) }));
            }
        }
    }
    found
}

/// A rule that writes the mark of connections.
struct Writer {
    key: String,
    at: At,
    builtin: bool,
}

fn is_marked_alike(world: &mut World<'_>) -> Result<bool, TooLarge> {
    let writers: Vec<Vec<Writer>> = world.courses.iter().map(writers).collect();
    let mut met: Vec<Vec<(String, bool, Vec<Set>)>> = Vec::new();
    for (side, writers) in writers.into_iter().enumerate() {
        let mut own = Vec::new();
        for it in writers {
            let mut sets = Vec::new();
            for path in Path::ALL {
                let domain = world.domain(path)?;
                let (set, _) = world.search(side, path, Goal::Rule(it.at))?;
                sets.push(world.space.arena().and(set, domain)?);
            }
            if sets.iter().any(|it| !it.is_empty()) {
                own.push((it.key, it.builtin, sets));
            }
        }
        met.push(own);
    }
    let [old, new] = met.as_slice() else { return Ok(true) };
    // In which order chains of the user are called is not looked at.
    let calls = old.iter().chain(new).any(|it| !it.1);
    Ok(old == new && (!calls || is_written_alike(world)))
}

fn writers(course: &Course<'_>) -> Vec<Writer> {
    let mut found = Vec::new();
    for table in course.tables.iter().flatten() {
        for (chain, it) in table.chains.iter().enumerate() {
            let builtin = table.hooks.contains(&Some(chain));
            for (number, entry) in it.entries.iter().enumerate() {
                if entry.effect.as_ref().is_some_and(writes_mark) {
                    let at = At { table: table.place, chain, rule: Some(number) };
                    found.push(Writer { key: entry.key.clone(), at, builtin });
                }
            }
        }
    }
    found
}

fn writes_mark(effect: &Effect) -> bool {
    // What it hangs on a packet is no mark of its connection.
    if matches!(effect, Effect::Track { .. }) {
        return false;
    }
    let mut traces = Traces::default();
    traces.add(effect);
    traces.fields.contains(&Field::ConnMark)
}

/// Whether the tables that write marks have the same text.
fn is_written_alike(world: &World<'_>) -> bool {
    let texts = world.courses.iter().map(|course| {
        let mut out = Vec::new();
        for table in course.tables.iter().flatten() {
            let writes = |it: &Entry| it.effect.as_ref().is_some_and(writes_mark);
            if table.chains.iter().flat_map(|it| &it.entries).any(writes)
                && let Some(table) = course.ruleset.tables.get(table.place)
            {
                table.print(&mut out, course.ruleset.context, false);
            }
        }
        out
    });
    let texts: Vec<_> = texts.collect();
    texts.windows(2).all(|it| it.first() == it.last())
}
