//! Runs a script within bounds.

use std::any::Any;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use ptables::diag::{Code, Diagnostic, codes};
use ptables::expect::Expectation;
use ptables::origin::Origin;
use ptables::program::Tables;
use ptables::source::Source;
use starlark::PrintHandler;
use starlark::environment::{FrozenModule, Globals, GlobalsBuilder, LibraryExtension, Module};
use starlark::eval::{Evaluator, ReturnFileLoader};
use starlark::syntax::{AstModule, Dialect, DialectTypes};
use starlark::values::FrozenHeapName;

use crate::context::Context;
use crate::error;
use crate::files::{Files, NoFiles};
use crate::origin::Sources;
use crate::syntax;
use crate::values::class;
use crate::values::tables::TablesValue;

/// Address space for the stack of the interpreter, which recurses as deeply as a script is nested. Only what is used is taken.
const STACK: usize = 1 << 30;
/// How often is looked whether a script takes too much.
const LOOK: Duration = Duration::from_millis(20);
/// How the interpreter and the standard library say it.
const TOO_LARGE: [&str; 2] = ["AlignedSize must not exceed", "capacity overflow"];
const FAULT: &str = "the interpreter failed: this is a fault of ptables";
/// Files that may load each other in a row.
const MAX_LOADS: usize = 32;

/// How a script is run.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Files that it may load.
    pub files: Arc<dyn Files>,
    /// Values for `setting(NAME)`.
    pub settings: BTreeMap<String, String>,
    /// For which tools `tables.check()` and its like ask unless they are told; nft 1.8.9 by default. A script does not look at the machine.
    pub dialect: ptables::dialect::Dialect,
    /// How much it may take.
    pub limits: Limits,
    /// What watches over the memory of the interpreter's thread, if anything does.
    pub guard: Option<Guard>,
}

/// Bounds the memory of a thread where a single step of a script could take all of it. A library cannot do that; a program can, with an
/// allocator of its own.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Guard {
    /// Called in the interpreter's thread before it does anything.
    pub enter: fn(),
    /// Whether that thread took too much and was stopped for ever.
    pub is_held: fn() -> bool,
}

impl Guard {
    /// A guard of these two.
    pub const fn new(enter: fn(), is_held: fn() -> bool) -> Guard {
        Guard { enter, is_held }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            files: Arc::new(NoFiles),
            settings: BTreeMap::new(),
            dialect: ptables::dialect::Dialect::default(),
            limits: Limits::default(),
            guard: None,
        }
    }
}

/// How much a script may take.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Steps of the interpreter; 500 million by default, some seconds.
    pub ticks: u64,
    /// Bytes of objects; 2 GiB by default.
    pub heap: usize,
    /// Calls within calls; 200 by default.
    pub calls: usize,
    /// How long it may run; a minute by default. A single step on huge numbers can take for ever, and no interpreter looks in between: the
    /// thread is then left to itself until the program ends.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { ticks: 500_000_000, heap: 2 << 30, calls: 200, time: Duration::from_secs(60) }
    }
}

/// What a script made.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Script {
    /// The tables that `restore` was called with; else those called `tables`; else the only ones made.
    pub tables: Option<Tables>,
    /// What `expect` was called with.
    pub expectations: Vec<Expectation>,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
    /// Lines that `print` wrote.
    pub printed: Vec<String>,
}

/// Runs a script called `name`. Whatever it does ends in tables or in diagnostics.
pub fn evaluate(name: &str, script: &str, options: &Options) -> Script {
    let (sender, receiver) = mpsc::sync_channel(1);
    let (options, name, script) = (options.clone(), name.to_owned(), script.to_owned());
    let (guard, time) = (options.guard, options.limits.time);
    let run = move || {
        if let Some(guard) = guard {
            (guard.enter)();
        }
        let sources = Sources::default();
        let context = Context::new(&options);
        // Nobody waits any more if it took too long.
        let _ = sender.send(Run { sources: &sources, context, options: &options }.main(&name, &script));
    };
    let thread = thread::Builder::new().name("script".into()).stack_size(STACK).spawn(run);
    let thread = match thread {
        Ok(thread) => thread,
        Err(error) => return failed(codes::SCRIPT_ERROR, &format!("no thread for the script: {error}")),
    };
    let start = Instant::now();
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(script) => {
                // It is at its end: what it still does is to free its memory.
                return thread.join().map_or_else(|panic| panicked(&*panic), |()| script);
            }
            Err(RecvTimeoutError::Disconnected) => {
                return thread.join().map_or_else(|panic| panicked(&*panic), |()| panicked(&""));
            }
            Err(RecvTimeoutError::Timeout) if guard.is_some_and(|it| (it.is_held)()) => {
                return failed(codes::SCRIPT_LIMIT, "the script takes more memory than it may");
            }
            Err(RecvTimeoutError::Timeout) if start.elapsed() > time => {
                let message = format!("the script runs for more than {} seconds", time.as_secs());
                return failed(codes::SCRIPT_LIMIT, &message);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// The interpreter panics where a value is larger than it can be.
fn panicked(panic: &(dyn Any + Send)) -> Script {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    if said.is_some_and(|it| TOO_LARGE.iter().any(|known| it.contains(known))) {
        return failed(codes::SCRIPT_LIMIT, "the script makes a value that is too large for the interpreter");
    }
    failed(codes::SCRIPT_ERROR, FAULT)
}

fn failed(code: Code, message: &str) -> Script {
    let error = Diagnostic::error(code, message);
    Script { diagnostics: vec![error], ..Script::default() }
}

struct Run<'a> {
    sources: &'a Sources,
    context: Context,
    options: &'a Options,
}

impl Run<'_> {
    fn main(self, name: &str, script: &str) -> Script {
        let mut modules = HashMap::new();
        let globals = globals();
        let chosen = self.module(name, script, &globals, &mut modules, &mut Vec::new());
        let Context { made, restored, expectations, diagnostics, printed, .. } = self.context;
        let mut diagnostics = diagnostics.into_inner();
        let tables = match chosen {
            Ok(named) => choose(restored.into_inner(), named.1, made.into_inner(), &mut diagnostics),
            Err(error) => {
                diagnostics.push(*error);
                None
            }
        };
        let (expectations, printed) = (expectations.into_inner(), printed.into_inner());
        Script { tables: tables.map(|it| it.program()), expectations, diagnostics, printed }
    }

    /// Runs one file, after those that it loads. Gives the module, and what it calls `tables`.
    fn module(
        &self,
        name: &str,
        script: &str,
        globals: &Globals,
        modules: &mut HashMap<String, FrozenModule>,
        open: &mut Vec<String>,
    ) -> Result<(FrozenModule, Option<TablesValue>), Box<Diagnostic>> {
        let source = Source::new(name, script.as_bytes())
            .map_err(|it| Box::new(Diagnostic::error(codes::SCRIPT_LIMIT, it.to_string())))?;
        self.sources.add(name, &source);
        if let Err(much) = syntax::bounded(script) {
            let at = u32::try_from(much.at).unwrap_or(u32::MAX);
            let error = Diagnostic::error(codes::SCRIPT_LIMIT, much.what);
            return Err(Box::new(error.at(Origin::Text(source.text(at, at + 1)), "")));
        }
        let fault = |error: starlark::Error| Box::new(error::diagnostic(&error, self.sources));
        let ast = AstModule::parse(name, syntax::without_imports(script), &dialect()).map_err(fault)?;
        open.push(name.to_owned());
        let loads: Vec<(String, Origin)> = ast
            .loads()
            .iter()
            .map(|load| (load.module_id.to_owned(), self.sources.text(&load.span)))
            .collect();
        for (file, origin) in loads {
            if modules.contains_key(&file) {
                continue;
            }
            let refused = |message: String| {
                Box::new(Diagnostic::error(codes::SCRIPT_ERROR, message).at(origin.clone(), ""))
            };
            if open.contains(&file) || open.len() > MAX_LOADS {
                return Err(refused(format!(
                    "`{file}` is being loaded already: files load each other in a circle"
                )));
            }
            let text = self.options.files.read(&file).map_err(refused)?;
            let (module, _) = self.module(&file, &text, globals, modules, open)?;
            modules.insert(file, module);
        }
        open.pop();
        let known = modules.iter().map(|(name, module)| (name.as_str(), module)).collect();
        let loader = ReturnFileLoader { modules: &known };
        let printer = Printed(&self.context);
        let ended = Module::with_temp_heap(|module| {
            let tables = {
                let mut eval = Evaluator::new(&module);
                eval.extra = Some(&self.context);
                eval.set_loader(&loader);
                eval.set_print_handler(&printer);
                self.bound(&mut eval).map_err(starlark::Error::new_other)?;
                eval.eval_module(ast, globals)?;
                module.get("tables").and_then(TablesValue::from_value).cloned()
            };
            let frozen = module.freeze_named(FrozenHeapName::User(Box::new(name.to_owned())))?;
            starlark::Result::Ok((frozen, tables))
        });
        ended.map_err(fault)
    }

    fn bound(&self, eval: &mut Evaluator<'_, '_, '_>) -> anyhow::Result<()> {
        let Limits { ticks, heap, calls, .. } = self.options.limits;
        eval.set_max_callstack_size(calls)?;
        eval.set_max_heap_size(heap)?;
        eval.set_max_tick_count(ticks)
    }
}

/// The tables that a script is about.
fn choose(
    mut restored: Vec<TablesValue>,
    named: Option<TablesValue>,
    mut made: Vec<TablesValue>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<TablesValue> {
    let many = restored.len() > 1 || (restored.is_empty() && named.is_none() && made.len() > 1);
    let chosen = restored.pop().or(named).or_else(|| made.pop());
    if many {
        let message = "the script makes several Tables: which are meant?";
        let help = "call `restore(tables)` once, or give the name `tables` to them";
        diagnostics.push(Diagnostic::error(codes::SCRIPT_ERROR, message).help(help));
        return None;
    }
    if chosen.is_none() {
        let message = "the script makes no tables";
        let help = "begin with `tables = default_tables()`";
        diagnostics.push(Diagnostic::error(codes::SCRIPT_ERROR, message).help(help));
    }
    chosen
}

fn dialect() -> Dialect {
    Dialect {
        enable_top_level_stmt: true,
        enable_f_strings: true,
        enable_types: DialectTypes::ParseOnly,
        enable_load_reexport: true,
        ..Dialect::Extended
    }
}

fn globals() -> Globals {
    let extensions = [
        LibraryExtension::Map,
        LibraryExtension::Filter,
        LibraryExtension::Partial,
        LibraryExtension::Print,
        LibraryExtension::StructType,
        LibraryExtension::SetType,
    ];
    GlobalsBuilder::extended_by(&extensions).with(class::globals).build()
}

struct Printed<'a>(&'a Context);

impl PrintHandler for Printed<'_> {
    fn println(&self, text: &str) -> starlark::Result<()> {
        self.0.printed.borrow_mut().push(text.to_owned());
        Ok(())
    }
}
