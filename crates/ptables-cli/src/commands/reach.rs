//! `ptables reach`: who can reach what.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ptables::analysis::{Given, Limits, Links, Service, matrix};
use ptables::model::Policy;
use ptables::packet::Path;
use ptables::value::addr::strict;
use ptables::value::iface::Iface;

use super::{Failure, Status, too_large};
use crate::cli::{self, Contents, Report, Script, Target};
use crate::input::Input;
use crate::output::{self, Findings};
use crate::snapshot;
use crate::terminal::Ticker;

/// Say who can reach whom: classes of addresses for a service, and which class reaches which
///
/// A class is a set of addresses that the rules treat alike, as source and as destination. Asked for are first packets of
/// connections. What depends on more than the packet counts as passing.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// File of rules or script; `-` is standard input, `live` the rules of the kernel
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Destination port
    #[arg(long, value_name = "PORT")]
    port: u16,
    /// Protocol
    #[arg(long, value_enum, value_name = "PROTOCOL", default_value = "tcp")]
    proto: Proto,
    /// Source port; any if it is not given
    #[arg(long, value_name = "PORT")]
    source_port: Option<u16>,
    /// Only who reaches this address
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// Packets that are forwarded, that come to this machine, or that it sends
    #[arg(long, value_enum, value_name = "PATH", default_value = "forward")]
    path: Way,
    /// Which addresses lie behind which interface: lines `eth0 = [192.0.2.0/24, 198.51.100.1-198.51.100.9]`
    #[arg(long, value_name = "FILE")]
    interfaces: Option<PathBuf>,
    /// Ask no more than the filter table, addresses, protocols, ports, states, flags and incoming interfaces: more seems to pass
    #[arg(long)]
    loose: bool,
    /// Interfaces of which a rule that names one may match or not
    #[arg(long, value_name = "NAME")]
    unknown_interface: Vec<String>,
    /// Output
    #[arg(long, value_enum, default_value = "human")]
    format: Shape,
    /// The policy of built-in chains for which the rules tell none
    #[arg(long, value_name = "ACCEPT|DROP", value_parser = cli::policy)]
    policy: Option<Policy>,
    /// Nodes that the sets of packets may take, at some 20 bytes
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().nodes)]
    nodes: usize,
    #[command(flatten)]
    contents: Contents,
    #[command(flatten)]
    script: Script,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Proto {
    Tcp,
    Udp,
    Sctp,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    Input,
    Forward,
    Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// For people
    Human,
    /// One JSON object
    Json,
    /// One line a pair of classes: from, to
    Csv,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let input = Input::read_or_live(&options.file, &options.target, &options.script)?;
    let mut findings = Findings::new(&options.report);
    let mut compiled = input.compile_families(&options.target, false)?;
    snapshot::know(&mut compiled, &options.contents, input.is_live(), &mut findings)?;
    let (compiled, _) = input.single(compiled)?;
    findings.add(compiled.diagnostics);
    findings.report_to_stderr()?;
    let family = compiled.ruleset.context.family;
    let mut links = match &options.interfaces {
        Some(path) => {
            let text = Input::read(path, &Script::default())?;
            Links::parse(&String::from_utf8_lossy(text.source.bytes()), family)?
        }
        None => Links::default(),
    };
    for name in &options.unknown_interface {
        let iface = Iface::parse(name.as_bytes());
        links.unknown.push(iface.map_err(|it| format!("`{name}`: expected {}", it.expected))?);
    }
    let proto = match options.proto {
        Proto::Tcp => 6,
        Proto::Udp => 17,
        Proto::Sctp => 132,
    };
    let mut service = Service::new(proto, options.port);
    service.source_port = options.source_port;
    service.path = match options.path {
        Way::Input => Path::Input,
        Way::Forward => Path::Forward,
        Way::Output => Path::Output,
    };
    let mut given = Given::default();
    (given.limits, given.policy) = (Limits::new(options.nodes), options.policy);
    let ticker = Ticker::new("looking at all packets");
    let mut found = matrix(&compiled.ruleset, service, &links, given, options.loose).map_err(too_large)?;
    drop(ticker);
    if found.classes.is_empty() {
        return Err("addresses with masks that have holes make no classes".into());
    }
    if let Some(to) = &options.to {
        let address =
            strict(family, to.as_bytes()).ok_or_else(|| format!("`{to}` is no {family} address"))?;
        found.keep_to(address);
    }
    let text = match options.format {
        Shape::Human => found.human(),
        Shape::Json => found.json() + "\n",
        Shape::Csv => found.csv(),
    };
    output::product(text.as_bytes())
}
