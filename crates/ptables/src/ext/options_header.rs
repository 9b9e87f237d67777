//! The options header matches of IPv6, `dst` and `hbh`: they differ by the header that they look at.

use super::{Arg, Fault, Printer};
use crate::meaning::{Header, Pred};
use crate::value::header_options::{self, HeaderOption};
use crate::value::is::Is;
use crate::value::number::push;

/// Reads the value of the length option.
pub(crate) fn length(arg: &mut Arg<'_>) -> Result<Option<Is<u32>>, Fault> {
    Ok(Some(Is::new(arg.u32(0, u32::MAX)?, arg.inverted)))
}

/// Reads the value of the options option.
pub(crate) fn options(arg: &mut Arg<'_>) -> Result<Vec<HeaderOption>, Fault> {
    let (options, changed) = arg.parse(header_options::parse)?;
    if changed {
        arg.changed(
            "iptables keeps the low eight bits of types and lengths, and takes a length of 255 as any",
        );
    }
    Ok(options)
}

/// Prints both options by these names.
pub(crate) fn print(
    to: &mut Printer<'_>,
    names: [&'static str; 2],
    length: Option<Is<u32>>,
    options: &[HeaderOption],
) {
    let [length_name, options_name] = names;
    to.is(length_name, length, |length, out| push(out, u64::from(length)));
    if !options.is_empty() {
        to.flag(options_name).with(|out| header_options::push_list(out, options));
    }
}

/// The condition on the options header of this protocol number.
pub(crate) fn meaning(header: u8, length: Option<Is<u32>>, options: &[HeaderOption]) -> Pred {
    let rest = Pred::Options { header, length, options: options.to_vec() };
    Pred::all([Pred::Header(Header::Extension(header, 2)), rest])
}
