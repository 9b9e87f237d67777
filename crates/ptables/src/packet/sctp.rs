//! Which SCTP packets begin an association.

use super::bytes::{u8_at, u16_at, u32_at};

const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const HEARTBEAT: u8 = 4;
const HEARTBEAT_ACK: u8 = 5;
const SHUTDOWN: u8 = 7;
const SHUTDOWN_ACK: u8 = 8;
const ERROR: u8 = 9;
const COOKIE_ECHO: u8 = 10;

/// Whether connection tracking takes a packet without an entry for the first of an association: not only those with an
/// INIT chunk, but all whose chunks lead away from the state in which there is none.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let Some(tag) = u32_at(bytes, 4) else { return false };
    let (mut at, mut is_later, mut alone) = (12, false, false);
    // Whether some chunk says that the tag need not be that of the association, which has none yet.
    let mut any_tag = false;
    // A heartbeat makes its tag that of the association, and a cookie must have that.
    let (mut cookie, mut heartbeat) = (false, false);
    while let (Some(kind), Some(length)) = (u8_at(bytes, at), u16_at(bytes, at + 2)) {
        alone |= matches!(kind, INIT | INIT_ACK);
        if length == 0 || is_later && (alone || kind == COOKIE_ECHO) {
            return false;
        }
        cookie |= kind == COOKIE_ECHO;
        heartbeat |= kind == HEARTBEAT;
        match kind {
            INIT if tag != 0 => return false,
            // Behind the head of such a chunk come 16 bytes.
            INIT | INIT_ACK if bytes.len() < at + 20 => return false,
            INIT | COOKIE_ECHO | HEARTBEAT | HEARTBEAT_ACK | SHUTDOWN_ACK => any_tag = true,
            INIT_ACK | SHUTDOWN | ERROR => {}
            _ => return false,
        }
        is_later = true;
        at += usize::from(length).next_multiple_of(4);
    }
    is_later && (tag == 0 || any_tag && (!cookie || heartbeat))
}
