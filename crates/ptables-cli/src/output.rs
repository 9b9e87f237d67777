//! Shows findings, and turns them into an exit status.

use std::io::Write;

use clap::ValueEnum;
use ptables::diag::render::Renderer;
use ptables::diag::{Counts, Diagnostic, Severity, json, sarif};

use crate::cli::{Deny, Report};
use crate::commands::{Failure, Status};
use crate::terminal;

/// How a product is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// One JSON object a line
    Json,
}

/// Writes the product of a command. Who reads no further is no error.
pub(crate) fn product(bytes: &[u8]) -> Result<Status, Failure> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Status::Fine),
    }
}

/// Findings of one run.
pub(crate) struct Findings<'a> {
    options: &'a Report,
    found: Vec<Diagnostic>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(options: &'a Report) -> Findings<'a> {
        Findings { options, found: Vec::new() }
    }

    pub(crate) fn add(&mut self, more: impl IntoIterator<Item = Diagnostic>) {
        self.found.extend(more);
    }

    /// The exit status that they ask for.
    pub(crate) fn status(&self) -> Status {
        let deny = self.options.deny == Some(Deny::Warnings);
        let fails =
            |it: &Diagnostic| it.severity == Severity::Error || (deny && it.severity == Severity::Warning);
        if self.found.iter().any(fails) { Status::Errors } else { Status::Fine }
    }

    /// Writes them where the product of the command does not go.
    pub(crate) fn report_to_stderr(&self) -> Result<Status, Failure> {
        let stderr = std::io::stderr();
        let color = terminal::use_color(self.options.color, &stderr);
        self.human(&mut stderr.lock(), color)?;
        Ok(self.status())
    }

    /// Writes them as the product of the command.
    pub(crate) fn report_to_stdout(&self, format: Format) -> Result<Status, Failure> {
        let stdout = std::io::stdout();
        let color = terminal::use_color(self.options.color, &stdout);
        let mut out = std::io::BufWriter::new(stdout.lock());
        let written = match format {
            Format::Human => self.human(&mut out, color),
            Format::Json => self
                .found
                .iter()
                .try_for_each(|it| writeln!(out, "{}", json::line(it)))
                .and_then(|()| out.flush()),
        };
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(self.status()),
        }
    }

    /// Writes them as the product of the command, as a log of SARIF.
    pub(crate) fn sarif_to_stdout(&self) -> Result<Status, Failure> {
        product((sarif::log(&self.found) + "\n").as_bytes())?;
        Ok(self.status())
    }

    fn human(&self, out: &mut dyn Write, color: bool) -> std::io::Result<()> {
        let renderer = Renderer::new(color, terminal::width());
        for it in &self.found {
            out.write_all(renderer.render(it).as_bytes())?;
            out.write_all(b"\n")?;
        }
        if !self.found.is_empty() {
            writeln!(out, "{}", self.found.iter().collect::<Counts>())?;
        }
        out.flush()
    }
}
