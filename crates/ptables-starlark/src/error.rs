//! Errors of scripts, as diagnostics that point into them.

use ptables::diag::{Diagnostic, codes};
use ptables::origin::Origin;
use starlark::{Error, ErrorKind};

use crate::origin::Sources;
use crate::syntax;

/// An error that a script made.
pub(crate) fn no(message: String) -> Error {
    Error::new_value(anyhow::Error::msg(message))
}

/// The same, as a result.
pub(crate) fn fail<T>(message: String) -> starlark::Result<T> {
    Err(no(message))
}

/// The diagnostic of an error: where it arose, and the calls that led there.
pub(crate) fn diagnostic(error: &Error, sources: &Sources) -> Diagnostic {
    let message = one_line(&error.without_diagnostic().to_string());
    let span = error.span();
    let line = span.map(|span| span.file.source_line_at_pos(span.span.begin()).to_owned());
    let parser = matches!(error.kind(), ErrorKind::Parser(_));
    let missing = line.as_deref().filter(|_| parser).and_then(syntax::missing);
    let code = match error.kind() {
        _ if missing.is_some() => codes::SCRIPT_UNSUPPORTED,
        ErrorKind::StackOverflow(_) => codes::SCRIPT_LIMIT,
        _ if syntax::is_limit(&message) => codes::SCRIPT_LIMIT,
        _ => codes::SCRIPT_ERROR,
    };
    let mut diagnostic = match missing {
        Some(missing) => {
            Diagnostic::error(code, format!("Starlark has no {}", missing.what)).help(missing.instead)
        }
        None => Diagnostic::error(code, message),
    };
    diagnostic = diagnostic.at(span.map_or(Origin::Unknown, |span| sources.text(span)), "");
    for frame in error.call_stack().frames.iter().rev() {
        let Some(location) = frame.location.as_ref().filter(|it| !it.filename().ends_with(".rs")) else {
            continue;
        };
        if span != Some(location) {
            diagnostic = diagnostic.see(sources.text(location), format!("`{}` is called here", frame.name));
        }
    }
    diagnostic
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
