//! What a script asks of its own rules: what is wrong with them, and what they do to a packet.

use ptables::analysis::{Given, Limits, Links, Service, compare, matrix};
use ptables::compile::{CompiledFamilies, compile_families};
use ptables::diag::{Diagnostic, Severity};
use ptables::dialect::{Backend, Dialect, Family};
use ptables::fix;
use ptables::lower::{self, families};
use ptables::model::{Policy, Ruleset};
use ptables::origin::Origin;
use ptables::packet::Packet;
use ptables::program::{Families, Tables};
use ptables::routes::Routes;
use ptables::simulate::{Ask, Simulator, Step, Trace};
use ptables::source::{Source, Text};
use ptables::text;
use ptables::value::BuiltinNames;
use ptables::value::addr::strict;
use starlark::values::structs::AllocStruct;
use starlark::values::{Heap, Value};

use crate::error::{fail, no};
use crate::given;

/// For which tools and families: as a script says it.
pub(crate) struct Target {
    families: Option<Families>,
    dialect: Dialect,
}

impl Target {
    /// `family=`, `backend=` and `version=`, each over what is usual.
    pub(crate) fn of(
        family: Option<Value<'_>>,
        backend: Option<Value<'_>>,
        version: Option<Value<'_>>,
        mut dialect: Dialect,
    ) -> starlark::Result<Target> {
        let families = family.filter(|it| !it.is_none()).map(|it| it.to_str().parse().or_else(fail));
        match given::text("backend", backend)?.as_deref() {
            None => {}
            Some("legacy") => dialect.backend = Backend::Legacy,
            Some("nft") => dialect.backend = Backend::Nft,
            Some(other) => return fail(format!("the back end is legacy or nft, not `{other}`")),
        }
        if let Some(version) = given::text("version", version)? {
            let known = version.parse().or_else(|_| fail(format!("`{version}` is no version of iptables")));
            dialect.version = known?;
        }
        Ok(Target { families: families.transpose()?, dialect })
    }

    fn families(&self, tables: &Tables) -> Families {
        self.families.or(tables.families).unwrap_or(Families::V4)
    }

    fn compile(&self, tables: &Tables, families: Families) -> CompiledFamilies {
        compile_families(tables, families, lower::Options::new(self.dialect, &BuiltinNames))
    }

    /// What is found, as a list of structs.
    pub(crate) fn check<'v>(&self, tables: &Tables, analysis: bool, heap: Heap<'v>) -> Vec<Value<'v>> {
        let compiled = self.compile(tables, self.families(tables));
        let more = if analysis { compiled.analyse(limits()) } else { Vec::new() };
        more.iter().chain(&compiled.diagnostics).map(|it| finding(it, heap)).collect()
    }

    /// How the rules of two programs compare, as a struct.
    pub(crate) fn diff<'v>(&self, old: &Tables, new: &Tables, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let [old, new] = [old, new].map(|it| sound(self.compile(it, self.families(it))));
        let (old, new) = (old?, new?);
        let (mut same, mut text) = (true, String::new());
        let mut given = Given::default();
        given.limits = limits();
        let families = |it: &CompiledFamilies| -> Vec<Family> {
            it.parts.iter().map(|it| it.ruleset.context.family).collect()
        };
        if families(&old) != families(&new) {
            return fail("only one of them has rules for both families: say family=4 or family=6".to_owned());
        }
        for (one, other) in old.parts.iter().zip(&new.parts) {
            let found = compare(&one.ruleset, &other.ruleset, given).map_err(|it| no(it.to_string()))?;
            same &= found.is_same();
            text.push_str(&found.human(&one.ruleset, &other.ruleset));
        }
        Ok(heap.alloc(AllocStruct([("same", heap.alloc(same)), ("text", heap.alloc(text))])))
    }

    /// Who can reach whom with a service, as a struct; `interfaces` is text of [`Links`].
    pub(crate) fn reach<'v>(
        &self,
        tables: &Tables,
        service: Service,
        (to, interfaces): (Option<&str>, Option<&str>),
        (policy, loose): (Option<&str>, bool),
        heap: Heap<'v>,
    ) -> starlark::Result<Value<'v>> {
        let compiled = sound(self.compile(tables, self.families(tables)))?;
        let [part] = compiled.parts.as_slice() else {
            return fail("the tables are for both families: say family=4 or family=6".to_owned());
        };
        let family = part.ruleset.context.family;
        let links = interfaces.map_or_else(|| Ok(Links::default()), |it| Links::parse(it, family));
        let mut given = Given::default();
        (given.limits, given.policy) = (limits(), self::policy(policy)?);
        let found = matrix(&part.ruleset, service, &links.or_else(fail)?, given, loose);
        let mut found = found.map_err(|it| no(it.to_string()))?;
        if let Some(to) = to {
            let address = strict(family, to.as_bytes());
            found.keep_to(address.ok_or_else(|| no(format!("`{to}` is no {family} address")))?);
        }
        let classes: Vec<Vec<String>> = (0..found.classes.len()).map(|it| found.addresses(it)).collect();
        // INVARIANT: classes are far fewer than 2^31.
        let edges: Vec<(i32, i32)> = found.edges.iter().map(|it| (it.0 as i32, it.1 as i32)).collect();
        Ok(heap.alloc(AllocStruct([
            ("classes", heap.alloc(classes)),
            ("edges", heap.alloc(edges)),
            ("text", heap.alloc(found.human())),
        ])))
    }

    /// What may go from the rules, one text a change.
    pub(crate) fn fix(&self, tables: &Tables, join: bool) -> starlark::Result<Vec<String>> {
        let compiled = sound(self.compile(tables, self.families(tables)))?;
        let parts: Vec<&Ruleset> = compiled.parts.iter().map(|it| &it.ruleset).collect();
        let mut options = fix::Options::default();
        (options.given.limits, options.merge) = (limits(), join);
        let found = fix::fix(&parts, options).map_err(|it| no(it.to_string()))?;
        Ok(found.changes.iter().map(|it| it.human(&parts).trim_end().to_owned()).collect())
    }

    /// The text as written; what one family gets of it, if one is asked for.
    pub(crate) fn annotated(&self, tables: &Tables) -> starlark::Result<String> {
        let family = self.families.and_then(Families::only);
        let split = family.filter(|_| tables.families == Some(Families::Both));
        let split = split.map(|family| (family, families::split(tables, &BuiltinNames)));
        let tables = match &split {
            Some((_, split)) if !split.diagnostics.is_empty() => return Err(first(&split.diagnostics)),
            Some((family, split)) => split.of(*family),
            None => tables,
        };
        let mut out = Vec::new();
        text::annotated(tables, &mut out).map_err(|errors| first(&errors))?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// The text as iptables-save prints it.
    pub(crate) fn save(&self, tables: &Tables) -> starlark::Result<String> {
        let families = self.families(tables);
        if families == Families::Both {
            return fail(
                "the tables are for both families, and this is one text: say family=4 or family=6".to_owned(),
            );
        }
        let compiled = sound(self.compile(tables, families))?;
        let mut out = Vec::new();
        compiled.parts.iter().for_each(|it| it.ruleset.print(&mut out, false));
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// What happens to a packet, as a struct, or with all ways as a list of them; of a list of packets, which are a sequence, a list of
    /// that. `routes` say where they go.
    pub(crate) fn simulate<'v>(
        &self,
        tables: &Tables,
        packet: Value<'v>,
        routed: (Option<&str>, Option<Routes>),
        mut how: Ask,
        heap: Heap<'v>,
    ) -> starlark::Result<Value<'v>> {
        let one = packet.unpack_str();
        let packets = match one {
            Some(packet) => vec![packet.to_owned()],
            None => {
                let packets = given::items("packet", packet, heap)?.into_iter();
                let packets =
                    packets.map(|it| given::text("packet", Some(it)).map(Option::unwrap_or_default));
                packets.collect::<starlark::Result<_>>()?
            }
        };
        how.sequence = one.is_none();
        let answers = self.answers(tables, &packets, routed, how, heap)?;
        let mut answers = answers.into_iter().filter_map(|mut it| match how.ways {
            true => Some(heap.alloc(it)),
            false => it.pop(),
        });
        Ok(match one {
            Some(_) => answers.next().unwrap_or_else(Value::new_none),
            None => heap.alloc(answers.collect::<Vec<_>>()),
        })
    }

    fn answers<'v>(
        &self,
        tables: &Tables,
        packets: &[String],
        (policy, routes): (Option<&str>, Option<Routes>),
        how: Ask,
        heap: Heap<'v>,
    ) -> starlark::Result<Vec<Vec<Value<'v>>>> {
        let parse = if routes.is_some() { Packet::parse_routed } else { Packet::parse };
        let read = |it: &String| parse(&Text::from(it.as_str())).map_err(|it| no(it.message.clone()));
        let packets: Vec<Packet> = packets.iter().map(read).collect::<starlark::Result<_>>()?;
        let policy = self::policy(policy)?;
        let Some(family) = packets.first().map(Packet::family) else { return Ok(Vec::new()) };
        if packets.iter().any(|it| it.family() != family) {
            return fail("the packets are of two address families: ask for each by itself".to_owned());
        }
        let compiled = sound(self.compile(tables, Families::one(family)))?;
        let Some(part) = compiled.parts.first().filter(|_| has(self.families.or(tables.families), family))
        else {
            return fail(format!("the tables are not for {family}"));
        };
        let mut simulator = compiled.simulator(&part.ruleset, policy);
        if let Some(routes) = routes {
            simulator = simulator.with_routes(routes);
        }
        let answers = simulator.ask(&packets, how);
        Ok(answers
            .iter()
            .map(|ways| ways.iter().map(|it| simulation(&simulator, it, heap)).collect())
            .collect())
    }
}

fn simulation<'v>(simulator: &Simulator<'_>, trace: &Trace, heap: Heap<'v>) -> Value<'v> {
    let path: Vec<_> = trace.path.iter().map(|it| step(simulator, it, heap)).collect();
    heap.alloc(AllocStruct([
        ("verdict", heap.alloc(trace.verdict.name())),
        ("path", heap.alloc(path)),
        ("packet", heap.alloc(trace.packet.to_string())),
        ("unknown", heap.alloc(trace.unknown.clone())),
        ("text", heap.alloc(simulator.human(trace))),
    ]))
}

/// Where packets go, as a text says that `ip` printed.
pub(crate) fn routes(name: &str, text: String) -> starlark::Result<Routes> {
    let source = Source::new(name, text).map_err(|error| no(error.to_string()))?;
    let (routes, found) = Routes::parse(&source);
    if found.is_empty() { Ok(routes) } else { Err(first(&found)) }
}

fn policy(name: Option<&str>) -> starlark::Result<Option<Policy>> {
    let found = name.map(|name| {
        let policy = Policy::find(name.as_bytes());
        policy.ok_or_else(|| no(format!("`{name}` is no policy: ACCEPT or DROP")))
    });
    found.transpose()
}

/// A script's memory is bounded.
fn limits() -> Limits {
    Limits::new(16_000_000)
}

fn has(families: Option<Families>, family: Family) -> bool {
    families.is_none_or(|it| it.has(family))
}

fn sound(compiled: CompiledFamilies) -> starlark::Result<CompiledFamilies> {
    let errors: Vec<_> =
        compiled.diagnostics.iter().filter(|it| it.severity == Severity::Error).cloned().collect();
    if errors.is_empty() { Ok(compiled) } else { Err(first(&errors)) }
}

/// The first of some errors, with its place, and how many there are.
fn first(errors: &[Diagnostic]) -> starlark::Error {
    let Some(error) = errors.first() else { return no("something is wrong".to_owned()) };
    let place = error.origin().place().map(|it| format!(" ({it})")).unwrap_or_default();
    let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
    no(format!("{}{place}{more}", error.message))
}

fn finding<'v>(it: &Diagnostic, heap: Heap<'v>) -> Value<'v> {
    let help = it.help.as_deref().map_or_else(Value::new_none, |it| heap.alloc(it));
    let [filename, lineno, function] = place(it.origin(), heap);
    heap.alloc(AllocStruct([
        ("code", heap.alloc(it.code.as_str())),
        ("severity", heap.alloc(it.severity.as_str())),
        ("message", heap.alloc(it.message.as_str())),
        ("help", help),
        ("filename", filename),
        ("lineno", lineno),
        ("function", function),
    ]))
}

fn step<'v>(simulator: &Simulator<'_>, step: &Step, heap: Heap<'v>) -> Value<'v> {
    let standing = simulator.standing(step);
    let name = |name: Option<String>| heap.alloc(name.unwrap_or_default());
    let rule = step.at.rule.and_then(|it| i32::try_from(it + 1).ok());
    let [filename, lineno, function] =
        place(standing.as_ref().map_or(&Origin::Unknown, |it| it.origin()), heap);
    heap.alloc(AllocStruct([
        ("table", name(standing.as_ref().map(|it| it.table.name.to_lossy()))),
        ("chain", name(standing.as_ref().map(|it| it.chain.name.to_lossy()))),
        ("rule", rule.map_or_else(Value::new_none, |it| heap.alloc(it))),
        ("kind", heap.alloc(step.kind.as_str())),
        ("text", heap.alloc(simulator.rule_text(step.at))),
        ("why", heap.alloc(step.why.clone())),
        ("filename", filename),
        ("lineno", lineno),
        ("function", function),
    ]))
}

/// File, line and function, as far as they are known.
fn place<'v>(origin: &Origin, heap: Heap<'v>) -> [Value<'v>; 3] {
    let Some(place) = origin.place() else { return [Value::new_none(); 3] };
    let line = i32::try_from(place.line).unwrap_or(i32::MAX);
    let function = place.function.map_or_else(Value::new_none, |it| heap.alloc(it));
    [heap.alloc(place.file), heap.alloc(line), function]
}
