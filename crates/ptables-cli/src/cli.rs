//! What the command line may say.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ptables::dialect::{Backend, Family, Version};
use ptables::model::Policy;
use ptables::program::Families;

use crate::commands;

/// Linux iptables configurations: rendered, checked, restored.
#[derive(Parser)]
#[command(name = "ptables", version, about, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One subcommand, one file in `commands/`.
#[derive(Subcommand)]
pub(crate) enum Command {
    Render(commands::render::Options),
    Check(commands::check::Options),
    Plan(commands::plan::Options),
    Apply(commands::apply::Options),
    Confirm(commands::confirm::Options),
    Rollback(commands::rollback::Options),
    Status(commands::status::Options),
    History(commands::history::Options),
    Persist(commands::persist::Options),
    Load(commands::load::Options),
    Adopt(commands::adopt::Options),
    Release(commands::release::Options),
    #[command(hide = true)]
    Guard(commands::guard::Options),
    Diff(commands::diff::Options),
    Reach(commands::reach::Options),
    Fix(commands::fix::Options),
    Restore(commands::restore::Options),
    Import(commands::import::Options),
    Explain(commands::explain::Options),
    Simulate(commands::simulate::Options),
    Test(commands::test::Options),
    Why(commands::why::Options),
    Completions(commands::completions::Options),
    Man(commands::man::Options),
}

/// For which family and tools.
#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    /// IPv4 rules
    #[arg(short = '4', long = "ipv4", conflicts_with_all = ["v6", "families"])]
    pub(crate) v4: bool,
    /// IPv6 rules
    #[arg(short = '6', long = "ipv6", conflicts_with = "families")]
    pub(crate) v6: bool,
    /// Address family; told from the rules if it is not given. `both`: each rule goes where its addresses belong
    #[arg(long = "family", value_name = "4|6|both", value_parser = |text: &str| text.parse::<Families>())]
    pub(crate) families: Option<Families>,
    /// What packets tell of the family, where nothing else does.
    #[arg(skip)]
    pub(crate) family: Option<Family>,
    /// Back end; that of the installed iptables if it is not given
    #[arg(long, value_name = "legacy|nft", value_parser = |text: &str| text.parse::<Backend>())]
    pub(crate) backend: Option<Backend>,
    /// Version of iptables; the installed one if it is not given
    #[arg(long, value_name = "X.Y.Z", value_parser = |text: &str| text.parse::<Version>())]
    pub(crate) iptables_version: Option<Version>,
}

impl Target {
    /// The family that was asked for, if it is one.
    pub(crate) fn family(&self) -> Option<Family> {
        self.families().and_then(Families::only)
    }

    /// Only this family, whatever was asked for: that of the packets at hand.
    pub(crate) fn choose(&mut self, family: Family) {
        (self.v4, self.v6, self.families) = (false, false, Some(Families::one(family)));
    }

    /// The families that were asked for.
    pub(crate) fn families(&self) -> Option<Families> {
        match (self.v4, self.v6) {
            (true, _) => Some(Families::V4),
            (_, true) => Some(Families::V6),
            _ => self.families.or(self.family.map(Families::one)),
        }
    }
}

/// What is assumed of the machine where the rules do not say.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Assumed {
    /// The policy of built-in chains for which the rules tell none
    #[arg(long, value_name = "ACCEPT|DROP", value_parser = policy)]
    pub(crate) policy: Option<Policy>,
    /// What is in sets, as `ipset save` prints it; with the rules `live`, those of the kernel if it is not given
    #[arg(long, value_name = "FILE")]
    pub(crate) ipset: Option<PathBuf>,
    /// Where packets go: what `ip rule`, `ip route show table all` and `ip addr` print, or `live` for the routes of this machine. Then
    /// `in IFACE` alone leaves the way to them
    #[arg(long, value_name = "FILE")]
    pub(crate) routes: Option<PathBuf>,
}

/// What is in sets.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Contents {
    /// What is in sets, as `ipset save` prints it; of a set without entries, nothing is known
    #[arg(long, value_name = "FILE")]
    pub(crate) ipset: Option<PathBuf>,
}

/// Reads `ACCEPT` or `DROP`.
pub(crate) fn policy(text: &str) -> Result<Policy, &'static str> {
    Policy::find(text.as_bytes()).ok_or("`ACCEPT` or `DROP`")
}

/// How findings are shown.
#[derive(Args, Clone, Debug)]
pub(crate) struct Report {
    /// Colours
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
    /// Treat as errors: `warnings`
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) deny: Option<Deny>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to treat as errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deny {
    /// Warnings
    Warnings,
}

/// A file of rules; `-` is standard input.
#[derive(Args, Clone, Debug)]
pub(crate) struct File {
    /// Rules, as iptables-save or ptables writes them, or a script in Starlark (`.star`); `-` is standard input, and rules
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// What a script is told.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Script {
    /// A value that a script asks for with `setting("NAME")`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub(crate) settings: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}
