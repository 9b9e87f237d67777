//! Shows plans, and what they mean.

use clap::Args;
use ptables::analysis::{Given, Limits};
use ptables::dialect::Dialect;
use ptables::plan::{Meaning, Plan, SetChange};
use ptables_kernel::SystemNames;

use crate::cli::Report;
use crate::commands::Failure;
use crate::commands::check::{AUTO, When};
use crate::output::{self, Format};
use crate::terminal;

/// The most differences that are told of a path and kind: `ptables diff` tells more.
const TOLD: usize = 4;

/// Whether it is told what changes for packets.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Meant {
    /// Say which packets are newly allowed or dropped: `auto` does so up to 20,000 rules
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) analysis: When,
    /// Nodes that the sets of packets may take, at some 20 bytes
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().nodes)]
    pub(crate) nodes: usize,
}

impl Meant {
    /// What plans mean for packets, as text or as JSON by family; one for each plan that has something to do.
    fn of(&self, plan: &Plan, dialect: Dialect) -> Result<Option<Meaning>, String> {
        if plan.is_empty() || self.analysis == When::No {
            return Ok(None);
        }
        let (old, new) = (plan.before.count(), plan.after.count());
        let count = (old.0 + old.1).max(new.0 + new.1);
        if self.analysis == When::Auto && count > AUTO {
            return Err(format!(
                "{count} rules are too many to look at all packets; `--analysis yes` does it all the same"
            ));
        }
        let mut given = Given::default();
        (given.limits, given.most) = (Limits::new(self.nodes), TOLD);
        Ok(plan.meaning(dialect, &SystemNames::new(), given))
    }
}

/// Prints plans and what changes in sets, then what the plans mean for packets.
pub(crate) fn show(
    plans: &[Plan],
    sets: &SetChange,
    format: Format,
    report: &Report,
    meant: Option<(&Meant, Dialect)>,
) -> Result<(), Failure> {
    let color = terminal::use_color(report.color, &std::io::stdout());
    for plan in plans {
        let meaning = meant.map_or(Ok(None), |(meant, dialect)| meant.of(plan, dialect));
        match format {
            Format::Human => {
                let meaning = match meaning {
                    Ok(meaning) => meaning.map(|it| it.human()).unwrap_or_default(),
                    Err(why) => format!("  for packets: {why}\n"),
                };
                output::product((plan.human(color) + &meaning).as_bytes())?;
            }
            Format::Json => {
                let meaning = meaning.ok().flatten();
                output::product(format!("{}\n", plan.json(meaning.as_ref())).as_bytes())?;
            }
        }
    }
    match format {
        _ if sets.is_empty() => return Ok(()),
        Format::Human => output::product(sets.human(color).as_bytes())?,
        Format::Json => output::product(format!("{}\n", sets.json()).as_bytes())?,
    };
    Ok(())
}
