//! Differences that were found, as files that a test plays again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::shot::Shot;
use super::trial::Case;
use crate::generate::root;

/// Where they lie.
pub fn folder() -> PathBuf {
    root().join("testdata/regress/kernel-diff")
}

/// The case as text: lines that begin with `# judge:` say how, `# devices:` names the
/// interfaces, `# packet:` lines what is sent, the rest is rules.
pub fn print(case: &Case) -> String {
    let word = |yes: bool, text: &'static str| if yes { text } else { "" };
    let mut out = format!(
        "# judge:{}{}{}{}{}{}\n",
        word(case.nft, " nft"),
        word(case.tracked, " tracked"),
        word(case.ordered, " ordered"),
        word(case.v6, " v6"),
        word(case.remembers, " remembers"),
        word(case.known, " known")
    );
    out.push_str(&format!("# devices: {}\n", case.devices.join(" ")));
    for shot in &case.shots {
        out.push_str(&format!("# packet: {}\n", shot.line()));
    }
    out.push_str(&case.text);
    out
}

/// Reads such a text.
///
/// # Errors
/// The line that is wrong.
pub fn read(text: &str) -> Result<Case, String> {
    let mut case = Case::default();
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("# judge:") {
            for word in words.split_whitespace() {
                match word {
                    "nft" => case.nft = true,
                    "tracked" => case.tracked = true,
                    "ordered" => case.ordered = true,
                    "v6" => case.v6 = true,
                    "remembers" => case.remembers = true,
                    "known" => case.known = true,
                    _ => return Err(format!("`{word}` is not known")),
                }
            }
        } else if let Some(names) = line.strip_prefix("# devices:") {
            case.devices = names.split_whitespace().map(str::to_owned).collect();
        } else if let Some(packet) = line.strip_prefix("# packet:") {
            case.shots.push(Shot::read(packet)?);
        } else if !line.starts_with('#') {
            case.text.push_str(line);
            case.text.push('\n');
        }
    }
    Ok(case)
}

/// Writes a case into the folder, under a name made of its text.
///
/// # Errors
/// The file system's.
pub fn write(case: &Case) -> io::Result<PathBuf> {
    let text = print(case);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = folder().join(format!("{:08x}.case", hash >> 32));
    fs::create_dir_all(folder())?;
    fs::write(&path, text)?;
    Ok(path)
}

/// All cases of the folder, with their files.
///
/// # Errors
/// What can't be read.
pub fn all() -> Result<Vec<(PathBuf, Case)>, String> {
    let mut cases = Vec::new();
    let Ok(entries) = fs::read_dir(folder()) else { return Ok(cases) };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|it| it == "case") {
            cases.push((path.clone(), read_file(&path)?));
        }
    }
    cases.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(cases)
}

fn read_file(path: &Path) -> Result<Case, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    read(&text).map_err(|error| format!("{}: {error}", path.display()))
}
