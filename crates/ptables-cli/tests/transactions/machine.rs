//! A machine with rules of others, on which the command applies ours.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ptables::dialect::{Backend, Family};
use ptables_kernel::netns::{Scratch, scratch_or_skip};
use ptables_kernel::{Output, RestoreOptions};

pub const FOREIGN: &str = "*filter\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER -c 7 700\n-A INPUT -p udp -j ACCEPT -c 5 500\nCOMMIT\n";
pub const ONE: &str = "*filter\n:own - [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j own\n-A own -j RETURN\nCOMMIT\n*mangle\n-A PREROUTING -j MARK --set-mark 1\nCOMMIT\n";
pub const TWO: &str = "*filter\n:INPUT DROP [0:0]\n:new - [0:0]\n-A INPUT -p tcp -m tcp --dport 80 -j new\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A new -j ACCEPT\nCOMMIT\n*mangle\n-A PREROUTING -j MARK --set-mark 2\nCOMMIT\n";

/// One back end, in a namespace of its own.
pub struct Machine {
    pub scratch: Scratch,
    pub backend: Backend,
}

impl Machine {
    /// With rules of others, and with ours applied once.
    pub fn new(backend: Backend) -> Option<Machine> {
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
        let applied = machine.apply("one", &[]);
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
        let (v4, v6) = (self.file(&format!("{name}.v4")), self.file(&format!("{name}.v6")));
        let backend = self.backend.to_string();
        let mut all = vec![
            "apply",
            v4.to_str().unwrap(),
            v6.to_str().unwrap(),
            "--backend",
            &backend,
            "--no-preflight",
        ];
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

    /// The rules of both families with their counters.
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
        all
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
