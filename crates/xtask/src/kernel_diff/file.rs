//! Rules of a file, and packets drawn from them.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::rc::Rc;

use ptables::dialect::Family;
use ptables::ext::Hook;
use ptables::meaning::{Field, Pred};
use ptables::model::{Ruleset, Table};
use ptables::text;
use ptables_judge::world::MAX_DEVICES;

use super::draft::{Draft, Wish};
use super::ruleset::{Plan, Rules};
use super::shot::{Entry, Known};
use super::trial;

/// A file's rules.
pub struct FileRules {
    /// Interfaces that they name, and one that they do not.
    pub devices: Vec<String>,
    /// Whether they are of IPv6.
    pub v6: bool,
    text: String,
    ruleset: Ruleset,
}

impl FileRules {
    /// Reads a file, as iptables-save or a restore file has it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(path: &Path, nft: bool) -> Result<FileRules, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        FileRules::of_text(text, nft)
    }

    /// The rules of a text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_text(text: String, nft: bool) -> Result<FileRules, String> {
        let source =
            ptables::source::Source::new("rules", text.clone()).map_err(|error| error.to_string())?;
        let v6 = matches!(text::family(&source), text::FamilyHint::One(Family::V6));
        let ruleset = trial::read(v6, nft, &text)?;
        let mut names = BTreeSet::from(["other0".to_owned()]);
        for (_, _, rule) in ruleset.rules() {
            let Some(rule) = rule.as_typed() else { return Err("a rule that is not understood".to_owned()) };
            for iface in [rule.in_iface, rule.out_iface] {
                let (stem, open) = iface.stem();
                if !iface.is_any() {
                    let name = String::from_utf8_lossy(stem).into_owned();
                    names.insert(if open { format!("{name}9") } else { name });
                }
            }
        }
        // It is there anyhow, and no packet comes through it.
        names.remove("lo");
        let devices: Vec<String> = names.into_iter().take(MAX_DEVICES).collect();
        Ok(FileRules { devices, v6, text, ruleset })
    }

    /// The same without the rules that ask for a rate or for earlier packets: the others are decided.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decided(self, nft: bool) -> Result<FileRules, String> {
        let is_decided = |line: &&str| !line.contains("-m recent") && !line.contains("-m limit");
        let text = self.text.lines().filter(is_decided).map(|line| format!("{line}\n")).collect();
        Ok(FileRules { devices: self.devices, ..FileRules::of_text(text, nft)? })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The rules, with packets that aim at them.
    pub fn rules(&self, plan: Plan) -> Rules {
        let mut aims = Vec::new();
        for table in &self.ruleset.tables {
            self.aim(table, plan, &mut aims);
        }
        let scope = plan.scope(true, self.devices.len());
        Rules { scope, text: self.text.clone(), aims, theme: None, waits: false }
    }

    /// For each rule of a table: what leads a packet from a hook to it.
    fn aim(&self, table: &Table, plan: Plan, aims: &mut Vec<(Hook, Vec<Wish>)>) {
        let mut way: HashMap<&[u8], (Hook, Vec<Wish>)> = HashMap::new();
        let mut next: Vec<&ptables::model::Chain> = Vec::new();
        for chain in &table.chains {
            if let Some(hook) = chain.hook {
                way.insert(chain.name.as_bytes(), (hook, Vec::new()));
                next.push(chain);
            }
        }
        while let Some(chain) = next.pop() {
            let Some((hook, before)) = way.get(chain.name.as_bytes()).cloned() else { continue };
            for rule in chain.rules.iter().filter_map(|it| it.as_typed()) {
                let mut wishes = before.clone();
                self.wishes(&rule.meaning(self.ruleset.context), plan, &mut wishes);
                if let Some(to) = rule.jump.chain()
                    && !way.contains_key(to.as_bytes())
                    && let Some(to) = table.chain(to.as_bytes())
                {
                    way.insert(to.name.as_bytes(), (hook, wishes.clone()));
                    next.push(to);
                }
                aims.push((hook, wishes));
            }
        }
    }

    fn wishes(&self, pred: &Pred, plan: Plan, wishes: &mut Vec<Wish>) {
        match pred {
            Pred::All(all) => all.iter().for_each(|it| self.wishes(it, plan, wishes)),
            Pred::Any(any) => {
                let mut each = Vec::new();
                for pred in any {
                    let mut some = Vec::new();
                    self.wishes(pred, plan, &mut some);
                    each.push(some);
                }
                wishes.push(Rc::new(move |draft, rng| {
                    let chosen = &each[rng.below(each.len() as u64) as usize];
                    chosen.iter().for_each(|wish| wish(draft, rng));
                }));
            }
            Pred::Range(field, low, high) => {
                let (field, low, high) = (*field, *low, *high);
                wishes.push(Rc::new(move |draft, rng| {
                    let value =
                        rng.pick(&[low, high, low, high, low + (high - low) / 2, high.saturating_add(1)]);
                    set(draft, rng, field, u128::MAX, value);
                }));
            }
            Pred::Bits(field, mask, value) => {
                let (field, mask, value) = (*field, *mask, *value);
                wishes.push(Rc::new(move |draft, rng| set(draft, rng, field, mask, value)));
            }
            Pred::AnyBit(Field::CtState, states) if plan.entries => {
                let states = *states;
                wishes.push(Rc::new(move |draft, _| state(draft, states)));
            }
            Pred::InIface(iface) | Pred::OutIface(iface) => {
                let input = matches!(pred, Pred::InIface(_));
                let (stem, open) = iface.stem();
                let fits = |name: &String| {
                    if open { name.as_bytes().starts_with(stem) } else { name.as_bytes() == stem }
                };
                if let Some(at) = self.devices.iter().position(fits) {
                    wishes.push(Rc::new(move |draft, _| match input {
                        true => draft.shot.input = at,
                        false => draft.shot.output = at,
                    }));
                }
            }
            _ => {}
        }
    }
}

/// Gives a field a value in the bits of a mask, if packets are made by that field.
fn set(draft: &mut Draft, rng: &mut super::rng::Rng, field: Field, mask: u128, value: u128) {
    let into = |old: u128| old & !mask | value & mask;
    match field {
        Field::Source => draft.layout.source = into(draft.layout.source),
        Field::Destination => draft.layout.destination = into(draft.layout.destination),
        Field::Proto => draft.become_proto(value as u8, rng),
        Field::SourcePort => draft.ports(Some(value as u16), None),
        Field::DestinationPort => draft.ports(None, Some(value as u16)),
        Field::TcpFlags => draft.tcp(rng, |tcp| tcp.flags = into(u128::from(tcp.flags)) as u8),
        Field::IcmpType | Field::IcmpCode => {
            if let ptables::packet::Transport::Icmp { kind, code, .. } = &mut draft.layout.transport {
                *(if field == Field::IcmpType { kind } else { code }) = value as u8;
            }
        }
        Field::MacSource => {
            let [_, _, mac @ ..] = (value as u64).to_be_bytes();
            draft.shot.mac = mac;
        }
        Field::HopLimit => draft.layout.hop_limit = value as u8,
        Field::Tos => draft.layout.tos = into(u128::from(draft.layout.tos)) as u8,
        Field::Mark => {
            draft.shot.mark = into(u128::from(draft.shot.mark)) as u32 & ptables_judge::world::MARK_BITS
        }
        Field::Length => {
            let headers = if draft.v6 { 48 } else { 28 };
            draft.layout.payload.resize((value.min(1500) as usize).saturating_sub(headers), b'y');
        }
        _ => {}
    }
}

/// Gives a packet one of these states.
fn state(draft: &mut Draft, states: u128) {
    draft.shot.entry = match states.trailing_zeros() {
        2 => Entry::There(Known { seen: true, ..Known::default() }),
        3 => Entry::There(Known { related: true, ..Known::default() }),
        4 => Entry::Untracked,
        _ => Entry::None,
    };
}
