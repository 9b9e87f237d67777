//! Comparisons and matrices as JSON.
//!
//! A **comparison** is one object: `same` (boolean), `differences` (list), `more` (whether there are differences beyond those told), `undecided` (list of
//! strings). A **difference** has `path`, `what` (in words), `region` (list of objects `field`, `values`), `exact` (whether the region is
//! the product of its fields), `witness` (a packet in text form), `old` and `new`: objects `verdict`, `table`, `chain`, `rule` (number
//! from 1, `null` for a policy), `text`, `file`, `line` (`null` if unknown).
//!
//! A **matrix** has `classes` (list of lists of ranges of addresses) and `edges` (list of pairs of places in it: from, to).

use serde::Serialize;

use super::diff::{Comparison, Side};
use super::reach::Matrix;
use super::show::what;
use crate::model::Ruleset;
use crate::simulate::{Options, Simulator};
use crate::space::Region;

#[derive(Serialize)]
struct Object {
    same: bool,
    differences: Vec<DifferenceObject>,
    more: bool,
    undecided: Vec<String>,
}

#[derive(Serialize)]
struct DifferenceObject {
    path: &'static str,
    what: &'static str,
    region: Vec<SpanObject>,
    exact: bool,
    witness: String,
    old: SideObject,
    new: SideObject,
}

#[derive(Serialize)]
struct SpanObject {
    field: &'static str,
    values: Vec<String>,
}

#[derive(Serialize)]
struct SideObject {
    verdict: &'static str,
    table: Option<String>,
    chain: Option<String>,
    rule: Option<usize>,
    text: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

fn side(simulator: &Simulator<'_>, side: Side) -> SideObject {
    let place = side.by.and_then(|at| Some((at, simulator.place(at)?)));
    let origin = place.as_ref().and_then(|it| it.1.origin().place());
    SideObject {
        verdict: side.fate.as_str(),
        table: place.as_ref().map(|it| it.1.table.name.to_lossy()),
        chain: place.as_ref().map(|it| it.1.chain.name.to_lossy()),
        rule: side.by.and_then(|at| at.rule).map(|it| it + 1),
        text: side.by.filter(|at| at.rule.is_some()).map(|at| simulator.rule_text(at)),
        file: origin.map(|it| it.file.to_owned()),
        line: origin.map(|it| it.line),
    }
}

fn region(region: &Region) -> Vec<SpanObject> {
    region.spans.iter().map(|it| SpanObject { field: it.field, values: it.values.clone() }).collect()
}

impl Comparison {
    /// The comparison as one line of JSON, without the line end; the module says what it holds.
    pub fn json(&self, old: &Ruleset, new: &Ruleset) -> String {
        let simulators = [old, new].map(|it| Simulator::new(it, Options::default()));
        let differences = self.differences.iter().map(|it| DifferenceObject {
            path: it.path.as_str(),
            what: what(it),
            region: region(&it.region),
            exact: it.region.exact,
            witness: it.witness.to_string(),
            old: side(&simulators[0], it.old),
            new: side(&simulators[1], it.new),
        });
        let object = Object {
            same: self.is_same(),
            differences: differences.collect(),
            more: self.more,
            undecided: self.undecided.clone(),
        };
        serde_json::to_string(&object).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct MatrixObject<'a> {
    classes: Vec<Vec<String>>,
    edges: &'a [(usize, usize)],
}

impl Matrix {
    /// The matrix as one line of JSON, without the line end; the module says what it holds.
    pub fn json(&self) -> String {
        let classes = (0..self.classes.len()).map(|at| self.addresses(at)).collect();
        serde_json::to_string(&MatrixObject { classes, edges: &self.edges }).unwrap_or_default()
    }
}
