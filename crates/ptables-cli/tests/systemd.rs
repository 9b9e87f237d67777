//! The guard as a unit of systemd, in namespaces of their own: processes, mounts, network, control groups.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ptables_kernel::netns::scratch_or_skip;

/// Goes into control groups of its own, so that those of systemd are beneath them; then into namespaces.
const ENTER: &str = r#"
folder="$1" binary="$2" boot="$3"
shift 3
for group in "$@"; do echo $$ >"$group/cgroup.procs"; done
exec unshare --mount --pid --net --cgroup --fork --kill-child --mount-proc sh -c "$boot" boot "$folder" "$binary"
"#;

/// Starts systemd with hardly a unit, and beside it a script.
const BOOT: &str = r#"
set -e
mount -t tmpfs tmpfs /run
if ! mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null; then
    mount -t tmpfs tmpfs /sys/fs/cgroup
    mkdir /sys/fs/cgroup/unified /sys/fs/cgroup/systemd
    mount -t cgroup2 none /sys/fs/cgroup/unified
    mount -t cgroup -o none,name=systemd none /sys/fs/cgroup/systemd
fi
export container=ptables SYSTEMD_UNIT_PATH="$1/units"
sh "$1/script" "$1" "$2" >"$1/log" 2>&1 </dev/null &
exec /lib/systemd/systemd --system --unit=least.target --log-target=null
"#;

/// Applies, and is gone: what was started as its child or in its session would be gone with it. Each look is a file.
const SCRIPT: &str = r#"
export XTABLES_LOCKFILE="$1/lock"
n=0
until systemctl is-system-running --quiet; do sleep 0.1; n=$((n + 1)); [ $n -lt 100 ] || exit 1; done
"$2" apply "$1/rules.v4" --backend nft --state "$1/state" --no-preflight --analysis no --confirm 3s
systemctl list-units --no-legend --plain 'ptables-guard-*' >"$1/units-during"
iptables-nft-save >"$1/rules-during"
n=0
while [ -e "$1/state/armed" ] && [ $n -lt 200 ]; do sleep 0.1; n=$((n + 1)); done
iptables-nft-save >"$1/rules-after"
sleep 0.5
systemctl list-units --no-legend --plain --all 'ptables-guard-*' >"$1/units-after"
touch "$1/done"
"#;

/// Control groups of this test, in each hierarchy that systemd uses.
struct Groups(Vec<PathBuf>);

impl Groups {
    fn new() -> Groups {
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let path =
            |start: &str| own.lines().find_map(|it| it.split_once(':')?.1.strip_prefix(start)).unwrap_or("/");
        let name = format!("ptables-test-{}", std::process::id());
        let mounts = [
            ("/sys/fs/cgroup", ":"),
            ("/sys/fs/cgroup/unified", ":"),
            ("/sys/fs/cgroup/systemd", "name=systemd:"),
        ];
        let groups = mounts.iter().filter(|it| Path::new(it.0).join("cgroup.procs").exists());
        let groups = groups.map(|it| Path::new(it.0).join(path(it.1).trim_start_matches('/')).join(&name));
        Groups(groups.filter(|it| std::fs::create_dir(it).is_ok()).collect())
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        // Those that were killed leave a moment later.
        for _ in 0..100 {
            self.0.iter().for_each(|it| remove(it));
            if !self.0.iter().any(|it| it.exists()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Takes a control group out, with those beneath it.
fn remove(group: &Path) {
    let entries = std::fs::read_dir(group).into_iter().flatten().flatten();
    entries.filter(|it| it.path().is_dir()).for_each(|it| remove(&it.path()));
    let _ = std::fs::remove_dir(group);
}

#[test]
fn where_systemd_runs_the_guard_is_a_unit_of_its_own() {
    let Some(scratch) = scratch_or_skip() else { return };
    let folder = scratch.directory();
    let skip = |why: &str| writeln!(std::io::stderr(), "SKIPPED, {why}").unwrap();
    if ![Path::new("/lib/systemd/systemd"), Path::new("/usr/bin/systemd-run")].iter().all(|it| it.exists()) {
        return skip("there is no systemd");
    }
    std::fs::create_dir(folder.join("units")).unwrap();
    for unit in ["least.target", "sysinit.target", "basic.target", "shutdown.target"] {
        std::fs::write(folder.join("units").join(unit), "[Unit]\nDefaultDependencies=no\n").unwrap();
    }
    std::fs::write(folder.join("script"), SCRIPT).unwrap();
    std::fs::write(folder.join("rules.v4"), "*filter\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n")
        .unwrap();
    let groups = Groups::new();
    let mut namespaces = Command::new("sh")
        .args(["-c", ENTER, "enter"])
        .args([folder.to_str().unwrap(), env!("CARGO_BIN_EXE_ptables"), BOOT])
        .args(&groups.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    while !folder.join("done").exists() && Instant::now() < end && namespaces.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(50));
    }
    // All that it started goes with it.
    let _ = namespaces.kill();
    namespaces.wait().unwrap();
    if read("log").is_empty() {
        return skip("systemd cannot run in a namespace here");
    }
    assert!(folder.join("done").exists(), "{}", read("log"));
    assert!(read("units-during").contains("ptables-guard-"), "{}\n{}", read("units-during"), read("log"));
    assert!(read("rules-during").contains("--dport 22"), "{}", read("log"));
    assert!(!read("rules-after").contains("--dport 22"), "nobody confirmed\n{}", read("log"));
    assert_eq!(read("units-after"), "", "the unit is gone with its work");
}
