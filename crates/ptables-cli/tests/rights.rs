//! What a command may read and take: the rights of whoever calls sudo, and memory within bounds.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use common::ptables;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ptables-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn one_step_of_a_script_cannot_take_all_memory() {
    let folder = folder("memory");
    let script = folder.join("big.star");
    for text in [
        "big = 'x' * 100000000\nbigger = big * 1000\n",
        "big = 'a'.join(['b' * 1000000] * 100000)\n",
        "big = list(range(2000000000))\n",
    ] {
        std::fs::write(&script, format!("tables = default_tables()\n{text}")).unwrap();
        let ran = ptables(&["check", script.to_str().unwrap()], b"");
        assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("script/limit"), "{}", ran.stdout);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// Runs `ptables check FILE` under a process that is called sudo, which says that user 65534 called it; or under a shell that is not.
fn under(parent: &str, file: &std::path::Path, folder: &std::path::Path) -> (Option<i32>, String) {
    let shell = folder.join(parent);
    std::fs::copy("/bin/sh", &shell).unwrap();
    let binary = folder.join("ptables");
    std::fs::copy(env!("CARGO_BIN_EXE_ptables"), &binary).unwrap();
    // The shell stays as the parent, because something follows.
    let line = format!("{} check -4 {}; code=$?; exit $code", binary.display(), file.display());
    let output = Command::new(&shell)
        .args(["-c", &line])
        .env("SUDO_UID", "65534")
        .env("SUDO_GID", "65534")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_check_granted_by_sudo_reads_with_the_rights_of_the_caller() {
    if !is_root() {
        eprintln!("skipped: sudo lends rights of root, and this is not root");
        return;
    }
    let folder = folder("rights");
    let secret = folder.join("secret");
    std::fs::write(&secret, "the secret line\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (code, said) = under("sudo", &secret, &folder);
    assert_eq!(code, Some(2), "{said}");
    assert!(!said.contains("the secret line") && said.contains("ermission denied"), "{said}");
    // A script reads lists with these rights too.
    let script = folder.join("web.star");
    std::fs::write(&script, "tables = default_tables()\nprint(read_list('secret'))\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = under("sudo", &script, &folder);
    assert_eq!(code, Some(1), "{said}");
    assert!(!said.contains("the secret line") && said.contains("ermission denied"), "{said}");
    // The shell of `sudo -i` is root's own.
    let (code, said) = under("shell", &secret, &folder);
    assert!(code == Some(1) && said.contains("the secret line"), "{said}");
    std::fs::remove_dir_all(folder).unwrap();
}

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").unwrap().lines().any(|line| line.starts_with("Uid:\t0\t0\t"))
}
