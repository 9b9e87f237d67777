//! Whole commands side by side with their peers, in CPU time of the finished processes: `cargo xtask bench-peers`.
//!
//! Everything runs in a namespace of its own, in turn (A B C A B C …), so that a machine that is busy is busy for all. The clock is
//! the kernel's account of finished children (`/proc/self/stat`), in ticks of 10 ms: many runs make it fine enough.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;

use ptables_kernel::netns::Scratch;

use crate::generate::root;

pub(crate) const RULES: u32 = 50_000;
const RUNS: u32 = 20;
/// Ticks a second, as user space sees them on every Linux machine (`USER_HZ`).
pub(crate) const TICKS: f64 = 100.0;

/// The command of a release build, built if need be.
///
/// # Errors
/// If it does not build.
pub fn release() -> Result<String, Box<dyn Error>> {
    let built = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--package", "ptables-cli"])
        .current_dir(root())
        .status()?;
    if !built.success() {
        return Err("the release build failed".into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    Ok(target.join("release/ptables").display().to_string())
}

/// Times the peers; gives a table with medians' sum and ratios.
///
/// # Errors
/// If the release build fails, there is no namespace, or a command does not run.
pub fn run() -> Result<String, Box<dyn Error>> {
    let ptables = release()?;
    let scratch = Scratch::new()?;
    let file = scratch.directory().join("rules.v4");
    fs::write(&file, rules())?;
    let file = file.display().to_string();
    let commands: [(&str, String, Vec<&str>); 5] = [
        ("nothing (the floor of a process)", "/bin/true".into(), vec![]),
        ("ptables check", ptables.clone(), vec!["check", &file]),
        (
            "ptables check, told which iptables",
            ptables,
            vec!["check", &file, "--backend", "legacy", "--iptables-version", "1.8.9"],
        ),
        ("iptables-legacy-restore --test", "iptables-legacy-restore".into(), vec!["--test", &file]),
        ("iptables-nft-restore --test", "iptables-nft-restore".into(), vec!["--test", &file]),
    ];
    let mut ticks = [0u64; 5];
    for _ in 0..RUNS {
        for ((name, program, arguments), spent) in commands.iter().zip(&mut ticks) {
            let before = children()?;
            let output = scratch.run(program, arguments, b"")?;
            if !output.status.success() {
                return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into());
            }
            *spent += children()? - before;
        }
    }
    let mut table = format!("{RULES} rules, {RUNS} runs each, CPU milliseconds a run\n");
    let peer = ticks[3] as f64;
    for ((name, _, _), spent) in commands.iter().zip(ticks) {
        let each = spent as f64 * 1000.0 / TICKS / f64::from(RUNS);
        writeln!(
            table,
            "{name:38} {each:7.1}   {:.2} of iptables-legacy-restore --test",
            spent as f64 / peer
        )?;
    }
    Ok(table)
}

pub(crate) fn rules() -> String {
    let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n");
    for k in 0..RULES {
        let (address, port) = (Ipv4Addr::from(0x0a00_0000 + k), 1 + k % 65_000);
        text.push_str(&format!(
            "-A INPUT -s {address}/32 -p tcp -m tcp --dport {port} -m comment --comment \"rule {k}\" -j ACCEPT\n"
        ));
    }
    text.push_str("COMMIT\n");
    text
}

/// CPU ticks of all children that have ended.
pub(crate) fn children() -> Result<u64, Box<dyn Error>> {
    Ok(ticks()?.1)
}

/// CPU ticks of this process and of all children that have ended.
pub(crate) fn spent_by_all() -> Result<u64, Box<dyn Error>> {
    let (own, children) = ticks()?;
    Ok(own + children)
}

/// Of this process, and of children: fields 14 to 17 of the file.
fn ticks() -> Result<(u64, u64), Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').ok_or("/proc/self/stat has no name")?.1;
    let times: Result<Vec<u64>, _> = fields.split_whitespace().skip(11).take(4).map(str::parse).collect();
    match times?.as_slice() {
        [user, system, of_children, system_of_children] => {
            Ok((user + system, of_children + system_of_children))
        }
        _ => Err("/proc/self/stat has no times".into()),
    }
}
