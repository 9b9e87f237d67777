//! A machine with rules of others, on which the command applies ours.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ptables::dialect::{Backend, Family};
use ptables_kernel::netns::{Scratch, scratch_or_skip};
use ptables_kernel::{Output, RestoreOptions};

pub const FOREIGN: &str = "*filter\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER -c 7 700\n-A INPUT -p udp -j ACCEPT -c 5 500\nCOMMIT\n";
pub const ONE: &str = "*filter\n:own - [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j own\n-A own -j RETURN\nCOMMIT\n*mangle\n-A PREROUTING -j MARK --set-mark 1\nCOMMIT\n";
pub const TWO: &str = "*filter\n:INPUT DROP [0:0]\n:new - [0:0]\n-A INPUT -p tcp -m tcp --dport 80 -j new\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A new -j ACCEPT\nCOMMIT\n*mangle\n-A PREROUTING -j MARK --set-mark 2\nCOMMIT\n";

/// The same with sets, for both families at once.
const FIRST: &str = "tables = default_tables(family='both')
bad = tables.append(IPSet('bad', 'hash:net', entries=['192.0.2.0/24', '198.51.100.0/24', '2001:db8:1::/48', '2001:db8:2::/48']))
own = UserChain('own')
tables['filter'].append(own)
own.append(CustomRule('-j RETURN'))
tables['filter']['INPUT'].append(Drop(args=[bad.as_input()]))
tables['filter']['INPUT'].append(Accept(proto='tcp', dport=22))
tables['filter']['INPUT'].append(CustomRule('-j own'))
tables['mangle']['PREROUTING'].append(CustomRule('-j MARK --set-mark 1'))
";
const SECOND: &str = "tables = default_tables(family='both')
bad = tables.append(IPSet('bad', 'hash:net', entries=['192.0.2.0/24', '203.0.113.0/24', '2001:db8:1::/48', '2001:db8:3::/48']))
new = UserChain('new')
tables['filter'].append(new)
new.append(CustomRule('-j ACCEPT'))
tables['filter']['INPUT'].policy = 'DROP'
tables['filter']['INPUT'].append(CustomRule('-p tcp --dport 80 -j new'))
tables['filter']['INPUT'].append(Drop(args=[bad.as_input()]))
tables['filter']['INPUT'].append(Accept(proto='tcp', dport=22))
tables['mangle']['PREROUTING'].append(CustomRule('-j MARK --set-mark 2'))
";

/// One back end, in a namespace of its own.
pub struct Machine {
    pub scratch: Scratch,
    pub backend: Backend,
}

impl Machine {
    /// With rules of others, and with ours applied once.
    pub fn new(backend: Backend) -> Option<Machine> {
        Machine::with(backend, "one")
    }

    /// The same with another configuration of ours: `one`, `two`; `first`, `second` with sets.
    pub fn with(backend: Backend, name: &str) -> Option<Machine> {
        let machine = Machine { scratch: scratch_or_skip()?, backend };
        for family in Family::ALL {
            let how = RestoreOptions::new();
            machine.scratch.kernel().restore(family, backend, FOREIGN.as_bytes(), how).unwrap();
        }
        for (name, text) in [("one", ONE), ("two", TWO)] {
            ["v4", "v6"]
                .iter()
                .for_each(|it| std::fs::write(machine.file(&format!("{name}.{it}")), text).unwrap());
        }
        for (name, text) in [("first", FIRST), ("second", SECOND)] {
            std::fs::write(machine.file(&format!("{name}.star")), text).unwrap();
        }
        let applied = machine.apply(name, &[]);
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        Some(machine)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.directory().join(name)
    }

    /// Runs the command; it ends at this fail point.
    pub fn run(&self, fail: &str, arguments: &[&str]) -> Output {
        let (state, lock) = (self.file("state"), self.file("xtables.lock"));
        let environment =
            [format!("PTABLES_FAIL_POINT={fail}"), format!("XTABLES_LOCKFILE={}", lock.display())];
        let mut all: Vec<&str> = environment.iter().map(String::as_str).collect();
        all.push(env!("CARGO_BIN_EXE_ptables"));
        all.extend(arguments);
        all.extend(["--state", state.to_str().unwrap()]);
        self.scratch.run("env", &all, b"").unwrap()
    }

    pub fn apply_at(&self, fail: &str, name: &str, more: &[&str]) -> Output {
        let backend = self.backend.to_string();
        let script = self.file(&format!("{name}.star"));
        let files = match script.exists() {
            true => vec![script],
            false => ["v4", "v6"].map(|it| self.file(&format!("{name}.{it}"))).to_vec(),
        };
        let mut all = vec!["apply"];
        all.extend(files.iter().map(|it| it.to_str().unwrap()));
        all.extend(["--backend", &backend, "--no-preflight"]);
        all.extend(more);
        self.run(fail, &all)
    }

    pub fn apply(&self, name: &str, more: &[&str]) -> Output {
        self.apply_at("", name, more)
    }

    pub fn say(&self, arguments: &[&str]) -> Output {
        let backend = self.backend.to_string();
        self.run("", &[arguments, &["--backend", &backend]].concat())
    }

    /// The rules of both families with their counters, and the sets.
    pub fn state(&self) -> Vec<String> {
        let mut all = Vec::new();
        for family in Family::ALL {
            let saved = self.scratch.kernel().save(family, self.backend, true).unwrap();
            let text = String::from_utf8(saved.text).unwrap();
            // Policies begin to count anew when rules change, so only their names count.
            let line = |it: &str| {
                if it.starts_with(':') { it.split(" [").next().unwrap().to_owned() } else { it.to_owned() }
            };
            all.extend(text.lines().filter(|it| !it.starts_with('#')).map(line));
        }
        let mut sets: Vec<String> = self.sets();
        sets.sort();
        all.extend(sets);
        all
    }

    /// What `ipset save` prints.
    pub fn sets(&self) -> Vec<String> {
        let output = self.scratch.run("ipset", &["save"], b"").unwrap();
        // How a set is made says a seed of its own for each.
        let line = |it: &str| it.split(" initval").next().unwrap().to_owned();
        String::from_utf8(output.stdout).unwrap().lines().map(line).collect()
    }

    /// Waits until no guard is at work.
    pub fn settle(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.file("state/armed").exists() {
            assert!(Instant::now() < end, "the guard does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
