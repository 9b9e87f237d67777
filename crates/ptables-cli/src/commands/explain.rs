//! `ptables explain`: the page of a diagnostic, a match or a target.

use clap::Args;
use ptables::diag::{Code, codes, suggest};
use ptables::ext::{CATALOGUE, Entry, Families, Kind, Opt, Takes};

use super::{Failure, Status};

/// Explain a diagnostic code, a match or a target
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A code such as `parse/unknown-option`, or the name of a match (`limit`) or target (`LOG`)
    #[arg(value_name = "NAME|CODE")]
    name: String,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let name = options.name.as_str();
    if let Some(code) = Code::find(name) {
        println!("{}", code.page().text.trim_end());
        return Ok(Status::Fine);
    }
    let entries: Vec<&Entry> = CATALOGUE.iter().filter(|entry| is_called(entry, name)).collect();
    // `mark` and `MARK` are two things; without an exact name the case does not matter.
    let exact: Vec<&Entry> = entries.iter().copied().filter(|entry| entry.spec.name == name).collect();
    let entries = if exact.is_empty() { entries } else { exact };
    if entries.is_empty() {
        let known =
            codes::ALL.iter().map(|code| code.as_str()).chain(CATALOGUE.iter().map(|entry| entry.spec.name));
        let close = suggest::closest(name, known)
            .map(|close| format!("; did you mean `{close}`?"))
            .unwrap_or_default();
        return Err(format!("there is no code, match or target `{name}`{close}").into());
    }
    for entry in entries {
        print!("{}", page(entry));
    }
    Ok(Status::Fine)
}

fn is_called(entry: &Entry, name: &str) -> bool {
    entry.spec.name.eq_ignore_ascii_case(name)
        || entry.spec.aliases.iter().any(|it| it.eq_ignore_ascii_case(name))
}

fn page(entry: &Entry) -> String {
    let spec = entry.spec;
    let (kind, flag) = if spec.kind == Kind::Match { ("match", "-m") } else { ("target", "-j") };
    let families = match spec.families {
        Families::Both => "IPv4 and IPv6",
        Families::V4 => "IPv4 only",
        Families::V6 => "IPv6 only",
    };
    let mut page = format!("# {kind} {} ({flag} {}; {families})\n\n{}\n", spec.name, spec.name, entry.docs);
    if !spec.options.is_empty() {
        page.push_str("\n## Options\n");
    }
    for option in spec.options {
        page.push_str(&format!("\n{}\n    {}{}\n", synopsis(option), option.doc, remarks(option)));
    }
    page
}

fn synopsis(option: &Opt) -> String {
    let names: Vec<String> = option.names().map(|name| format!("--{name}")).collect();
    let not = if option.negatable { "[!] " } else { "" };
    match option.takes {
        Takes::Nothing => format!("{not}{}", names.join(", ")),
        Takes::Maybe => format!("{not}{} [{}]", names.join(", "), option.metavar),
        Takes::Value | Takes::TwoValues => format!("{not}{} {}", names.join(", "), option.metavar),
    }
}

fn remarks(option: &Opt) -> String {
    let mut remarks = String::new();
    if option.required {
        remarks.push_str(" Required.");
    }
    if let Some(default) = option.default {
        remarks.push_str(&format!(" Default: {default}."));
    }
    remarks
}
