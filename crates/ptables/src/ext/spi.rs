//! Ranges of security parameter indexes, as `ah` and `esp` share them.

use super::{Arg, Fault, Printer};
use crate::meaning::{Field, Pred};
use crate::value::number::push_range;
use crate::value::spi::Spis;

/// Reads the value of an option.
pub(crate) fn option(arg: &mut Arg<'_>) -> Result<Spis, Fault> {
    let (low, high) = arg.range(u32::MAX)?;
    let mut spis = Spis { low, high, inverted: arg.inverted };
    if spis.inverted && spis.is_all() && !arg.context.dialect.since_1_8_11() {
        arg.changed("iptables 1.8.9 loses `!` before the range of all, which would never match");
        spis.inverted = false;
    }
    Ok(spis)
}

/// Prints them, unless it is the range of all.
pub(crate) fn print(to: &mut Printer<'_>, name: &str, spis: Spis) {
    if !spis.is_all() || spis.inverted {
        let (low, high) = (u64::from(spis.low), u64::from(spis.high));
        to.not(spis.inverted).flag(name).with(|out| push_range(out, low, high));
    }
}

/// The condition. An inverted one still needs the header to be there.
pub(crate) fn meaning(spis: Spis) -> Pred {
    let within = Pred::Range(Field::Spi, u128::from(spis.low), u128::from(spis.high));
    let there = Pred::Range(Field::Spi, 0, u128::from(u32::MAX));
    if spis.inverted { Pred::all([there, within.inverted(true)]) } else { within }
}
