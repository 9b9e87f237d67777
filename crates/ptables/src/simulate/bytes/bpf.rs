//! Programs of the classic packet filter.

use crate::packet::bytes::{u8_at, u16_at, u32_at};
use crate::value::bpf::Instruction;

/// What a program may ask besides the packet's bytes: numbers of `SKF_AD_*`.
pub(crate) trait Ancillary {
    /// The value, or `None` if it is not known.
    fn get(&self, number: u32) -> Option<u32>;
}

/// The first of the offsets that mean something else than bytes from the IP header on.
const ANCILLARY: u32 = 0xffff_f000;
const NETWORK: u32 = 0xfff0_0000;
const LINK: u32 = 0xffe0_0000;

/// Size of a load of one byte, in a program's code.
const BYTE: u16 = 0x10;

/// Bytes of a load that lies outside of the packet end the program with 0; what is not known, without an answer.
enum Stop {
    Outside,
    Unknown,
}

/// What a program returns for a packet; `None` if it asks something that is not known.
pub(crate) fn run(program: &[Instruction], bytes: &[u8], ancillary: &dyn Ancillary) -> Option<u32> {
    let (mut a, mut x) = (0u32, 0u32);
    let mut memory = [0u32; 16];
    let mut at = 0usize;
    // Jumps lead forward only: it ends.
    loop {
        let it = program.get(at)?;
        at += 1;
        let k = it.k;
        let load = |offset: u32, code: u16, indirect: bool| {
            load(bytes, offset, code, if indirect { None } else { Some(ancillary) }, (a, x))
        };
        let jump = |yes: bool| usize::from(if yes { it.jt } else { it.jf });
        let operand = if it.code & 8 == 0 { k } else { x };
        match (it.code & 7, it.code & 0xe0) {
            (0, 0) => a = k,
            (0, 0x80) => a = u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            (0, 0x60) => a = memory.get(k as usize).copied().unwrap_or(0),
            (0, mode @ (0x20 | 0x40)) => {
                let offset = if mode == 0x40 { x.wrapping_add(k) } else { k };
                match load(offset, it.code, mode == 0x40) {
                    Ok(value) => a = value,
                    Err(Stop::Outside) => return Some(0),
                    Err(Stop::Unknown) => return None,
                }
            }
            (1, 0) => x = k,
            (1, 0x80) => x = u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            (1, 0x60) => x = memory.get(k as usize).copied().unwrap_or(0),
            (1, 0xa0) => match load(k, BYTE, true) {
                Ok(value) => x = (value & 15) * 4,
                Err(Stop::Outside) => return Some(0),
                Err(Stop::Unknown) => return None,
            },
            (2, _) => *memory.get_mut(k as usize)? = a,
            (3, _) => *memory.get_mut(k as usize)? = x,
            (4, _) => match alu(it.code >> 4, a, operand) {
                Some(value) => a = value,
                None => return Some(0),
            },
            (5, _) => match it.code & 0xf0 {
                0 => at = at.checked_add(k as usize)?,
                0x10 => at += jump(a == operand),
                0x20 => at += jump(a > operand),
                0x30 => at += jump(a >= operand),
                _ => at += jump(a & operand != 0),
            },
            // The kernel takes no program that returns the other register.
            (6, _) => return Some(if it.code >> 3 & 3 == 2 { a } else { k }),
            _ if it.code & 0xf8 == 0x80 => a = x,
            _ => x = a,
        }
    }
}

/// By the high four bits of a code. `None` for a division by 0.
fn alu(operation: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match operation {
        0 => a.wrapping_add(operand),
        1 => a.wrapping_sub(operand),
        2 => a.wrapping_mul(operand),
        3 => a.checked_div(operand)?,
        4 => a | operand,
        5 => a & operand,
        6 => a.wrapping_shl(operand),
        7 => a.wrapping_shr(operand),
        8 => a.wrapping_neg(),
        9 => a.checked_rem(operand)?,
        _ => a ^ operand,
    })
}

fn load(
    bytes: &[u8],
    offset: u32,
    code: u16,
    ancillary: Option<&dyn Ancillary>,
    (a, x): (u32, u32),
) -> Result<u32, Stop> {
    let offset = match (offset, ancillary) {
        // The exclusive or with the index register.
        (offset, Some(_)) if offset == ANCILLARY + 40 => return Ok(a ^ x),
        (ANCILLARY.., Some(ancillary)) => return ancillary.get(offset - ANCILLARY).ok_or(Stop::Unknown),
        (NETWORK.., _) => offset - NETWORK,
        (LINK.., _) => return Err(Stop::Unknown),
        _ => offset,
    } as usize;
    let value = match code >> 3 & 3 {
        0 => u32_at(bytes, offset),
        1 => u16_at(bytes, offset).map(u32::from),
        _ => u8_at(bytes, offset).map(u32::from),
    };
    value.ok_or(Stop::Outside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::bpf::parse;

    struct Mark;
    impl Ancillary for Mark {
        fn get(&self, number: u32) -> Option<u32> {
            (number == 20).then_some(7)
        }
    }

    fn run_text(text: &str, bytes: &[u8]) -> Option<u32> {
        run(&parse(text.as_bytes()).unwrap().0, bytes, &Mark)
    }

    #[test]
    fn programs_return_what_the_kernel_returns() {
        let tcp = [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6];
        assert_eq!(run_text("4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0", &tcp), Some(1));
        assert_eq!(run_text("4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0", &tcp), Some(0));
        assert_eq!(run_text("2,48 0 0 10,6 0 0 1", &tcp), Some(0), "a load beyond the end");
        assert_eq!(run_text("3,177 0 0 0,135 0 0 0,22 0 0 0", &tcp), Some(20), "the length of the header");
        assert_eq!(run_text("2,32 0 0 4294963220,22 0 0 0", &tcp), Some(7), "the mark");
        assert_eq!(run_text("2,32 0 0 4294963232,22 0 0 0", &tcp), None, "a hash that is not known");
        assert_eq!(run_text("4,0 0 0 9,4 0 0 3,52 0 0 4,22 0 0 0", &tcp), Some(3));
    }
}
