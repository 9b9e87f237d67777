//! A kernel in memory, to try plans on: for the tests of this library and of programs that use it (feature `testing`).

use std::collections::BTreeMap;

use crate::model::Counters;

/// Rules of one family, as a kernel holds them. It carries out text for `iptables-restore --noflush`, each table at its `COMMIT` or
/// not at all, and refuses what would not be safe in chains that others write to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FakeKernel {
    tables: BTreeMap<String, Chains>,
}

type Chains = BTreeMap<String, Chain>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Chain {
    /// `None` for a chain of the user.
    policy: Option<String>,
    rules: Vec<(Vec<u8>, Counters)>,
}

impl FakeKernel {
    /// Without rules.
    pub fn new() -> FakeKernel {
        FakeKernel::default()
    }

    /// Carries out text for `iptables-restore`; without `noflush` tables are emptied first.
    ///
    /// # Errors
    /// What is wrong with which line. Tables before it are committed, as by the real tools.
    pub fn restore(&mut self, text: &[u8], noflush: bool) -> Result<(), String> {
        let mut open: Option<(String, Chains)> = None;
        for (number, line) in (1..).zip(text.split(|it| *it == b'\n')) {
            let fail = |why: &str| Err(format!("line {number}: {why}: {}", String::from_utf8_lossy(line)));
            let (command, rest) = split(line);
            match (command, open.as_mut()) {
                (b"", _) => {}
                (_, None) if line.starts_with(b"#") => {}
                (name, None) if name.starts_with(b"*") => {
                    let name = text_of(name.get(1..).unwrap_or_default());
                    let chains = match noflush {
                        true => self.tables.get(&name).cloned().unwrap_or_else(|| builtin(&name)),
                        false => builtin(&name),
                    };
                    open = Some((name, chains));
                }
                (b"COMMIT", Some(_)) => {
                    if let Some((name, chains)) = open.take() {
                        if let Some(missing) = dangling(&chains) {
                            return fail(&format!("there is no chain {missing}"));
                        }
                        self.tables.insert(name, chains);
                    }
                }
                (_, Some((_, chains))) => {
                    if let Err(why) = execute(chains, command, rest, noflush) {
                        return fail(why);
                    }
                }
                (_, None) => return fail("outside of a table"),
            }
        }
        if open.is_some() { Err("no COMMIT".into()) } else { Ok(()) }
    }

    /// The rules as `iptables-save -c` prints them.
    pub fn save(&self) -> Vec<u8> {
        let mut out = String::new();
        for (name, chains) in &self.tables {
            out.push_str(&format!("*{name}\n"));
            for (name, chain) in chains {
                out.push_str(&format!(":{name} {} [0:0]\n", chain.policy.as_deref().unwrap_or("-")));
            }
            for (name, chain) in chains {
                for (rule, it) in &chain.rules {
                    let rule = String::from_utf8_lossy(rule);
                    out.push_str(&format!("[{}:{}] -A {name}{rule}\n", it.packets, it.bytes));
                }
            }
            out.push_str("COMMIT\n");
        }
        out.into_bytes()
    }

    /// Lets a rule of a chain (from 0) count packets, of 100 bytes each.
    pub fn count(&mut self, table: &str, chain: &str, rule: usize, packets: u64) {
        let chain = self.tables.get_mut(table).and_then(|it| it.get_mut(chain));
        if let Some((_, it)) = chain.and_then(|it| it.rules.get_mut(rule)) {
            it.packets += packets;
            it.bytes += 100 * packets;
        }
    }
}

fn builtin(table: &str) -> Chains {
    let hooks = crate::ext::TableName::find(table.as_bytes()).map_or(&[][..], crate::ext::TableName::hooks);
    let chain = || Chain { policy: Some("ACCEPT".into()), rules: Vec::new() };
    hooks.iter().map(|it| (it.as_str().to_owned(), chain())).collect()
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The first word, and what is behind it with its blank.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    line.split_at(line.iter().position(|it| *it == b' ').unwrap_or(line.len()))
}

fn execute(chains: &mut Chains, command: &[u8], rest: &[u8], noflush: bool) -> Result<(), &'static str> {
    let (mut counters, mut command, mut rest) = (None, command, rest);
    if command.starts_with(b"[") {
        counters = Some(command);
        (command, rest) = split(rest.get(1..).unwrap_or_default());
    }
    let (name, rule) = split(rest.get(1..).unwrap_or_default());
    let (chain_name, exists) = (text_of(name), chains.contains_key(&text_of(name)));
    if let Some(name) = command.strip_prefix(b":") {
        if noflush {
            return Err("a chain that may be there is declared: that would empty it");
        }
        let (policy, _) = split(rest.get(1..).unwrap_or_default());
        let policy = Some(text_of(policy)).filter(|it| it != "-");
        chains.insert(text_of(name), Chain { policy, rules: Vec::new() });
        return Ok(());
    }
    if command == b"-N" {
        chains.insert(chain_name, Chain::default());
        return if exists { Err("the chain is there already") } else { Ok(()) };
    }
    let used = || chains.values().any(|it| it.rules.iter().any(|it| jump(&it.0) == Some(name)));
    if command == b"-X" {
        let empty = chains.get(&chain_name).is_some_and(|it| it.policy.is_none() && it.rules.is_empty());
        if !empty || used() {
            return Err("the chain cannot be deleted");
        }
        chains.remove(&chain_name);
        return Ok(());
    }
    let Some(chain) = chains.get_mut(&chain_name) else { return Err("there is no such chain") };
    match command {
        b"-P" if chain.policy.is_some() => chain.policy = Some(text_of(rule).trim().to_owned()),
        b"-A" => chain.rules.push(counted(rule, counters)),
        b"-I" => {
            let (number, rule) = split(rule.get(1..).unwrap_or_default());
            let at = text_of(number).parse::<usize>().ok().and_then(|it| it.checked_sub(1));
            match at.filter(|at| *at <= chain.rules.len()) {
                Some(at) => chain.rules.insert(at, counted(rule, counters)),
                None => return Err("there is no such place"),
            }
        }
        b"-D" if rule.get(1).is_some_and(u8::is_ascii_digit) => {
            return Err("a rule is deleted by its number, which others may change");
        }
        b"-D" => match chain.rules.iter().position(|it| it.0 == rule) {
            Some(at) => drop(chain.rules.remove(at)),
            None => return Err("there is no such rule"),
        },
        _ => return Err("not a command that is safe"),
    }
    Ok(())
}

/// A rule without its `-c PACKETS BYTES`, and what it says.
fn counted(rule: &[u8], before: Option<&[u8]>) -> (Vec<u8>, Counters) {
    let number = |it: &[u8]| text_of(it).parse().unwrap_or_default();
    if let Some(rest) = rule.strip_prefix(b" -c ") {
        let (packets, rest) = split(rest);
        let (bytes, rule) = split(rest.get(1..).unwrap_or_default());
        return (rule.to_vec(), Counters { packets: number(packets), bytes: number(bytes) });
    }
    let words: Vec<u64> = before
        .map(|it| it.split(|it| !it.is_ascii_digit()).filter(|it| !it.is_empty()).map(number).collect())
        .unwrap_or_default();
    let at = |at: usize| words.get(at).copied().unwrap_or_default();
    (rule.to_vec(), Counters { packets: at(0), bytes: at(1) })
}

/// Where a rule jumps to.
fn jump(rule: &[u8]) -> Option<&[u8]> {
    let at = rule.windows(4).position(|it| it == b" -j " || it == b" -g ")?;
    Some(split(rule.get(at + 4..)?).0)
}

/// A chain that a rule jumps to and that is not there. Targets are in capitals.
fn dangling(chains: &Chains) -> Option<String> {
    let rules = chains.values().flat_map(|it| &it.rules);
    let mut jumps = rules.filter_map(|it| jump(&it.0)).map(text_of);
    jumps.find(|it| it.bytes().any(|it| it.is_ascii_lowercase()) && !chains.contains_key(it))
}
