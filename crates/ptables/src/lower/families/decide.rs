//! Which families get a rule, and how it reads there.

use super::address::In;
use super::says::{self, Say, What};
use super::words::{self, Edit};
use crate::diag::{Diagnostic, codes};
use crate::dialect::Family;
use crate::origin::Origin;
use crate::program::{Rule, Table, Tables};
use crate::text::lex::Word;
use crate::value::{Names, quote};

/// What becomes of a rule.
pub(super) struct Verdict {
    /// What IPv4 and IPv6 get.
    pub(super) rules: [Option<Rule>; 2],
    pub(super) problem: Option<Diagnostic>,
}

/// Decides on a rule that is no composite, in a chain that these families have.
pub(super) fn rule(rule: &Rule, within: In, table: &Table, tables: &Tables, names: &dyn Names) -> Verdict {
    let words = words::of(rule);
    let chain = |name: &[u8]| {
        let chain = std::str::from_utf8(name).ok().and_then(|it| table.get(it));
        chain.map(|chain| In::all(chain.families))
    };
    let mut says = says::of(&words, names, &chain);
    if says.is_empty() {
        let rules = Family::ALL.map(|family| within.has(family).then(|| rule.clone()));
        return Verdict { rules, problem: None };
    }
    for say in &mut says {
        if let (What::Set { inverted }, Some(set)) = (&say.what, tables.set(&say.value)) {
            let parts = super::sets::names(set, names).map(|it| it.map(|it| say.with(&it)));
            say.what = What::List { parts, inverted: *inverted };
        }
    }
    let mut problem = None;
    let mut families = says.iter().fold(within, |all, say| all.and(confined(&say.what)));
    if families == In::NONE {
        problem = Some(neither(&says, within));
    } else if problem.is_none() {
        problem = says.iter().find_map(|say| unsaid(say, families));
    }
    // What cannot be said in a family is left out there, and found above: lowering need not find it again.
    families = says.iter().fold(families, |all, say| all.and(sayable(&say.what)));
    let rules =
        Family::ALL.map(|family| families.has(family).then(|| words::edited(rule, &edits(&says, family))));
    Verdict { rules, problem: problem.map(|it| placed(it, rule, &words)) }
}

/// The families that a rule is for if a word says so.
fn confined(what: &What) -> In {
    match what {
        What::Belongs(families) => *families,
        What::Flag(family) => In::one(*family),
        What::List { parts, inverted: false } => known(parts),
        _ => In::BOTH,
    }
}

fn known<T>(parts: &[Option<T>; 2]) -> In {
    let [v4, v6] = parts.each_ref().map(Option::is_some);
    In { v4, v6 }
}

/// What a word cannot say in one of the families that the rule is for.
fn unsaid(say: &Say, families: In) -> Option<Diagnostic> {
    let known = sayable(&say.what);
    if let What::Set { .. } = say.what {
        return families.only().is_none().then(|| unknown_set(say));
    }
    if families.and(known) == families {
        return None;
    }
    Some(match &say.what {
        What::Lacks(_, kind) => lacks(say, known, kind),
        What::Reject(_) => lacks(say, known, "answer"),
        _ => one_sided(say, known),
    })
}

/// The families in which a word means something.
fn sayable(what: &What) -> In {
    match what {
        What::Not(families) | What::Lacks(families, _) => *families,
        What::List { parts, inverted: true } => known(parts),
        What::Reject(names) => known(names),
        _ => In::BOTH,
    }
}

/// The words that differ in a family.
fn edits(says: &[Say], family: Family) -> Vec<Edit> {
    let place = usize::from(family == Family::V6);
    says.iter()
        .filter_map(|say| match &say.what {
            What::Flag(_) => Some((say.at, None)),
            What::List { parts, .. } => {
                let [v4, v6] = parts;
                let own = parts.get(place)?.as_ref()?;
                (v4 != v6).then(|| (say.at, Some(own.clone())))
            }
            What::Reject(names) => {
                let name = names.get(place).copied().flatten()?;
                (!name.is_empty()).then(|| (say.at, Some(say.with(name))))
            }
            _ => None,
        })
        .collect()
}

/// `IPv4` or `IPv6`, of families of which there is one.
fn name(families: In) -> String {
    families.only().map_or_else(|| "neither family".to_owned(), |it| it.to_string())
}

fn neither(says: &[Say], within: In) -> Diagnostic {
    let parts: Vec<String> = says
        .iter()
        .filter_map(|say| {
            let families = confined(&say.what);
            (families != In::BOTH).then(|| format!("`{}` is {}", say.value, name(families)))
        })
        .chain((within != In::BOTH).then(|| format!("its chain is {}", name(within))))
        .collect();
    let message = format!("the rule is for neither family: {}", parts.join(", "));
    Diagnostic::error(codes::FAMILY_NEITHER, message).help("make a rule for each family")
}

fn one_sided(say: &Say, known: In) -> Diagnostic {
    let other = if known.v4 { "IPv6" } else { "IPv4" };
    let message =
        format!("what is said here of {other}? `{}`, which is inverted, is {}", say.value, name(known));
    let own = if known.v4 { ("`-4`", "ipv4=None") } else { ("`-6`", "ipv6=None") };
    let help = format!(
        "name addresses of both families, or say {} (`{}` in a script) for a rule of {} only",
        own.0,
        own.1,
        name(known)
    );
    Diagnostic::error(codes::FAMILY_INVERTED, message).help(help)
}

fn lacks(say: &Say, known: In, kind: &str) -> Diagnostic {
    let other = if known.v4 { "IPv6" } else { "IPv4" };
    let message = format!("{other} has no {kind} `{}`", say.value);
    let (flag, argument) = if known.v4 { ("-4", "ipv4=None") } else { ("-6", "ipv6=None") };
    let help = match &*say.value {
        "ttl" | "TTL" => {
            "hop limits of IPv6 have `hl` and `HL`: make a rule for each family, with `-4` and `-6`"
                .to_owned()
        }
        "hl" | "HL" => "IPv4 has `ttl` and `TTL`: make a rule for each family, with `-4` and `-6`".to_owned(),
        _ => format!("say `{flag}` (`{argument}` in a script) for a rule of {} only", name(known)),
    };
    Diagnostic::error(codes::FAMILY_NOT_IN_BOTH, message).help(help)
}

fn unknown_set(say: &Say) -> Diagnostic {
    let message = format!("is the set `{}` IPv4 or IPv6? the program does not declare it", say.value);
    let help = format!(
        "declare it (`IPSet({:?}, 'hash:net', entries=[…])`), or say `-4` or `-6` for a rule of one family",
        say.value
    );
    Diagnostic::error(codes::FAMILY_UNKNOWN_SET, message).help(help)
}

fn placed(diagnostic: Diagnostic, rule: &Rule, words: &[Word<'_>]) -> Diagnostic {
    let diagnostic = diagnostic.at(rule.origin.clone(), "");
    if matches!(rule.origin, Origin::Text(_)) {
        return diagnostic;
    }
    let mut line = Vec::new();
    for word in words {
        if !line.is_empty() {
            line.push(b' ');
        }
        quote::push_word(&mut line, &word.bytes);
    }
    diagnostic.note(format!("in the rule `{}`", String::from_utf8_lossy(&line)))
}
