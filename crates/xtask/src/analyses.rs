//! Exact analysis of large rule sets, in CPU time and memory of whole commands: `cargo xtask bench-peers analysis`.

use std::error::Error;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use crate::measure::measure;
use crate::peers::release;
use crate::shared;

const RUNS: u64 = 3;
/// Rules of which each drops one address.
const DROPS: u32 = 23_000;
/// Seed of the overlapping rules.
const SEED: u32 = 1;

/// Times the commands; gives a table.
///
/// # Errors
/// If the release build or a command fails.
pub fn bench() -> Result<String, Box<dyn Error>> {
    let ptables = release()?;
    let Some(shared) = shared::folder() else { return Ok("no rule sets, no figures".into()) };
    let folder = crate::python::target().join("analysis");
    std::fs::create_dir_all(&folder)?;
    let of_university = |it: &str| {
        let path = shared.join("rulesets/repaired").join(it).display().to_string();
        format!("{path}.mac")
    };
    let new = of_university("netnetwork--TUM_chair__iptables-save-2016-06-27_16-29-01");
    let old = of_university("netnetwork--TUM_chair__iptables-save-2015-05-15_15-23-41");
    let six = of_university("netnetwork--TUM_chair__ip6tables-save-2016-03-16_13-53-28");
    let links = shared.join("rulesets/ipassmt_tumi8.txt").display().to_string();
    let drops = folder.join("drops.v4");
    std::fs::write(&drops, self::drops())?;
    let overlapping = |count: u32| -> Result<String, Box<dyn Error>> {
        let path = folder.join(format!("overlapping-{count}.v4"));
        let script = shared.join("facts/overlapping-rules.py");
        let (count, seed) = (count.to_string(), SEED.to_string());
        let made = Command::new("python3").arg(script).args([&count, &seed, "soft"]).output()?;
        std::fs::write(&path, made.stdout)?;
        Ok(path.display().to_string())
    };
    // Of the university's anonymised MAC addresses one is made, as in the trials of others; the repaired files have one a rule.
    let merged = |it: &str| -> Result<String, Box<dyn Error>> {
        let text = shared::read(&format!("rulesets/{it}")).unwrap_or_default();
        let path = folder.join(it);
        std::fs::write(&path, text.replace("XX:XX:XX:XX:XX:XX", "02:00:00:00:00:01"))?;
        Ok(path.display().to_string())
    };
    let new_merged = merged("netnetwork--TUM_chair__iptables-save-2016-06-27_16-29-01")?;
    let old_merged = merged("netnetwork--TUM_chair__iptables-save-2015-05-15_15-23-41")?;
    let open = merged("iptsem--TUM_Net_Firewall__iptables-save-2015-05-15_15-23-41_cheating")?;
    let check =
        |file: &str| vec!["check", "--analysis", "yes", file].into_iter().map(str::to_owned).collect();
    let matrix = |port: &str| -> Vec<String> {
        let words = ["reach", "--source-port", "10000", "--interfaces", &links, "--port", port, &open];
        words.into_iter().map(str::to_owned).collect()
    };
    let mut six_words: Vec<String> = check(&six);
    six_words.extend(["--family".into(), "ipv6".into()]);
    let cases: [(&str, &str, Vec<Vec<String>>); 9] = [
        ("check, a university, 5,556 rules", "1.5", vec![check(&new)]),
        ("the same with one MAC address", "1.5", vec![check(&new_merged)]),
        ("check, a university, IPv6", "5", vec![six_words]),
        ("check, 23,000 rules, each drops one address", "2", vec![check(&path(&drops))]),
        ("check, 10,000 overlapping rules", "-", vec![check(&overlapping(10_000)?)]),
        ("diff, a university, 2015 and 2016", "2", vec![vec!["diff".into(), old, new.clone()]]),
        ("the same with one MAC address", "2", vec![vec!["diff".into(), old_merged, new_merged.clone()]]),
        ("reach, ssh and http", "1.5", vec![matrix("22"), matrix("80")]),
        ("check, 100,000 overlapping rules", "60", vec![check(&overlapping(100_000)?)]),
    ];
    let mut table = format!("{:44} {:>7} {:>7} {:>7}\n", "", "CPU s", "wanted", "MB");
    for (name, wanted, commands) in cases {
        let (mut time, mut memory) = (u64::MAX, 0);
        for _ in 0..RUNS {
            let mut sum = 0;
            for words in &commands {
                let command: Vec<String> = std::iter::once(&ptables).chain(words).cloned().collect();
                let (milliseconds, most) = measure(&command, &[0, 1])?;
                (sum, memory) = (sum + milliseconds, most.max(memory));
            }
            time = sum.min(time);
            if sum > 10_000 {
                break;
            }
        }
        writeln!(table, "{name:44} {:7.2} {wanted:>7} {:7}", time as f64 / 1000.0, memory / 1024)?;
    }
    Ok(table)
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn drops() -> String {
    let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n");
    // Numbers that are spread and all different: 40503 has no divisor in common with 2^32.
    for number in 0..DROPS {
        let address = Ipv4Addr::from(number.wrapping_mul(40_503).wrapping_add(0x0100_0000));
        text.push_str(&format!("-A INPUT -s {address}/32 -j DROP\n"));
    }
    text.push_str("COMMIT\n");
    text
}
