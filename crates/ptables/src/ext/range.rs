//! Options whose value is a range of 32-bit numbers, as extensions of IPsec and of IPv6 headers share them.

use super::{Arg, Fault, Printer};
use crate::meaning::{Field, Pred};
use crate::value::number::push_range;
use crate::value::range::Range32;

/// Reads the value of an option.
pub(crate) fn option(arg: &mut Arg<'_>) -> Result<Range32, Fault> {
    let (low, high) = arg.range(u32::MAX)?;
    let range = Range32 { low, high, inverted: arg.inverted };
    if range.inverted && range.is_all() && !arg.context.dialect.since_1_8_11() {
        arg.changed("never matches, and iptables 1.8.9 saves it as if it were not there");
    }
    Ok(range)
}

/// Prints them, unless it is the range of all.
pub(crate) fn print(to: &mut Printer<'_>, name: &str, range: Range32) {
    // 1.8.9 hides the range of all, even an inverted one.
    if !range.is_all() || range.inverted && to.context.dialect.since_1_8_11() {
        let (low, high) = (u64::from(range.low), u64::from(range.high));
        to.not(range.inverted).flag(name).with(|out| push_range(out, low, high));
    }
}

/// The condition on a security parameter index. An inverted one still needs the header to be there.
pub(crate) fn spi(range: Range32) -> Pred {
    Pred::within(Field::Spi, u128::from(range.low), u128::from(range.high), range.inverted)
}
