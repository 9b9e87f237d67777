//! What is loaded when the machine starts: a copy of what was applied, and the copy before it.

use ptables::dialect::Family;
use ptables::ipset;
use ptables::plan::State;
use ptables::source::Source;

use super::{Applier, ApplyError, Wanted, digest, journal};
use crate::names::SystemNames;

/// Where the unit of systemd is.
pub const UNIT: &str = "/etc/systemd/system/ptables.service";

/// Services that load rules too, and what enables them: whichever comes last wins.
const OTHERS: [(&str, &str); 5] = [
    ("netfilter-persistent", "netfilter-persistent.service"),
    ("ferm", "ferm.service"),
    ("ufw", "ufw.service"),
    ("firewalld", "firewalld.service"),
    ("nftables", "nftables.service"),
];

impl Applier {
    /// Keeps what is applied now for the next start; what was kept before stays as the one before. What waits to be confirmed is
    /// not kept.
    ///
    /// # Errors
    /// If something waits, or nothing was applied.
    pub fn persist(&self) -> Result<(), ApplyError> {
        let _alone = self.alone()?;
        let mut some = false;
        for name in ["v4", "v6", "sets"] {
            let (new, now, old) =
                (format!("record.{name}"), format!("boot.{name}"), format!("boot-before.{name}"));
            let Some(applied) = self.store.read(&new)? else { continue };
            some = true;
            // What cannot be read any more is no way back.
            let kept = self.store.read(&now).ok().flatten();
            if let Some(kept) = kept.filter(|it| *it != applied) {
                self.store.write(&old, &kept)?;
            }
            self.store.write(&now, &applied)?;
        }
        if some { Ok(()) } else { Err(ApplyError::State("nothing was applied that could be kept".into())) }
    }

    /// What was kept for the start of the machine; `before`: what was kept before that.
    ///
    /// # Errors
    /// If nothing was kept, or it was altered.
    pub fn kept(&self, before: bool) -> Result<Wanted, ApplyError> {
        let name = if before { "boot-before" } else { "boot" };
        let mut wanted = Wanted { from: name.into(), ..Wanted::default() };
        let mut bytes = Vec::new();
        for family in Family::ALL {
            if let Some(state) = journal::read_state(&self.store, name, family)? {
                bytes.extend(state.to_record());
                wanted.states.push(State::as_wanted(&state));
            }
        }
        if let Some(text) = self.store.read(&format!("{name}.sets"))? {
            let source = Source::new(name, text).map_err(|it| ApplyError::State(it.to_string()))?;
            let (sets, found) = ipset::parse(&source, &SystemNames::new());
            if !found.is_empty() {
                return Err(ApplyError::Refused(found));
            }
            wanted.sets = sets.iter().cloned().collect();
        }
        wanted.digest = digest::sha256(&bytes);
        match wanted.states.is_empty() {
            true => Err(ApplyError::State("nothing was kept for the start of the machine".into())),
            false => Ok(wanted),
        }
    }

    /// Loads what was kept; if it is broken or refused, what was kept before it. `true`: it was the one before.
    ///
    /// # Errors
    /// Why the last of them could not be loaded.
    pub fn load(&self) -> Result<bool, ApplyError> {
        let first = self.kept(false).and_then(|it| self.apply(&it));
        match first {
            Ok(_) => Ok(false),
            Err(first) => match self.kept(true).and_then(|it| self.apply(&it)) {
                Ok(_) => Ok(true),
                Err(_) => Err(first),
            },
        }
    }
}

/// A unit for systemd that runs a command before the network is there.
pub fn unit(command: &str) -> String {
    format!(
        "[Unit]\nDescription=Rules of ptables\nDefaultDependencies=no\nBefore=network-pre.target shutdown.target\n\
         Wants=network-pre.target\nConflicts=shutdown.target\nAfter=local-fs.target systemd-modules-load.service\n\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart={command}\n\n[Install]\nWantedBy=sysinit.target\n"
    )
}

/// Services that are enabled and load rules too.
pub fn competitors() -> Vec<&'static str> {
    let enabled = |unit: &str| {
        ["multi-user.target.wants", "sysinit.target.wants", "basic.target.wants", "network.target.wants"]
            .iter()
            .any(|it| std::fs::symlink_metadata(format!("/etc/systemd/system/{it}/{unit}")).is_ok())
    };
    OTHERS.iter().filter(|it| enabled(it.1)).map(|it| it.0).collect()
}
