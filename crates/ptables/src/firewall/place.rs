//! Places as statements name them: a zone, perhaps with hosts behind a colon.

use crate::dialect::Family;
use crate::value::addr;

/// This machine.
pub(super) const HOST: &str = "host";
/// All zones.
pub(super) const ANY: &str = "any";

/// A place, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) zone: String,
    pub(super) hosts: Vec<Hosts>,
}

/// Some hosts, as one rule can name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    /// Addresses and networks.
    Nets(Vec<String>),
    /// A range of addresses.
    Range(String),
    /// A set, by its name.
    Set(String),
}

/// The most addresses of one rule: a list becomes a rule for each.
const MOST: usize = 50;

impl Place {
    /// Reads `lan`, `lan:192.168.1.7,fd00::7`, `wan:@blocked`. Gives what is no address, otherwise.
    pub(super) fn read(text: &str) -> Result<Place, String> {
        let Some((zone, rest)) = text.split_once(':') else {
            return Ok(Place { zone: text.to_owned(), hosts: Vec::new() });
        };
        Ok(Place { zone: zone.to_owned(), hosts: hosts(rest.split(','))? })
    }
}

/// Reads hosts one by one.
pub(super) fn hosts<'t>(words: impl Iterator<Item = &'t str>) -> Result<Vec<Hosts>, String> {
    let (mut nets, mut others) = (Vec::new(), Vec::new());
    for word in words {
        if let Some(name) = word.strip_prefix('@').filter(|it| !it.is_empty()) {
            others.push(Hosts::Set(name.to_owned()));
        } else if net(word).is_some() {
            nets.push(word.to_owned());
        } else if range(word) {
            others.push(Hosts::Range(word.to_owned()));
        } else {
            return Err(word.to_owned());
        }
    }
    let mut hosts: Vec<Hosts> = nets.chunks(MOST).map(|it| Hosts::Nets(it.to_vec())).collect();
    hosts.extend(others);
    Ok(hosts)
}

/// The family of an address or network in its usual form, its bits and how many of them count.
pub(super) fn net(text: &str) -> Option<(Family, u128, u8)> {
    let (address, length) = text.split_once('/').map_or((text, None), |it| (it.0, Some(it.1)));
    let family = Family::ALL.into_iter().find(|it| addr::strict(*it, address.as_bytes()).is_some())?;
    let bits = addr::strict(family, address.as_bytes())?;
    let length = match length {
        None => family.bits(),
        Some(length) => length.parse::<u8>().ok().filter(|it| *it <= family.bits())?,
    };
    Some((family, bits, length))
}

fn range(text: &str) -> bool {
    let ends = text.split_once('-').map(|(low, high)| (net(low), net(high)));
    matches!(ends, Some((Some(low), Some(high))) if low.0 == high.0 && low.1 <= high.1
        && low.2 == low.0.bits() && high.2 == high.0.bits())
}

/// Whether a network holds an address.
pub(super) fn holds(network: &str, address: &str) -> bool {
    let (Some((family, bits, length)), Some((other, address, _))) = (net(network), net(address)) else {
        return false;
    };
    let mask = addr::prefix_mask(family, length);
    family == other && bits & mask == address & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_apart() {
        let place = Place::read("lan:192.168.1.7,fd00::/64,10.0.0.1-10.0.0.9,@blocked").unwrap();
        assert_eq!(place.zone, "lan");
        assert_eq!(
            place.hosts,
            [
                Hosts::Nets(vec!["192.168.1.7".into(), "fd00::/64".into()]),
                Hosts::Range("10.0.0.1-10.0.0.9".into()),
                Hosts::Set("blocked".into())
            ]
        );
        for text in ["lan:", "lan:x", "lan:@", "lan:10.0.0.9-10.0.0.1", "lan:10.0.0.0/33", "lan:10.1"] {
            assert!(Place::read(text).is_err(), "{text}");
        }
        assert!(holds("192.168.0.0/16", "192.168.7.1") && !holds("192.168.0.0/16", "fd00::1"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("10.0.0.0/8", "11.0.0.1"));
    }
}
