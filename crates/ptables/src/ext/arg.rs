//! What an extension sees of a rule while it takes an option.

use super::fault::code_of;
use super::{Context, Fault, Part};
use crate::diag::codes;
use crate::source::Text;
use crate::value::is::Is;
use crate::value::port::{self, Ports};
use crate::value::proto::Proto;
use crate::value::{Bad, Names, Parsed, number};

/// One option with its value, and what the reader knows of the rule so far.
pub struct Arg<'a> {
    /// Family and dialect.
    pub context: Context,
    /// Whether `!` stands before the option.
    pub inverted: bool,
    /// Protocol of the rule so far (0: none) and whether it is inverted. `-p` after this option is not seen here.
    pub proto: (Proto, bool),
    /// Names of the machine.
    pub names: &'a dyn Names,
    pub(crate) option: &'static str,
    pub(crate) has_value: bool,
    pub(crate) values: [&'a [u8]; 2],
    pub(crate) texts: &'a dyn Fn(usize) -> Text,
    pub(crate) warnings: &'a mut Vec<Fault>,
}

impl<'a> Arg<'a> {
    /// The value; empty for a flag.
    pub fn value(&self) -> &'a [u8] {
        self.values[0]
    }

    /// Whether there is a value, perhaps an empty one.
    pub fn has_value(&self) -> bool {
        self.has_value
    }

    /// The second value; empty where there is none.
    pub fn second(&self) -> &'a [u8] {
        self.values[1]
    }

    /// The value as text that keeps its place.
    pub fn text(&self) -> Text {
        (self.texts)(0)
    }

    /// The second value as text that keeps its place.
    pub fn second_text(&self) -> Text {
        (self.texts)(1)
    }

    /// Reads the value.
    ///
    /// # Errors
    /// A fault about the value if the reader refuses it.
    pub fn parse<T>(&self, read: impl FnOnce(&'a [u8]) -> Parsed<T>) -> Result<T, Fault> {
        self.part(0, read)
    }

    /// Reads the second value.
    ///
    /// # Errors
    /// A fault about it if the reader refuses it.
    pub fn parse_second<T>(&self, read: impl FnOnce(&'a [u8]) -> Parsed<T>) -> Result<T, Fault> {
        self.part(1, read)
    }

    fn part<T>(&self, index: usize, read: impl FnOnce(&'a [u8]) -> Parsed<T>) -> Result<T, Fault> {
        let value = self.values.get(index).copied().unwrap_or_default();
        read(value).map_err(|bad| {
            let message = format!(
                "bad value `{}` for `--{}`: expected {}",
                String::from_utf8_lossy(value),
                self.option,
                bad.expected
            );
            Fault::new(code_of(&bad), message).about(if index == 0 { Part::Value } else { Part::Second })
        })
    }

    /// Reads the value into a condition that is inverted as the option is.
    ///
    /// # Errors
    /// A fault about the value if the reader refuses it.
    pub fn is<T>(&self, read: impl FnOnce(&'a [u8]) -> Parsed<T>) -> Result<Is<T>, Fault> {
        Ok(Is::new(self.parse(read)?, self.inverted))
    }

    /// Reads a number in base 0 within `low..=high`.
    ///
    /// # Errors
    /// A fault about the value.
    pub fn u32(&self, low: u32, high: u32) -> Result<u32, Fault> {
        self.parse(|text| number::u32_in(text, low, high))
    }

    /// Reads a number in base 0 within `low..=high`.
    ///
    /// # Errors
    /// A fault about the value.
    pub fn u16(&self, low: u16, high: u16) -> Result<u16, Fault> {
        self.parse(|text| number::u16_in(text, low, high))
    }

    /// Reads a number in base 0 within `low..=high`.
    ///
    /// # Errors
    /// A fault about the value.
    pub fn u8(&self, low: u8, high: u8) -> Result<u8, Fault> {
        self.parse(|text| number::u8_in(text, low, high))
    }

    /// Reads `a`, `a:b`, `:b` or `a:` of base-0 numbers up to `high`; no text at all is 0. 1.8.9 takes a range whose first
    /// number is greater than its last (it never matches); 1.8.11 refuses it.
    ///
    /// # Errors
    /// A fault about the value.
    pub fn range(&mut self, high: u32) -> Result<(u32, u32), Fault> {
        let reversed = || Bad::range("a range whose first number is not greater than its last");
        let new = self.context.dialect.since_1_8_11();
        let (low, high) = self.parse(|text| match number::range(text, u64::from(high)) {
            Err(_) if text.is_empty() => Ok((0, 0)),
            Ok((low, high)) if low > high && new => Err(reversed()),
            other => other,
        })?;
        if low > high {
            self.changed(format!("the range of `--{}` begins after its end: it never matches", self.option));
        }
        // INVARIANT: both are at most `high`, which fits.
        Ok((u32::try_from(low).unwrap_or(u32::MAX), u32::try_from(high).unwrap_or(u32::MAX)))
    }

    /// Reads a range of 16-bit numbers as [`Arg::range`] does.
    ///
    /// # Errors
    /// A fault about the value.
    pub fn range_u16(&mut self) -> Result<(u16, u16), Fault> {
        let (low, high) = self.range(u32::from(u16::MAX))?;
        Ok((u16::try_from(low).unwrap_or(u16::MAX), u16::try_from(high).unwrap_or(u16::MAX)))
    }

    /// Reads a port or a range of ports as `getaddrinfo` does: decimal, or names; above 65535 a number wraps, with a warning.
    /// A reversed range is as in [`Arg::range`].
    ///
    /// # Errors
    /// A fault about the value.
    pub fn resolved_ports(&mut self, proto: Option<&str>) -> Result<Ports, Fault> {
        let new = self.context.dialect.since_1_8_11();
        let (ports, wrapped) = self.parse(|text| match port::resolved_range(text, proto, self.names) {
            Ok((ports, _)) if ports.low > ports.high && new => Err(port::reversed()),
            other => other,
        })?;
        if wrapped {
            let (low, high) = (ports.low, ports.high);
            self.changed(format!(
                "iptables wraps ports above 65535: `--{}` becomes {low}:{high}",
                self.option
            ));
        } else if ports.low > ports.high {
            self.changed(format!("the ports of `--{}` begin after their end: it never matches", self.option));
        }
        Ok(ports)
    }

    /// The value, cut to `max` bytes as iptables cuts it, with a warning if that loses something.
    pub fn cut(&mut self, max: usize) -> Text {
        let text = self.text();
        if text.len() <= max {
            return text;
        }
        let fault = Fault::new(
            codes::CHECK_CUT,
            format!("iptables cuts the value of `--{}` to {max} bytes; this has {}", self.option, text.len()),
        );
        self.warnings.push(fault.about(Part::Value).help("shorten it"));
        text.slice(0, max)
    }

    /// The value as the name of a file that the kernel makes under /proc: cut to `max` bytes, not empty, no `/`, not `.` or
    /// `..`. iptables-save never quotes it, so one that holds a blank or a quote cannot be read back: a warning.
    ///
    /// # Errors
    /// A fault if no file can have the name.
    pub fn proc_name(&mut self, max: usize) -> Result<Text, Fault> {
        let name = self.cut(max);
        if matches!(name.as_bytes(), b"" | b"." | b"..") || name.contains(&b'/') {
            return Err(self.bad("a name that a file can have: not empty, without `/`"));
        }
        self.warn_unquoted(&name);
        Ok(name)
    }

    /// Warns of a name that iptables-save prints without quotes and that cannot be read back so.
    pub fn warn_unquoted(&mut self, name: &[u8]) {
        if name.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'"')) {
            let message = format!(
                "iptables-save prints the value of `--{}` unquoted: it cannot be read back",
                self.option
            );
            self.warn(Fault::new(codes::CHECK_UNRELOADABLE, message).about(Part::Value));
        }
    }

    /// Warns that iptables takes the option but makes something else of it.
    pub fn changed(&mut self, message: impl Into<String>) {
        self.warnings.push(Fault::new(codes::CHECK_CHANGED, message).about(Part::Value));
    }

    /// Warns about the value.
    pub fn warn(&mut self, fault: Fault) {
        self.warnings.push(fault);
    }

    /// A fault about the value: of no known form.
    pub fn bad(&self, expected: &str) -> Fault {
        let message = format!(
            "bad value `{}` for `--{}`: expected {expected}",
            String::from_utf8_lossy(self.value()),
            self.option
        );
        Fault::new(codes::PARSE_BAD_VALUE, message).about(Part::Value)
    }

    /// The name of the protocol so far, for service names.
    pub fn proto_name(&self) -> Option<&'static str> {
        crate::value::proto::printed_name(self.proto.0, self.context.dialect)
    }
}

/// What an extension sees at the end of its rule.
pub struct End<'a> {
    /// Family and dialect.
    pub context: Context,
    /// Protocol of the rule (0: none) and whether it is inverted.
    pub proto: (Proto, bool),
    pub(crate) seen: &'a dyn Fn(&str) -> bool,
    pub(crate) warnings: &'a mut Vec<Fault>,
}

impl End<'_> {
    /// Whether an option, by its first name, was given.
    pub fn has(&self, option: &str) -> bool {
        (self.seen)(option)
    }

    /// Warns that iptables takes the rule but makes something else of it.
    pub fn changed(&mut self, message: impl Into<String>) {
        self.warnings.push(Fault::new(codes::CHECK_CHANGED, message));
    }

    /// Warns about the extension.
    pub fn warn(&mut self, fault: Fault) {
        self.warnings.push(fault);
    }
}
