//! Reads files of rules, and runs scripts.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use ptables::compile::{Compiled, CompiledFamilies, compile_families};
use ptables::diag::{Diagnostic, codes, escape};
use ptables::dialect::{Dialect, Family};
use ptables::expect::Expectation;
use ptables::ipset::Set;
use ptables::lower;
use ptables::origin::Origin;
use ptables::program::{Families, Tables};
use ptables::source::Source;
use ptables::text::{self, FamilyHint, Parsed};

use ptables_kernel::{Kernel, SystemNames, as_invoker, memory};
use ptables_starlark::{Folder, Guard, Options, evaluate};

use crate::cli::{Script, Target};
use crate::commands::Failure;

/// The most bytes of rules that are read: places in them are 32-bit numbers, and no ruleset comes near.
const MAX_BYTES: u64 = 1 << 30;

/// The most bytes of memory that a script takes, whatever it does in one step.
const MAX_SCRIPT: usize = 3 << 30;

/// A file of rules, or a script.
pub(crate) struct Input {
    pub(crate) source: Source,
    name: String,
    /// Values for a script; `None` for rules.
    script: Option<Options>,
    is_live: bool,
}

impl Input {
    /// Reads a file, or standard input for `-`.
    pub(crate) fn read(path: &Path, script: &Script) -> Result<Input, Failure> {
        let name = if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() };
        let fail = |error: std::io::Error| format!("{name}: {error}");
        let mut bytes = Vec::new();
        let read = if path == Path::new("-") {
            std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
        } else {
            // With the rights of whoever asks: what is wrong with a line is shown with the line.
            as_invoker(|| std::fs::File::open(path)).and_then(|it| it).and_then(|file| {
                let length = file.metadata().map_or(0, |it| it.len().min(MAX_BYTES));
                bytes.reserve_exact(length as usize + 1);
                file.take(MAX_BYTES + 1).read_to_end(&mut bytes)
            })
        };
        let length = read.map_err(fail)?;
        if length as u64 > MAX_BYTES {
            return Err(format!("{name}: more than {MAX_BYTES} bytes of rules").into());
        }
        let source = Source::new(&name, bytes)?;
        let is_script = path.extension().is_some_and(|it| it == "star");
        let script = is_script.then(|| {
            let mut options = Options::default();
            options.files = Arc::new(Folder::of(path));
            options.settings = script.settings.iter().cloned().collect();
            options.guard = Some(Guard::new(|| memory::bound_thread(MAX_SCRIPT), memory::is_held));
            options
        });
        Ok(Input { source, name, script, is_live: false })
    }

    /// Reads a file; `live` is what the kernel holds of the family that is asked for.
    pub(crate) fn read_or_live(path: &Path, target: &Target, script: &Script) -> Result<Input, Failure> {
        if path != Path::new("live") {
            return Input::read(path, script);
        }
        let family = target.family().ok_or("whose rules are meant is not told: `-4` or `-6`")?;
        let saved = Kernel::new().save(family, dialect(target).backend, false)?;
        let name = "live".to_owned();
        Ok(Input { source: Source::new(&name, saved.text)?, name, script: None, is_live: true })
    }

    /// Whether these are the rules of the kernel.
    pub(crate) fn is_live(&self) -> bool {
        self.is_live
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A line (from 1) of this file.
    pub(crate) fn line(&self, name: &str, number: u32) -> Option<String> {
        let text = (name == self.name).then(|| self.source.line(number))??;
        Some(text.to_lossy())
    }

    /// The same file with another text.
    pub(crate) fn with_text(&self, source: &Source) -> Input {
        Input { source: source.clone(), name: self.name.clone(), script: self.script.clone(), is_live: false }
    }

    /// Reads the rules as they are written, or runs the script. What it prints goes to standard error.
    pub(crate) fn parse(&self) -> Parsed {
        self.parse_with_expectations().0
    }

    /// The same, with what a script expects of its rules.
    pub(crate) fn parse_with_expectations(&self) -> (Parsed, Vec<Expectation>) {
        let Some(options) = &self.script else { return (text::parse(&self.source), Vec::new()) };
        let made = match std::str::from_utf8(self.source.bytes()) {
            // With the rights of whoever asks: it reads files.
            Ok(text) => match as_invoker(|| evaluate(&self.name, text, options)) {
                Ok(made) => made,
                Err(error) => {
                    let error =
                        Diagnostic::error(codes::SCRIPT_ERROR, format!("rights cannot be given up: {error}"));
                    return (Parsed::new(Tables::new(), vec![error]), Vec::new());
                }
            },
            Err(error) => {
                let at = u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX);
                let error = Diagnostic::error(codes::SCRIPT_ERROR, "a script is text in UTF-8");
                let error = error.at(Origin::Text(self.source.text(at, at + 1)), "");
                return (Parsed::new(Tables::new(), vec![error]), Vec::new());
            }
        };
        for line in &made.printed {
            eprintln!("{}", escape::line(line));
        }
        (Parsed::new(made.tables.unwrap_or_default(), made.diagnostics), made.expectations)
    }

    /// Reads, lowers and checks the rules, for one family.
    pub(crate) fn compile(&self, target: &Target, noflush: bool) -> Result<Compiled, Failure> {
        self.compile_with_sets(target, noflush).map(|it| it.0)
    }

    /// The same, with the sets that the program declares.
    pub(crate) fn compile_with_sets(
        &self,
        target: &Target,
        noflush: bool,
    ) -> Result<(Compiled, Vec<Set>), Failure> {
        let compiled = self.compile_families(target, noflush)?;
        self.single(compiled)
    }

    /// What was compiled for one family, with the sets that the program declares.
    pub(crate) fn single(&self, mut compiled: CompiledFamilies) -> Result<(Compiled, Vec<Set>), Failure> {
        match (compiled.parts.pop(), compiled.parts.is_empty()) {
            (Some(part), true) => Ok((Compiled::new(part.ruleset, compiled.diagnostics), compiled.sets)),
            _ => Err(format!("{}: the rules are for both families: say `-4` or `-6`", self.name).into()),
        }
    }

    /// Reads, lowers and checks the rules, for each family that they are for.
    pub(crate) fn compile_families(
        &self,
        target: &Target,
        noflush: bool,
    ) -> Result<CompiledFamilies, Failure> {
        let parsed = self.parse();
        let families = self.families(target, &parsed.tables)?;
        Ok(self.compiled(parsed, families, target, noflush))
    }

    /// Lowers and checks rules that were read.
    pub(crate) fn compiled(
        &self,
        parsed: Parsed,
        families: Families,
        target: &Target,
        noflush: bool,
    ) -> CompiledFamilies {
        let names = SystemNames::new();
        let mut options = lower::Options::new(dialect(target), &names);
        options.noflush = noflush;
        let mut compiled = compile_families(&parsed.tables, families, options);
        compiled.diagnostics.splice(0..0, parsed.diagnostics);
        // The process ends soon: to free a large program rule by rule would take as long as to check it.
        std::mem::forget(parsed.tables);
        compiled
    }

    /// The families: asked for, told by the script or the text, told by the file's name, or a question to the user.
    pub(crate) fn families(&self, target: &Target, tables: &Tables) -> Result<Families, Failure> {
        if let Some(families) = target.families().or(tables.families) {
            return Ok(families);
        }
        if self.script.is_some() {
            // PyPTables knows no other, and its scripts stay as they are.
            return Ok(Families::one(self.family_of_name().unwrap_or(Family::V4)));
        }
        let family = match text::family(&self.source) {
            FamilyHint::One(family) => Some(family),
            _ => self.family_of_name(),
        };
        family.map(Families::one).ok_or_else(|| Failure::from(Question(text::ambiguous(&self.source))))
    }

    /// `rules.v4`, `ip6tables.rules` …
    fn family_of_name(&self) -> Option<Family> {
        let name = self.name.rsplit('/').next().unwrap_or_default();
        let v6 = name.contains("ip6tables") || name.ends_with(".v6") || name.ends_with(".ipv6");
        let v4 = name.contains("iptables") || name.ends_with(".v4") || name.ends_with(".ipv4");
        match (v4, v6) {
            (_, true) => Some(Family::V6),
            (true, false) => Some(Family::V4),
            (false, false) => None,
        }
    }
}

/// What a command must be told before it can run.
#[derive(Debug)]
struct Question(Diagnostic);

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]: {}", self.0.message, self.0.code, self.0.help.as_deref().unwrap_or_default())
    }
}

impl std::error::Error for Question {}

/// For which tools: those asked for, else the installed ones, else the default of the library. Nothing is asked of the kernel.
fn dialect(target: &Target) -> Dialect {
    let fallback = Dialect::default();
    let kernel = Kernel::new();
    match (target.backend, target.iptables_version) {
        (Some(backend), Some(version)) => Dialect::new(backend, version),
        (Some(backend), None) => Dialect::new(backend, kernel.version(backend).unwrap_or(fallback.version)),
        (None, version) => {
            let installed = kernel.default_dialect().unwrap_or(fallback);
            Dialect::new(installed.backend, version.unwrap_or(installed.version))
        }
    }
}
