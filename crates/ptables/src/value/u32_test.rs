//! The tests of `-m u32`: numbers of 32 bits out of a packet, compared with ranges.

use super::number::{prefix_base0, push_hex};
use super::{Bad, Parsed};

/// One test: where the number is found, and which values it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct U32Test {
    /// Bytes from the beginning of the IP header to the number.
    pub offset: u32,
    /// What is done with it then.
    pub steps: Vec<U32Step>,
    /// First and last value of each range; one of them must hold the number.
    pub ranges: Vec<(u32, u32)>,
}

/// What is done with the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum U32Step {
    /// `&`: only these bits are kept.
    And(u32),
    /// `<<`: shifted to the left by 0 to 31 bits.
    Left(u32),
    /// `>>`: shifted to the right by 0 to 31 bits.
    Right(u32),
    /// `@`: the number is added to the place, and that many bytes further the next number is read.
    At(u32),
}

/// Most tests; most numbers before `=` and most ranges behind it, in each.
pub const MAX: usize = 10;

impl U32Test {
    /// The number at an offset lies in `low..=high`.
    pub fn new(offset: u32, low: u32, high: u32) -> U32Test {
        U32Test { offset, steps: Vec::new(), ranges: vec![(low, high)] }
    }

    /// With one more step.
    #[must_use]
    pub fn step(mut self, step: U32Step) -> U32Test {
        self.steps.push(step);
        self
    }

    /// With one more range.
    #[must_use]
    pub fn or(mut self, low: u32, high: u32) -> U32Test {
        self.ranges.push((low, high));
        self
    }

    /// Appends `0x0>>0x16&0x3c@0x0=0x1,0x3:0x4`.
    pub fn push(&self, out: &mut Vec<u8>) {
        let hex = |out: &mut Vec<u8>, number: u32| push_hex(out, u64::from(number));
        hex(out, self.offset);
        for step in &self.steps {
            let (sign, number): (&[u8], u32) = match *step {
                U32Step::And(number) => (b"&", number),
                U32Step::Left(number) => (b"<<", number),
                U32Step::Right(number) => (b">>", number),
                U32Step::At(number) => (b"@", number),
            };
            out.extend_from_slice(sign);
            hex(out, number);
        }
        for (index, (low, high)) in self.ranges.iter().enumerate() {
            out.push(if index == 0 { b'=' } else { b',' });
            hex(out, *low);
            if high != low {
                out.push(b':');
                hex(out, *high);
            }
        }
    }
}

/// Reads tests that are joined by `&&`. Numbers are in base 0; blanks may stand between them and signs.
///
/// # Errors
/// `Form` where something else stands than the tools expect there; `Range` for more than ten tests, numbers or ranges, and
/// for a shift of more than 31 bits, which the kernel refuses.
pub fn parse(text: &[u8]) -> Parsed<Vec<U32Test>> {
    let mut rest = Rest(text);
    let mut tests = Vec::new();
    loop {
        if tests.len() == MAX {
            return Err(Bad::range("ten tests at most"));
        }
        tests.push(rest.test()?);
        if rest.0.is_empty() {
            return Ok(tests);
        }
    }
}

/// Appends tests joined by `&&`.
pub fn push(out: &mut Vec<u8>, tests: &[U32Test]) {
    for (index, test) in tests.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b"&&");
        }
        test.push(out);
    }
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// One test, with the `&&` behind it.
    fn test(&mut self) -> Parsed<U32Test> {
        let mut test = U32Test { offset: self.number()?, steps: Vec::new(), ranges: Vec::new() };
        while !self.takes(b"=") {
            if test.steps.len() + 1 == MAX {
                return Err(Bad::range("ten numbers before `=` at most"));
            }
            let step = if self.takes(b"&") {
                U32Step::And(self.number()?)
            } else if self.takes(b"<<") {
                U32Step::Left(self.shift()?)
            } else if self.takes(b">>") {
                U32Step::Right(self.shift()?)
            } else if self.takes(b"@") {
                U32Step::At(self.number()?)
            } else {
                return Err(Bad::form("`=`, `&`, `<<`, `>>` or `@` after a number"));
            };
            test.steps.push(step);
        }
        loop {
            if test.ranges.len() == MAX {
                return Err(Bad::range("ten ranges after `=` at most"));
            }
            let low = self.number()?;
            let high = if self.takes(b":") { self.number()? } else { low };
            test.ranges.push((low, high));
            if self.takes(b",") {
                continue;
            }
            if self.takes(b"&&") {
                // Something must follow.
                return if self.0.is_empty() { Err(no_number()) } else { Ok(test) };
            }
            return if self.0.is_empty() { Ok(test) } else { Err(Bad::form("`,` or `&&` after a value")) };
        }
    }

    fn number(&mut self) -> Parsed<u32> {
        let (number, rest) = prefix_base0(self.0).ok_or_else(no_number)?;
        self.0 = rest;
        u32::try_from(number).map_err(|_| Bad::form("numbers of 32 bits"))
    }

    fn shift(&mut self) -> Parsed<u32> {
        match self.number()? {
            bits @ 0..=31 => Ok(bits),
            _ => Err(Bad::range("a shift of 31 bits at most")),
        }
    }

    /// Goes past blanks, and past this sign if it comes next.
    fn takes(&mut self, sign: &[u8]) -> bool {
        self.0 = self.0.trim_ascii_start();
        let rest = self.0.strip_prefix(sign);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

fn no_number() -> Bad {
    Bad::form("tests such as `6&0xff=1:5&&0=3`: a number is missing")
}
