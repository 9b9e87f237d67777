//! Scripts for both families, and the sets that they declare.
#![expect(clippy::unwrap_used, reason = "tests")]
mod common;

use std::path::{Path, PathBuf};

use common::ptables;
use ptables::dialect::{Backend, Family};
use ptables_kernel::netns::{Scratch, scratch_or_skip};

const SCRIPT: &str = "\
tables = default_tables(family='both')
blocked = tables.append(IPSet('blocked', 'hash:net', entries=['10.9.0.0/16', 'fd09::/16']))
chain = tables['filter']['INPUT']
chain.append(Accept(in_interface='lo'))
chain.append(Drop(args=[blocked.as_input()]))
chain.append(Accept(proto='tcp', dport='22'))
chain.append(Accept(proto='udp', source='192.0.2.1'))
";

/// A folder with a script in it, taken away at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, script: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ptables-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("web.star"), script).unwrap();
        Folder(path)
    }

    fn script(&self) -> String {
        self.0.join("web.star").display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn render_prints_one_family_and_writes_both() {
    let folder = Folder::new("render", SCRIPT);
    let script = folder.script();
    let four = ptables(&["render", &script], b"");
    assert_eq!((four.code, &four.stdout), (0, &ptables(&["render", "-4", &script], b"").stdout));
    assert!(four.stderr.contains("family/printed") && four.stderr.contains("--output"), "{}", four.stderr);
    let six = ptables(&["render", "-6", &script], b"");
    assert!(six.stdout.contains("\n-A INPUT -j DROP -m set --match-set blocked6 src\n"), "{}", six.stdout);
    assert!(!six.stdout.contains("192.0.2.1"), "{}", six.stdout);
    let sets = ptables(&["render", "--ipsets", &script], b"");
    assert!(sets.stdout.starts_with("create blocked hash:net\nadd blocked 10.9.0.0/16\n"), "{}", sets.stdout);
    let out = folder.0.join("out");
    let both = ptables(&["render", "--output", &out.display().to_string(), &script], b"");
    assert_eq!(both.code, 0, "{}", both.stderr);
    assert!(read(&out.join("rules.v4")).contains("-s 192.0.2.1"));
    assert_eq!(read(&out.join("rules.v6")), six.stdout);
    assert_eq!(read(&out.join("ipsets")), sets.stdout);
    // What was written is known again as what it is.
    let again = ptables(&["check", "--analysis", "no", &out.join("rules.v6").display().to_string()], b"");
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{}", again.stderr);
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 3);
}

#[test]
fn check_says_where_the_families_differ() {
    let folder = Folder::new("check", SCRIPT);
    let checked = ptables(&["check", &folder.script()], b"");
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    assert_eq!(checked.stdout.matches("note[family/differ]").count(), 1, "{}", checked.stdout);
    assert!(checked.stdout.contains("web.star:7"), "{}", checked.stdout);
    let wrong = format!("{SCRIPT}chain.append(Drop(source__not='10.0.0.0/8'))\n");
    let folder = Folder::new("wrong", &wrong);
    let checked = ptables(&["check", &folder.script()], b"");
    assert_eq!(checked.code, 1, "{}", checked.stdout);
    assert!(checked.stdout.contains("error[family/inverted]") && checked.stdout.contains("web.star:8"));
    let out = folder.0.join("out");
    let rendered = ptables(&["render", "--output", &out.display().to_string(), &folder.script()], b"");
    assert_eq!((rendered.code, out.exists()), (1, false), "{}", rendered.stderr);
}

fn run(scratch: &Scratch, program: &str, arguments: &[&str]) -> String {
    let output = scratch.run(program, arguments, b"").unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn saved(scratch: &Scratch, family: Family, backend: Backend) -> String {
    String::from_utf8_lossy(&scratch.kernel().save(family, backend, false).unwrap().text).into_owned()
}

#[test]
fn restore_makes_sets_then_rules_of_both_families() {
    for backend in Backend::ALL {
        let Some(scratch) = scratch_or_skip() else { return };
        let name = backend.to_string();
        let folder = Folder::new(&format!("restore-{name}"), SCRIPT);
        let restore = |more: &[&str]| {
            let script = folder.script();
            let arguments = [&["restore", &script, "--backend", &name][..], more].concat();
            scratch.run(env!("CARGO_BIN_EXE_ptables"), &arguments, b"").unwrap()
        };
        let tried = restore(&["--test"]);
        assert!(tried.status.success(), "{}", String::from_utf8_lossy(&tried.stderr));
        assert_eq!(run(&scratch, "ipset", &["list", "-n"]), "", "{backend}: a trial leaves nothing");
        assert!(restore(&[]).status.success());
        assert_eq!(run(&scratch, "ipset", &["list", "-n"]), "blocked\nblocked6\n");
        assert!(run(&scratch, "ipset", &["save", "blocked6"]).contains("add blocked6 fd09::/16"));
        assert!(saved(&scratch, Family::V4, backend).contains("--match-set blocked src -j DROP"));
        assert!(saved(&scratch, Family::V6, backend).contains("--match-set blocked6 src -j DROP"));
        assert!(!saved(&scratch, Family::V6, backend).contains("192.0.2.1"));

        // New entries are swapped in while rules name the set.
        std::fs::write(folder.0.join("web.star"), SCRIPT.replace("10.9.0.0/16", "10.8.0.0/16")).unwrap();
        assert!(restore(&[]).status.success());
        let entries = run(&scratch, "ipset", &["save", "blocked"]);
        assert!(entries.contains("10.8.0.0/16") && !entries.contains("10.9.0.0/16"), "{entries}");
        assert_eq!(run(&scratch, "ipset", &["list", "-n"]), "blocked\nblocked6\n");

        // A rule that only IPv6 refuses changes neither family, and no set.
        let wrong =
            format!("{SCRIPT}chain.append(CustomRule('-6 -m set --match-set unheard src -j DROP'))\n");
        let wrong = wrong.replace("10.9.0.0/16", "10.7.0.0/16").replace("'22'", "'23'");
        let wrong = format!("{wrong}tables.append(IPSet('more', 'hash:ip'))\n");
        std::fs::write(folder.0.join("web.star"), wrong).unwrap();
        let refused = restore(&[]);
        let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{errors}");
        assert!(saved(&scratch, Family::V4, backend).contains("--dport 22 "), "{backend}");
        assert!(run(&scratch, "ipset", &["save", "blocked"]).contains("10.8.0.0/16"), "{backend}: {errors}");
        assert_eq!(run(&scratch, "ipset", &["list", "-n"]), "blocked\nblocked6\n");
    }
}

#[test]
fn a_set_of_another_type_is_not_replaced() {
    let Some(scratch) = scratch_or_skip() else { return };
    run(&scratch, "ipset", &["create", "blocked", "hash:ip"]);
    let folder = Folder::new("type", SCRIPT);
    let script = folder.script();
    let refused = scratch.run(env!("CARGO_BIN_EXE_ptables"), &["restore", &script, "--backend", "nft"], b"");
    let refused = refused.unwrap();
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{errors}");
    assert!(errors.contains("another type") && errors.contains("web.star:2"), "{errors}");
    assert_eq!(run(&scratch, "ipset", &["list", "-n"]), "blocked\n");
}
