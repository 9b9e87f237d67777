//! `-j SET`.

use crate::diag::codes;
use crate::ext::matches::set::set_name;
use crate::ext::*;
use crate::meaning::{Effect, Field, SetChange};
use crate::source::Text;
use crate::value::set_dirs::SetDirs;

/// Puts the packet's addresses into an ipset, takes them out, or sets marks from it; the next rule follows.
///
/// The sets must exist when the rule is loaded, and be of the family; that is known on the machine only. A name has 1
/// to 31 bytes and is saved without quotes. One direction (`src`, `dst`) for each part of the set's type, 6 at most.
/// `--map-set` works in table mangle only, and with `--map-prio` or `--map-queue` where packets go out (FORWARD,
/// OUTPUT, POSTROUTING). `!` before an option changes nothing.
///
/// Source: iptables 1.8.9, probed on both back ends; `linux/netfilter/xt_set.h`.
// boxed
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateSet {
    /// `--add-set`: into this set.
    pub add: Option<SetEntry>,
    /// `--exist`: an entry that is there gets the timeout anew.
    pub exist: bool,
    /// `--timeout`: seconds until the entry is taken out.
    pub timeout: Option<u32>,
    /// `--del-set`: out of this set.
    pub remove: Option<SetEntry>,
    /// `--map-set`: what this set holds for the packet.
    pub map: Option<SetEntry>,
    /// `--map-mark`: is made its mark.
    pub map_mark: bool,
    /// `--map-prio`: is made its priority in traffic control.
    pub map_prio: bool,
    /// `--map-queue`: is made its queue of the network card.
    pub map_queue: bool,
}

impl UpdateSet {
    /// Puts the packet into a set.
    pub fn add(name: impl Into<Text>, dirs: impl Into<SetDirs>) -> UpdateSet {
        UpdateSet { add: Some(SetEntry { name: name.into(), dirs: dirs.into() }), ..UpdateSet::default() }
    }

    /// Takes the packet out of a set.
    pub fn remove(name: impl Into<Text>, dirs: impl Into<SetDirs>) -> UpdateSet {
        UpdateSet { remove: Some(SetEntry { name: name.into(), dirs: dirs.into() }), ..UpdateSet::default() }
    }

    /// With a timeout in seconds, anew if it is there already.
    #[must_use]
    pub fn refresh(mut self, seconds: u32) -> UpdateSet {
        (self.exist, self.timeout) = (true, Some(seconds));
        self
    }
}

/// A set, and what each part of its entries is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetEntry {
    /// Name of the set, 1 to 31 bytes.
    pub name: Text,
    /// Source or destination, for each part.
    pub dirs: SetDirs,
}

impl Extension for UpdateSet {
    const SPEC: Spec = Spec {
        name: "SET",
        kind: Kind::Target,
        aliases: &[],
        families: Families::Both,
        options: &[
            Opt::two("add-set", "NAME src|dst[,…]", "Puts the packet into this set.").negatable(),
            Opt::flag("exist", "An entry that is there gets the timeout anew.").negatable().repeatable(),
            Opt::value("timeout", "SECONDS", "Time until the entry is taken out, 0 to 4294967294.")
                .negatable()
                .repeatable(),
            Opt::two("del-set", "NAME src|dst[,…]", "Takes the packet out of this set.").negatable(),
            Opt::two("map-set", "NAME src|dst[,…]", "Looks the packet up in this set.").negatable(),
            Opt::flag("map-mark", "What is found becomes the packet mark.").negatable().repeatable(),
            Opt::flag("map-prio", "What is found becomes the priority.").negatable().repeatable(),
            Opt::flag("map-queue", "What is found becomes the queue of the network card.")
                .negatable()
                .repeatable(),
        ],
        groups: &[
            Group::AtLeastOne(&["add-set", "del-set", "map-set"]),
            Group::Needs("exist", "add-set"),
            Group::Needs("timeout", "add-set"),
            Group::Needs("map-mark", "map-set"),
            Group::Needs("map-prio", "map-set"),
            Group::Needs("map-queue", "map-set"),
        ],
        places: Places::ANY,
        protos: None,
    };

    fn load(_: Context) -> UpdateSet {
        UpdateSet::default()
    }

    fn option(&mut self, name: &'static str, arg: &mut Arg<'_>) -> Result<(), Fault> {
        if arg.inverted {
            let fault = Fault::new(codes::CHECK_CHANGED, "iptables ignores this `!`").about(Part::Option);
            arg.warn(fault.help("remove the `!`"));
        }
        match name {
            "add-set" => self.add = Some(entry(arg)?),
            "exist" => self.exist = true,
            "timeout" => self.timeout = Some(arg.u32(0, u32::MAX - 1)?),
            "del-set" => self.remove = Some(entry(arg)?),
            "map-set" => self.map = Some(entry(arg)?),
            "map-mark" => self.map_mark = true,
            "map-prio" => self.map_prio = true,
            _ => self.map_queue = true,
        }
        Ok(())
    }

    fn finish(&mut self, end: &mut End<'_>) -> Result<(), Fault> {
        if end.has("map-set") && !(self.map_mark || self.map_prio || self.map_queue) {
            let message = "`--map-set` needs one of `--map-mark`, `--map-prio`, `--map-queue`";
            return Err(Fault::new(codes::PARSE_MISSING_OPTION, message));
        }
        Ok(())
    }

    fn print(&self, to: &mut Printer<'_>) {
        print_entry(to, "add-set", &self.add);
        if self.exist {
            to.flag("exist");
        }
        if let Some(timeout) = self.timeout {
            to.flag("timeout").number(timeout);
        }
        print_entry(to, "del-set", &self.remove);
        print_entry(to, "map-set", &self.map);
        let flags = [(self.map_mark, "map-mark"), (self.map_prio, "map-prio"), (self.map_queue, "map-queue")];
        for (_, name) in flags.into_iter().filter(|(given, _)| *given) {
            to.flag(name);
        }
    }

    fn places(&self, _: Context) -> Places {
        let outgoing = self.map_prio || self.map_queue;
        match self.map {
            None => Places::ANY,
            Some(_) if outgoing => Places { hooks: Hooks::OUTGOING, ..Places::tables(&[TableName::Mangle]) },
            Some(_) => Places::tables(&[TableName::Mangle]),
        }
    }
}

impl TargetExtension for UpdateSet {
    fn effect(&self, _: Context) -> Effect {
        let change = |entry: &SetEntry, add: bool| SetChange {
            name: entry.name.clone(),
            dirs: entry.dirs,
            add,
            exist: self.exist,
            timeout: self.timeout,
        };
        let add = self.add.iter().map(|it| change(it, true));
        let changes = Effect::Sets(add.chain(self.remove.iter().map(|it| change(it, false))).collect());
        match (self.map_mark, self.map.is_some()) {
            (true, _) => Effect::Sequence(vec![changes, Effect::Overwrite(Field::Mark)]),
            (false, true) => Effect::Sequence(vec![
                changes,
                Effect::Rewrite("the priority or the queue of the network card"),
            ]),
            (false, false) => changes,
        }
    }
}

fn entry(arg: &mut Arg<'_>) -> Result<SetEntry, Fault> {
    let name = set_name(arg)?;
    Ok(SetEntry { name, dirs: arg.parse_second(SetDirs::parse)? })
}

fn print_entry(to: &mut Printer<'_>, option: &str, entry: &Option<SetEntry>) {
    if let Some(entry) = entry {
        to.flag(option).word(&entry.name).with(|out| entry.dirs.push(out));
    }
}
