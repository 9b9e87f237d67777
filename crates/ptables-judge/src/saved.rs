//! What every rule counted, as the save tools print it: slower than [`counters`](crate::counters), and for both back ends.

use std::collections::BTreeMap;
use std::io;
use std::process::Command;

/// How many packets met each rule and policy, by table, chain and number of the rule; behind the last rule is the policy. Those that
/// none met are not there.
pub type Counts = BTreeMap<(String, String, usize), u64>;

/// What the calling thread's namespace has counted.
///
/// # Errors
/// That the tool is not there, or what it said.
pub fn counts(nft: bool, v6: bool) -> io::Result<Counts> {
    let program = match (nft, v6) {
        (false, false) => "iptables-legacy-save",
        (false, true) => "ip6tables-legacy-save",
        (true, false) => "iptables-nft-save",
        (true, true) => "ip6tables-nft-save",
    };
    let output = Command::new(program).arg("-c").output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(read(&String::from_utf8_lossy(&output.stdout)))
}

fn read(text: &str) -> Counts {
    let (mut counts, mut policies, mut rules) = (Counts::new(), Vec::new(), BTreeMap::new());
    let mut table = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if let Some(mut words) = line.strip_prefix(':').map(|it| it.split(' ')) {
            let chain = words.next().unwrap_or_default();
            policies.push((table, chain, number(words.nth(1).unwrap_or_default())));
        } else if let Some((count, rule)) = line.split_once(" -A ").filter(|it| it.0.starts_with('[')) {
            let chain = rule.split(' ').next().unwrap_or_default();
            let place: &mut usize = rules.entry((table, chain)).or_default();
            counts.insert((table.to_owned(), chain.to_owned(), *place), number(count));
            *place += 1;
        }
    }
    for (table, chain, count) in policies {
        let place = rules.get(&(table, chain)).copied().unwrap_or(0);
        counts.insert((table.to_owned(), chain.to_owned(), place), count);
    }
    counts.retain(|_, count| *count > 0);
    counts
}

/// The packets in `[PACKETS:BYTES]`.
fn number(count: &str) -> u64 {
    count.trim_start_matches('[').split(':').next().and_then(|it| it.parse().ok()).unwrap_or(0)
}
