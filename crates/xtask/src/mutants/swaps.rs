//! What is put in place of what.

use syn::BinOp;

/// Whether an operator assigns.
pub(super) fn assigns(op: &BinOp) -> bool {
    use BinOp::{
        AddAssign, BitAndAssign, BitOrAssign, BitXorAssign, DivAssign, MulAssign, RemAssign, ShlAssign,
        ShrAssign, SubAssign,
    };
    matches!(
        op,
        AddAssign(_)
            | SubAssign(_)
            | MulAssign(_)
            | DivAssign(_)
            | RemAssign(_)
            | BitAndAssign(_)
            | BitOrAssign(_)
            | BitXorAssign(_)
            | ShlAssign(_)
            | ShrAssign(_)
    )
}

/// Operators in place of another.
pub(super) fn operators(op: &BinOp) -> &'static [&'static str] {
    match op {
        BinOp::Lt(_) => &["<=", ">"],
        BinOp::Le(_) => &["<", ">"],
        BinOp::Gt(_) => &[">=", "<"],
        BinOp::Ge(_) => &[">", "<"],
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::BitAnd(_) => &["|"],
        BinOp::BitOr(_) => &["&"],
        BinOp::BitXor(_) => &["|"],
        BinOp::Add(_) => &["-"],
        BinOp::Sub(_) => &["+"],
        BinOp::Mul(_) => &["+"],
        BinOp::Div(_) | BinOp::Rem(_) => &["*"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::AddAssign(_) => &["-="],
        BinOp::SubAssign(_) => &["+="],
        BinOp::BitAndAssign(_) => &["|="],
        BinOp::BitOrAssign(_) => &["&="],
        BinOp::BitXorAssign(_) => &["|="],
        _ => &[],
    }
}

/// Names of which one stands for the other.
const NAMES: [(&str, &str); 26] = [
    ("Pred::True", "Pred::False"),
    ("Value::Absent", "Value::Torn"),
    ("Tri::Yes", "Tri::No"),
    ("Tri::Drop", "Tri::No"),
    ("Seen::Yes", "Seen::No"),
    ("Seen::Drop", "Seen::No"),
    ("Verdict::Accept", "Verdict::Drop"),
    ("Family::V4", "Family::V6"),
    ("Field::Source", "Field::Destination"),
    ("Field::SourcePort", "Field::DestinationPort"),
    ("Field::CtOrigSource", "Field::CtReplySource"),
    ("Field::CtOrigDestination", "Field::CtReplyDestination"),
    ("Field::CtOrigSource", "Field::CtReplyDestination"),
    ("Field::CtOrigSourcePort", "Field::CtReplySourcePort"),
    ("Field::CtOrigDestinationPort", "Field::CtReplyDestinationPort"),
    ("Field::Mark", "Field::ConnMark"),
    ("Field::Uid", "Field::Gid"),
    ("Field::SourceType", "Field::DestinationType"),
    ("Field::InGroup", "Field::OutGroup"),
    ("Field::HopLimit", "Field::Tos"),
    ("Field::IcmpType", "Field::IcmpCode"),
    ("Field::RoutingType", "Field::RoutingLeft"),
    ("Field::FragmentId", "Field::FragmentField"),
    ("CtState::New", "CtState::Invalid"),
    ("CtState::Untracked", "CtState::Invalid"),
    ("Connection::SOURCE_NAT", "Connection::DESTINATION_NAT"),
];

/// Other names in place of one.
pub(super) fn names(name: &str) -> Vec<&'static str> {
    let other = move |(one, other): &(&'static str, &'static str)| match name {
        _ if name == *one => Some(*other),
        // What is torn or dropped has one opposite, which has another.
        _ if name == *other && !one.ends_with("Drop") => Some(*one),
        _ => None,
    };
    NAMES.iter().filter_map(other).collect()
}

/// Another method of the same type.
pub(super) fn method(name: &str) -> Option<&'static str> {
    Some(match name {
        "any" => "all",
        "all" => "any",
        "is_some" => "is_none",
        "is_none" => "is_some",
        "is_some_and" => "is_none_or",
        "is_none_or" => "is_some_and",
        "min" => "max",
        "max" => "min",
        _ => return None,
    })
}

/// Whether a method says yes or no, of which the opposite is a fault.
pub(super) fn answers(name: &str) -> bool {
    ["contains", "contains_key", "starts_with", "is_empty", "eq_ignore_ascii_case", "is_any"].contains(&name)
}
