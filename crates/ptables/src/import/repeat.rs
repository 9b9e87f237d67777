//! Finds loops: rules of one shape, or groups of rules, that stand one after the other and differ in a few values.

use std::collections::HashMap;

use super::parts::{self, Part};

/// The most rules that one turn of a loop makes.
const MAX_BODY: usize = 8;
/// The most values in which turns may differ; more is harder to read than the rules.
const MAX_VARIABLES: usize = 3;
/// What a loop of two turns must save.
const MIN_SAVED_TWICE: usize = 6;

/// What a loop must save at least, as [`Run::saved`] counts.
const MIN_SAVED: usize = 3;

/// Something that a script does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// Appends one rule.
    Rule(Vec<Part>),
    /// Appends rules for each of some values.
    Loop {
        /// Variables; none where every turn is the same.
        variables: Vec<String>,
        /// Their values, turn by turn.
        turns: Vec<Vec<String>>,
        /// The rules of one turn.
        body: Vec<Vec<Part>>,
    },
}

/// The statements that append these rules, in order.
pub(super) fn statements(rules: Vec<Vec<Part>>) -> Vec<Statement> {
    let mut shapes = HashMap::new();
    let ids: Vec<usize> = rules
        .iter()
        .map(|rule| {
            let mut shape = String::new();
            parts::shape(rule, &mut shape);
            let next = shapes.len();
            *shapes.entry(shape).or_insert(next)
        })
        .collect();
    let values: Vec<Vec<&str>> = rules
        .iter()
        .map(|rule| {
            let mut values = Vec::new();
            parts::values(rule, &mut values);
            values.iter().map(|it| it.written.as_str()).collect()
        })
        .collect();
    let mut plan = Vec::new();
    let mut at = 0;
    while at < rules.len() {
        let best = (1..=MAX_BODY)
            .filter_map(|body| run(at, body, &ids, &values))
            // Of equal savings the shorter body.
            .max_by_key(|it| (it.saved(), std::cmp::Reverse(it.body)));
        match best {
            Some(found) => {
                at += found.body * found.turns;
                plan.push(Some(found));
            }
            None => {
                at += 1;
                plan.push(None);
            }
        }
    }
    let columns: Vec<Option<(Run, Columns)>> =
        plan.into_iter().map(|it| it.map(|run| (run, Columns::of(&run, &values)))).collect();
    let mut rules = rules.into_iter();
    let mut made = Vec::with_capacity(columns.len());
    for planned in columns {
        match planned {
            None => made.extend(rules.next().map(Statement::Rule)),
            Some((run, columns)) => {
                let mut body: Vec<Vec<Part>> = rules.by_ref().take(run.body).collect();
                rules.by_ref().take(run.body * (run.turns - 1)).for_each(drop);
                made.push(columns.into_loop(&mut body));
            }
        }
    }
    made
}

/// A loop that could be: its first rule, the rules of a turn, and the turns.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: usize,
    body: usize,
    turns: usize,
    variables: usize,
}

impl Run {
    /// What it saves the reader: a rule counts 3, the head of a loop 2, several values 1, one value a quarter.
    fn saved(&self) -> usize {
        let values = if self.variables > 1 { self.turns } else { self.turns.div_ceil(4) };
        (3 * self.body * self.turns).saturating_sub(3 * self.body + 2 + values)
    }
}

/// The longest loop with this many rules a turn.
fn run(start: usize, body: usize, ids: &[usize], values: &[Vec<&str>]) -> Option<Run> {
    let shape = ids.get(start..start + body)?;
    let mut turns = 1;
    let mut variables = 0;
    while ids.get(start + body * turns..start + body * (turns + 1)) == Some(shape) {
        let longer = Run { start, body, turns: turns + 1, variables };
        let classes = Columns::of(&longer, values).variables.len();
        if classes > MAX_VARIABLES {
            break;
        }
        (turns, variables) = (turns + 1, classes);
        // Long runs of one shape: what varies is known after some turns, and is looked at again at the end.
        if turns >= 16 {
            let more =
                ids.get(start + body * turns..)?.chunks_exact(body).take_while(|it| *it == shape).count();
            let all = Run { start, body, turns: turns + more, variables };
            let classes = Columns::of(&all, values).variables.len();
            if classes <= MAX_VARIABLES {
                (turns, variables) = (all.turns, classes);
            }
            break;
        }
    }
    let found = Run { start, body, turns, variables };
    // Where nothing varies there is nothing to go through.
    let least = if turns > 2 { MIN_SAVED } else { MIN_SAVED_TWICE };
    (turns > 1 && variables > 0 && found.saved() >= least).then_some(found)
}

/// Which values of a loop vary, and together with which.
struct Columns {
    /// For each value of a turn: the variable that holds it.
    variable: Vec<Option<usize>>,
    /// For each variable: its value in each turn.
    variables: Vec<Vec<String>>,
}

impl Columns {
    fn of(run: &Run, values: &[Vec<&str>]) -> Columns {
        let turn = |number: usize| {
            let first = run.start + run.body * number;
            values.get(first..first + run.body).unwrap_or_default().iter().flatten().copied()
        };
        let mut columns: Vec<Vec<&str>> = turn(0).map(|value| vec![value]).collect();
        for number in 1..run.turns {
            for (column, value) in columns.iter_mut().zip(turn(number)) {
                column.push(value);
            }
        }
        let mut known: HashMap<&Vec<&str>, usize> = HashMap::new();
        let mut variables = Vec::new();
        let variable = columns
            .iter()
            .map(|column| {
                let first = column.first()?;
                if column.iter().all(|it| it == first) {
                    return None;
                }
                Some(*known.entry(column).or_insert_with(|| {
                    variables.push(column.iter().map(|it| (*it).to_owned()).collect());
                    variables.len() - 1
                }))
            })
            .collect();
        Columns { variable, variables }
    }

    /// The loop; values of its body become variables.
    fn into_loop(self, body: &mut Vec<Vec<Part>>) -> Statement {
        let mut names: Vec<String> = Vec::new();
        let mut of_column = self.variable.iter();
        for rule in body.iter_mut() {
            parts::rewrite(rule, &mut |value| {
                let Some(Some(variable)) = of_column.next() else { return };
                if names.len() == *variable {
                    names.push(fresh(&value.name, &names));
                }
                if let Some(name) = names.get(*variable) {
                    value.written.clone_from(name);
                }
            });
        }
        let turns = self.variables.iter().map(Vec::len).max().unwrap_or_default();
        let turns = (0..turns)
            .map(|turn| self.variables.iter().filter_map(|it| it.get(turn).cloned()).collect())
            .collect();
        Statement::Loop { variables: names, turns, body: std::mem::take(body) }
    }
}

/// A name that is taken neither here nor by the script around.
fn fresh(name: &str, taken: &[String]) -> String {
    let mut fresh = name.to_owned();
    let mut number = 2;
    while taken.contains(&fresh) || ["chain", "tables"].contains(&fresh.as_str()) {
        fresh = format!("{name}{number}");
        number += 1;
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::super::parts::Value;
    use super::*;

    fn rule(verb: &str, values: &[&str]) -> Vec<Part> {
        let mut rule = vec![Part::Fixed(verb.to_owned())];
        for value in values {
            rule.push(Part::Value(Value { name: "port".into(), written: (*value).to_owned() }));
        }
        rule
    }

    fn shown(rules: Vec<Vec<Part>>) -> Vec<String> {
        let line = |rule: &Vec<Part>| {
            let mut out = String::new();
            parts::write(rule, &|_| None, &mut out);
            out
        };
        let shown = |it: &Statement| match it {
            Statement::Rule(rule) => line(rule),
            Statement::Loop { variables, turns, body } => {
                format!("{variables:?} {turns:?} {:?}", body.iter().map(line).collect::<Vec<_>>())
            }
        };
        statements(rules).iter().map(shown).collect()
    }

    #[test]
    fn rules_of_one_shape_become_a_loop() {
        let rules = ["1", "2", "3", "4"].iter().map(|it| rule("A", &[it, "x", it])).collect();
        assert_eq!(shown(rules), [r#"["port"] [["1"], ["2"], ["3"], ["4"]] ["Aportxport"]"#]);
    }

    #[test]
    fn groups_repeat_and_what_is_between_stays() {
        let mut rules = vec![rule("first", &[])];
        for (host, port) in [("a", "1"), ("b", "2"), ("c", "2")] {
            rules.push(rule("log", &[host]));
            rules.push(rule("drop", &[host, port]));
        }
        rules.push(rule("last", &["a"]));
        assert_eq!(
            shown(rules),
            [
                "first".to_owned(),
                r#"["port", "port2"] [["a", "1"], ["b", "2"], ["c", "2"]] ["logport", "dropportport2"]"#
                    .to_owned(),
                "lasta".to_owned(),
            ]
        );
    }

    #[test]
    fn the_same_rule_again_is_no_loop_and_nothing_is_lost() {
        assert_eq!(shown(vec![rule("A", &["1"]); 9]).len(), 9);
        let many = (0..40).map(|it| rule("A", &[&it.to_string(), "y"])).collect();
        assert_eq!(shown(many).len(), 1);
    }

    #[test]
    fn what_differs_in_many_values_stays() {
        let rules = (0..9).map(|it| {
            let own = |at: usize| format!("{it}{at}");
            rule("A", &[&own(0), &own(1), &own(2), &own(3)])
        });
        assert_eq!(shown(rules.collect()).len(), 9);
    }
}
