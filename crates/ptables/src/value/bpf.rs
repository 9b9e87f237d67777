//! Programs of the classic packet filter language (cBPF), as text of numbers.

use super::number::push;
use super::{Bad, Parsed};

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// How many instructions a jump goes past if its condition holds.
    pub jt: u8,
    /// How many if it does not.
    pub jf: u8,
    /// Its operand.
    pub k: u32,
}

/// Most instructions that a rule holds.
pub const MAX: usize = 64;

/// Reads `n,code jt jf k,…`, all decimal, as `nfbpf_compile` writes it. Also says whether the tools lose something of it: high
/// bits of a number, or text after the four numbers of an instruction.
///
/// # Errors
/// `Form` if it is not of the form, if `n` is wrong, or if the kernel refuses the program ([`fault`]); `Range` above 64
/// instructions.
pub fn parse(text: &[u8]) -> Parsed<(Vec<Instruction>, bool)> {
    let form = || Bad::form("a program such as `2,48 0 0 9,6 0 0 1`: all numbers are decimal");
    let mut changed = false;
    let (count, rest) = number(text, 16, &mut changed).ok_or_else(form)?;
    let mut rest = rest.strip_prefix(b",").ok_or_else(form)?;
    let count = match usize::try_from(count) {
        Ok(count @ 1..=MAX) => count,
        _ => return Err(Bad::range("1 to 64 instructions")),
    };
    let mut program = Vec::with_capacity(count);
    while !rest.is_empty() {
        if program.len() == count {
            return Err(Bad::form(format!("{count} instructions, as its first number says: there are more")));
        }
        let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
        let (part, next) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        program.push(instruction(part, &mut changed).ok_or_else(form)?);
        rest = next.get(1..).unwrap_or_default();
    }
    if program.len() != count {
        return Err(Bad::form(format!("{count} instructions, as its first number says: there are fewer")));
    }
    match fault(&program) {
        Some((at, why)) => Err(Bad::form(format!("a program that the kernel takes: instruction {at} {why}"))),
        None => Ok((program, changed)),
    }
}

/// Appends `n,code jt jf k,…`.
pub fn push_program(out: &mut Vec<u8>, program: &[Instruction]) {
    push(out, program.len() as u64);
    for it in program {
        let numbers = [u64::from(it.code), u64::from(it.jt), u64::from(it.jf), u64::from(it.k)];
        for (index, number) in numbers.into_iter().enumerate() {
            out.push(if index == 0 { b',' } else { b' ' });
            push(out, number);
        }
    }
}

fn instruction(text: &[u8], changed: &mut bool) -> Option<Instruction> {
    let (code, rest) = number(text, 16, changed)?;
    let (jt, rest) = number(rest, 8, changed)?;
    let (jf, rest) = number(rest, 8, changed)?;
    let (k, rest) = number(rest, 32, changed)?;
    *changed |= !rest.trim_ascii().is_empty();
    Some(Instruction { code: code as u16, jt: jt as u8, jf: jf as u8, k: k as u32 })
}

/// A number as `sscanf` reads it into so many bits: blanks, a sign, decimal digits; high bits are lost.
fn number<'a>(text: &'a [u8], bits: u32, changed: &mut bool) -> Option<(u64, &'a [u8])> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    if digits.is_empty() {
        return None;
    }
    let value =
        digits.iter().try_fold(0u64, |sum, byte| sum.checked_mul(10)?.checked_add(u64::from(byte - b'0')));
    let whole = match value {
        Some(value) if negative => value.wrapping_neg(),
        Some(value) => value,
        None => u64::MAX,
    };
    let low = whole & (u64::MAX >> (64 - bits));
    *changed |= low != whole;
    Some((low, rest))
}

const LDX_MEM: u16 = 0x61;
const LD_MEM: u16 = 0x60;
const ST: u16 = 0x02;
const STX: u16 = 0x03;
const JA: u16 = 0x05;
const RETURNS: [u16; 2] = [0x06, 0x16];

/// Instructions that the kernel knows.
const KNOWN: [u16; 49] = [
    0x00, 0x01, ST, STX, 0x04, JA, 0x06, 0x07, 0x0c, 0x14, 0x15, 0x16, 0x1c, 0x1d, 0x20, 0x24, 0x25, 0x28,
    0x2c, 0x2d, 0x30, 0x34, 0x35, 0x3c, 0x3d, 0x40, 0x44, 0x45, 0x48, 0x4c, 0x4d, 0x50, 0x54, 0x5c, LD_MEM,
    LDX_MEM, 0x64, 0x6c, 0x74, 0x7c, 0x80, 0x81, 0x84, 0x87, 0x94, 0x9c, 0xa4, 0xac, 0xb1,
];

/// Why the kernel refuses a program: the first wrong instruction, from 0, and what is wrong with it.
pub fn fault(program: &[Instruction]) -> Option<(usize, &'static str)> {
    // Which places of the scratch memory are surely written when an instruction is reached.
    let mut written = [u16::MAX; MAX + 1];
    let mut now = 0u16;
    for (at, it) in program.iter().enumerate() {
        let left = program.len() - at - 1;
        let past = |by: u32| usize::try_from(by).map_or(true, |by| by >= left);
        if !KNOWN.contains(&it.code) {
            return Some((at, "is none that it knows"));
        }
        now &= written.get(at).copied().unwrap_or(u16::MAX);
        let why = match it.code {
            0x34 | 0x94 if it.k == 0 => "divides by 0",
            0x64 | 0x74 if it.k >= 32 => "shifts by more than 31 bits",
            LD_MEM | LDX_MEM | ST | STX if it.k >= 16 => "is about memory above place 15",
            LD_MEM | LDX_MEM if now & (1 << it.k) == 0 => "reads memory that is not written",
            JA if past(it.k) => "jumps past the end",
            code if code & 7 == 5 && code != JA && (past(it.jt.into()) || past(it.jf.into())) => {
                "jumps past the end"
            }
            0x20 | 0x28 | 0x30 if !may_load(it.k) => "loads from a place that there is not",
            _ => "",
        };
        if !why.is_empty() {
            return Some((at, why));
        }
        let mut reach = |by: u32, now: u16| {
            let place = usize::try_from(by).ok().and_then(|by| written.get_mut(at + 1 + by));
            if let Some(place) = place {
                *place &= now;
            }
        };
        match it.code {
            ST | STX => now |= 1 << it.k,
            JA => {
                reach(it.k, now);
                now = u16::MAX;
            }
            code if code & 7 == 5 => {
                reach(it.jt.into(), now);
                reach(it.jf.into(), now);
                now = u16::MAX;
            }
            _ => {}
        }
    }
    match program.last() {
        Some(last) if RETURNS.contains(&last.code) => None,
        _ => Some((program.len().saturating_sub(1), "is the last and does not return")),
    }
}

/// Whether a load may be from here: the packet, or one of the facts about it that have places of their own.
fn may_load(place: u32) -> bool {
    const FACTS: u32 = 0xffff_f000;
    place < FACTS || (place - FACTS < 64 && place.is_multiple_of(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_refuses_is_refused() {
        for text in [
            "1,99 0 0 1",
            "1,48 0 0 0",
            "1,14 0 0 0",
            "2,21 5 0 0,6 0 0 0",
            "2,5 0 0 1,6 0 0 0",
            "2,52 0 0 0,6 0 0 0",
            "2,100 0 0 32,6 0 0 0",
            "2,40 0 0 4294967280,6 0 0 0",
            "2,96 0 0 1,6 0 0 0",
            "2,96 0 0 16,6 0 0 0",
            "4,21 0 1 0,2 0 0 3,96 0 0 3,6 0 0 0",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        for text in [
            "1,22 0 0 0",
            "2,84 0 0 1,6 0 0 0",
            "2,40 0 0 4294963200,6 0 0 0",
            "3,2 0 0 1,96 0 0 1,6 0 0 0",
            "2,5 0 0 0,6 0 0 0",
            "2,177 0 0 0,6 0 0 0",
            "5,2 0 0 3,21 0 1 0,2 0 0 4,96 0 0 3,22 0 0 0",
        ] {
            let (program, changed) = parse(text.as_bytes()).unwrap();
            let mut out = Vec::new();
            push_program(&mut out, &program);
            assert_eq!((String::from_utf8(out).unwrap(), changed), (text.to_owned(), false));
        }
    }
}
