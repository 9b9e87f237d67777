//! Names of services, protocols, users and groups, as the files of the machine have them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::OnceLock;

use ptables::dialect::Family;
use ptables::value::{BuiltinNames, Names};

use crate::error::Error;

/// A file above this size is not read: 16 MiB, 20 times Debian's largest.
const MAX_FILE: u64 = 16 << 20;

/// Looks names up in `/etc/services`, `/etc/protocols`, `/etc/passwd` and `/etc/group`.
///
/// Each file is read when the first name is asked for, and kept. Other sources of names (LDAP, NIS) are not asked.
/// Names are case-sensitive; an alias counts as a name; the first line that has a name decides.
///
/// A file that can't be read has no names: [`problems`](Self::problems) says so.
#[derive(Debug)]
pub struct SystemNames {
    directory: PathBuf,
    services: OnceLock<Table<u16>>,
    protocols: OnceLock<Table<u8>>,
    users: OnceLock<Table<u32>>,
    groups: OnceLock<Table<u32>>,
}

#[derive(Debug)]
struct Table<T> {
    names: HashMap<Box<str>, T>,
    problem: Option<io::Error>,
}

impl Default for SystemNames {
    fn default() -> SystemNames {
        SystemNames::new()
    }
}

impl SystemNames {
    /// The files of `/etc`.
    pub fn new() -> SystemNames {
        SystemNames::in_directory("/etc")
    }

    /// The files `services`, `protocols`, `passwd` and `group` of another directory.
    pub fn in_directory(directory: impl Into<PathBuf>) -> SystemNames {
        SystemNames {
            directory: directory.into(),
            services: OnceLock::new(),
            protocols: OnceLock::new(),
            users: OnceLock::new(),
            groups: OnceLock::new(),
        }
    }

    /// The port of a service over a protocol: `service("domain", "udp")` is 53.
    pub fn service(&self, name: &str, protocol: &str) -> Option<u16> {
        // A port is `53/udp` in the file, and no name has a `/`.
        let key = format!("{name}/{protocol}");
        self.services().names.get(key.as_str()).copied()
    }

    /// The number of a protocol: `protocol("udp")` is 17.
    pub fn protocol(&self, name: &str) -> Option<u8> {
        self.protocols().names.get(name).copied()
    }

    /// The id of a user: `user("root")` is 0.
    pub fn user(&self, name: &str) -> Option<u32> {
        self.users().names.get(name).copied()
    }

    /// The id of a group: `group("root")` is 0.
    pub fn group(&self, name: &str) -> Option<u32> {
        self.groups().names.get(name).copied()
    }

    /// The files that were asked and could not be read. One that is not there is not a problem: it has no names.
    pub fn problems(&self) -> Vec<Error> {
        let services = self.services.get().and_then(|table| table.problem.as_ref());
        let protocols = self.protocols.get().and_then(|table| table.problem.as_ref());
        let users = self.users.get().and_then(|table| table.problem.as_ref());
        let groups = self.groups.get().and_then(|table| table.problem.as_ref());
        let all = [("services", services), ("protocols", protocols), ("passwd", users), ("group", groups)];
        let all = all.into_iter().filter_map(|(file, problem)| Some((file, problem?)));
        all.map(|(file, problem)| Error::File {
            path: self.directory.join(file),
            source: io::Error::new(problem.kind(), problem.to_string()),
        })
        .collect()
    }

    fn services(&self) -> &Table<u16> {
        self.services.get_or_init(|| {
            self.table("services", |line, add| {
                let mut words = words(line);
                let (Some(name), Some((port, protocol))) =
                    (words.next(), words.next().and_then(|word| word.split_once('/')))
                else {
                    return;
                };
                let Ok(port) = port.parse() else { return };
                std::iter::once(name).chain(words).for_each(|name| add(&format!("{name}/{protocol}"), port));
            })
        })
    }

    fn protocols(&self) -> &Table<u8> {
        self.protocols.get_or_init(|| {
            self.table("protocols", |line, add| {
                let mut words = words(line);
                let (Some(name), Some(Ok(number))) = (words.next(), words.next().map(str::parse)) else {
                    return;
                };
                std::iter::once(name).chain(words).for_each(|name| add(name, number));
            })
        })
    }

    fn users(&self) -> &Table<u32> {
        self.users.get_or_init(|| self.table("passwd", account))
    }

    fn groups(&self) -> &Table<u32> {
        self.groups.get_or_init(|| self.table("group", account))
    }

    fn table<T: Copy>(&self, file: &str, read_line: impl Fn(&str, &mut dyn FnMut(&str, T))) -> Table<T> {
        let mut names = HashMap::new();
        let (text, problem) = match self.read(file) {
            Ok(text) => (text, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (String::new(), None),
            Err(error) => (String::new(), Some(error)),
        };
        for line in text.lines() {
            read_line(line, &mut |name, value| {
                names.entry(name.into()).or_insert(value);
            });
        }
        Table { names, problem }
    }

    fn read(&self, file: &str) -> io::Result<String> {
        let mut content = Vec::new();
        File::open(self.directory.join(file))?.take(MAX_FILE + 1).read_to_end(&mut content)?;
        if u64::try_from(content.len()).is_ok_and(|length| length > MAX_FILE) {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 16 MiB"));
        }
        Ok(String::from_utf8_lossy(&content).into_owned())
    }
}

/// The words of a line before `#`.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('#').next().unwrap_or_default().split_whitespace()
}

/// `name:password:id:…` of `passwd` and `group`.
fn account(line: &str, add: &mut dyn FnMut(&str, u32)) {
    let mut fields = line.split(':');
    if let (Some(name), Some(Ok(id))) = (fields.next(), fields.nth(1).map(str::parse)) {
        add(name, id);
    }
}

/// Hosts are not looked up, but for `localhost`: what a name means today is no part of a ruleset.
impl Names for SystemNames {
    fn service(&self, name: &str, proto: Option<&str>) -> Option<u16> {
        match proto {
            Some(proto) => SystemNames::service(self, name, proto),
            None => ["tcp", "udp"].into_iter().find_map(|proto| SystemNames::service(self, name, proto)),
        }
    }

    fn protocol(&self, name: &str) -> Option<u8> {
        SystemNames::protocol(self, name).or_else(|| BuiltinNames.protocol(name))
    }

    fn host(&self, name: &str, family: Family) -> Vec<u128> {
        BuiltinNames.host(name, family)
    }

    fn user(&self, name: &str) -> Option<u32> {
        SystemNames::user(self, name)
    }

    fn group(&self, name: &str) -> Option<u32> {
        SystemNames::group(self, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(label: &str, files: &[(&str, &[u8])]) -> SystemNames {
        let path = std::env::temp_dir().join(format!("ptables-names-{label}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        files.iter().for_each(|(file, content)| fs::write(path.join(file), content).unwrap());
        SystemNames::in_directory(path)
    }

    #[test]
    fn names_and_aliases_are_found_and_the_first_line_decides() {
        let names = names(
            "all",
            &[
                ("services", b"# x\ndomain 53/tcp # DNS\ndomain\t53/udp nameserver\nnameserver 42/udp\nbad 70000/tcp\n"),
                ("protocols", b"ip 0 IP\nudp 17 UDP # datagrams\nlarge 256\n"),
                ("passwd", b"root:x:0:0:r:/root:/bin/sh\n\xff:x:1:1::/:/\nweb:x:33:34::/:/\n"),
                ("group", b"root:x:0:\nwww:x:34:a,b\n"),
            ],
        );
        assert_eq!(names.service("domain", "tcp"), Some(53));
        assert_eq!(names.service("nameserver", "udp"), Some(53));
        assert_eq!(names.service("nameserver", "tcp"), None);
        assert_eq!(names.service("bad", "tcp"), None);
        assert_eq!(names.service("DNS", "tcp"), None);
        assert_eq!(names.protocol("UDP"), Some(17));
        assert_eq!(names.protocol("large"), None);
        assert_eq!(names.user("web"), Some(33));
        assert_eq!(names.group("www"), Some(34));
        assert_eq!(names.group("web"), None);
        assert!(names.problems().is_empty());
        fs::remove_dir_all(&names.directory).unwrap();
    }

    #[test]
    fn a_file_that_is_too_large_is_a_problem_and_a_missing_one_is_not() {
        let large = vec![b'\n'; usize::try_from(MAX_FILE).unwrap() + 1];
        let names = names("large", &[("passwd", &large)]);
        assert_eq!(names.user("root"), None);
        assert_eq!(names.group("root"), None);
        let problems = names.problems();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().ends_with("passwd: more than 16 MiB"), "{}", problems[0]);
        fs::remove_dir_all(&names.directory).unwrap();
    }
}
