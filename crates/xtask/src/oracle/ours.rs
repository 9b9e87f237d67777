//! Our own reading of a text, in the terms of the tools.

use ptables::compile::compile;
use ptables::diag::{Diagnostic, Severity, codes};
use ptables::ext::Context;
use ptables::lower::Options;
use ptables::model::{Counters, Ruleset};
use ptables::source::Source;
use ptables::text;
use ptables_kernel::SystemNames;

use super::Failure;

/// What we make of a text.
#[derive(Clone, Debug)]
pub struct Ours {
    /// What it means.
    pub ruleset: Ruleset,
    /// Everything that was found, in reading and after it.
    pub diagnostics: Vec<Diagnostic>,
}

impl Ours {
    /// Reads, lowers and checks a text, with the names of this machine.
    ///
    /// # Errors
    /// If the text is longer than a source may be.
    pub fn read(context: Context, text: impl Into<Vec<u8>>) -> Result<Ours, Failure> {
        Ours::read_named(context, "rules", text)
    }

    /// The same, of a file whose name the diagnostics give.
    ///
    /// # Errors
    /// If the text is longer than a source may be.
    pub fn read_named(context: Context, name: &str, text: impl Into<Vec<u8>>) -> Result<Ours, Failure> {
        let source = Source::new(name, text).map_err(|error| error.to_string())?;
        let parsed = text::parse(&source);
        let names = SystemNames::new();
        let compiled = compile(&parsed.tables, context.family, Options::new(context.dialect, &names));
        let mut diagnostics = parsed.diagnostics;
        diagnostics.extend(compiled.diagnostics);
        Ok(Ours { ruleset: compiled.ruleset, diagnostics })
    }

    /// Codes and messages of the errors.
    pub fn errors(&self) -> Vec<String> {
        let errors = self.diagnostics.iter().filter(|it| it.severity == Severity::Error);
        errors.map(|it| format!("{}: {}", it.code, it.message)).collect()
    }

    /// Whether a rule is kept word for word, so that nothing can be said of the tools' verdict.
    pub fn has_raw(&self) -> bool {
        self.diagnostics.iter().any(|it| it.severity == Severity::Unsupported)
    }

    /// Whether we warn that what iptables saves of a rule can't be read back, or not as it was.
    pub fn is_unreloadable(&self) -> bool {
        self.diagnostics.iter().any(|it| it.code == codes::CHECK_UNRELOADABLE)
    }

    /// The rules, as what stands after `-A CHAIN`.
    pub fn rules(&self) -> Vec<String> {
        let rules = self.ruleset.rules().map(|(_, _, rule)| {
            let mut out = Vec::new();
            rule.print(&mut out, self.ruleset.context);
            String::from_utf8_lossy(out.trim_ascii_start()).into_owned()
        });
        rules.collect()
    }

    /// The text that we print.
    pub fn printed(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.ruleset.print(&mut out, false);
        out
    }

    /// The text as iptables-save prints it after a restore that takes no counters.
    pub fn fresh(&self) -> String {
        let mut ruleset = self.ruleset.clone();
        for chain in ruleset.tables.iter_mut().flat_map(|it| &mut it.chains) {
            chain.counters = Counters::default();
        }
        let mut out = Vec::new();
        ruleset.print(&mut out, false);
        String::from_utf8_lossy(&out).into_owned()
    }
}
