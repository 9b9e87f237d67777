//! `ptables simulate`: what would happen to a packet.

use std::path::PathBuf;

use clap::Args;
use ptables::packet::Packet;
use ptables::simulate::Ask;
use ptables::source::Source;

use super::{Failure, Status};
use crate::cli::{Assumed, Report, Script, Target};
use crate::input::Input;
use crate::output::{Findings, Format};
use crate::snapshot;

/// Say what would happen to packets: verdict, the way with each rule, the packet as it leaves
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// File of rules; `-` is standard input, `live` the rules of the kernel
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Packets such as 'tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new'
    #[arg(value_name = "PACKET", required = true)]
    packets: Vec<String>,
    /// Output: for people, or JSON, one object a packet
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Also show the rules that do not match, each with the condition that failed
    #[arg(long)]
    misses: bool,
    /// The packets come in this order right after the rules were loaded: limits, counts and lists are then decided
    #[arg(long)]
    sequence: bool,
    /// Show every way where something is not decided
    #[arg(long)]
    ways: bool,
    #[command(flatten)]
    script: Script,
    #[command(flatten)]
    assumed: Assumed,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    report: Report,
}

pub(crate) fn run(options: &Options) -> Result<Status, Failure> {
    let mut findings = Findings::new(&options.report);
    let mut packets = Vec::new();
    for (at, text) in options.packets.iter().enumerate() {
        let source = Source::new(&format!("<packet {}>", at + 1), text.as_bytes())?;
        let text = source.text(0, u32::MAX);
        let packet = match options.assumed.routes {
            Some(_) => Packet::parse_routed(&text),
            None => Packet::parse(&text),
        };
        match packet {
            Ok(packet) => packets.push(packet),
            Err(error) => findings.add([*error]),
        }
    }
    let family = match packets.first().map(Packet::family) {
        Some(family) if packets.iter().any(|it| it.family() != family) => {
            return Err("the packets are of two address families: ask for each by itself".into());
        }
        family => family,
    };
    let mut target = options.target.clone();
    if target.family().is_none() {
        target.family = family;
    } else if family.is_some_and(|it| target.family() != Some(it)) {
        return Err("the packets are not of the family that was asked for".into());
    }
    let input = Input::read_or_live(&options.file, &target, &options.script)?;
    let (compiled, sets) = input.compile_with_sets(&target, false)?;
    findings.add(compiled.diagnostics);
    let sets = snapshot::sets(sets, &options.assumed, input.is_live(), &mut findings)?;
    let simulator = snapshot::simulator(&compiled.ruleset, sets.as_ref(), &options.assumed, &mut findings)?;
    let status = findings.report_to_stderr()?;
    let mut ask = Ask::default();
    (ask.sequence, ask.ways, ask.misses) = (options.sequence, options.ways, options.misses);
    for trace in simulator.ask(&packets, ask).iter().flatten() {
        match options.format {
            Format::Human => print!("{}", simulator.human(trace)),
            Format::Json => println!("{}", simulator.json(trace)),
        }
    }
    Ok(status)
}
