use ptables::model::Ruleset;
use super::arena::Fate; use super::shot::Shot;
pub struct Subject;
impl Subject { pub fn new(_: &Ruleset, _: bool, _: &[String]) -> Subject { Subject } pub fn fate(&mut self, _: &Shot) -> Result<Fate, String> { Ok(Fate::default()) } }
