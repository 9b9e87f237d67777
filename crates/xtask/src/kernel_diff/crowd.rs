//! Rules that remember many senders, more than their lists and tables have room for.

use std::cell::Cell;
use std::fmt::Write;
use std::rc::Rc;

use ptables::ext::Hook;
use ptables_judge::world::{DEVICES, Path};

use super::draft::Wish;
use super::rng::Rng;
use super::ruleset::{Plan, Rules};

/// How many senders; a list of `recent` holds 100.
const SENDERS: u64 = 130;

impl Rules {
    /// Few rules of this kind.
    pub fn crowd(plan: Plan, rng: &mut Rng) -> Rules {
        let family = if plan.v6 { 6 } else { 4 };
        // They come one after the other, and the first of them again where one more came than a list has room for.
        let sweeps = rng.chance(50);
        let all = if sweeps { rng.pick(&[65, 101, 101, 130]) } else { SENDERS };
        let next = Cell::new(0);
        let text = plan.text(|table, _, text| {
            if table == "raw" {
                let doubt = rng.pick(&["", " -i eth0", " ! -i eth1"]);
                if !sweeps {
                    for _ in 0..rng.within(3, 6) {
                        let action =
                            rng.pick(&["--set", "--rcheck", "--update", "--remove", "--rcheck --hitcount 2"]);
                        // Writing to a string does not fail.
                        let _ =
                            writeln!(text, "-A PREROUTING -m recent --name many{family} --rsource {action}");
                    }
                } else if rng.chance(50) {
                    // Who went is asked for when it comes again.
                    for action in ["--rcheck", "--set"] {
                        let _ =
                            writeln!(text, "-A PREROUTING -m recent --name many{family} --rsource {action}");
                    }
                }
                let most = rng.pick(&[20, 110, 200]);
                if !sweeps || rng.chance(80) {
                    let _ = writeln!(
                        text,
                        "-A PREROUTING{doubt} -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 2 \
                         --hashlimit-mode srcip --hashlimit-name crowd{most}v{family} --hashlimit-htable-max {most} \
                         --hashlimit-htable-size 64"
                    );
                }
            }
        });
        let scope = plan.scope(false, DEVICES.len());
        let v6 = plan.v6;
        let sender: Wish = Rc::new(move |draft, rng| {
            let number = if sweeps { next.replace((next.get() + 1) % all) } else { rng.below(all) };
            let number = u128::from(number);
            draft.take_path(Path::Forward, scope);
            draft.shot.input = rng.below(2) as usize;
            draft.layout.source = if v6 { 0x2001_0db8 << 96 | number } else { 0xc000_0200 | number };
        });
        Rules { scope, text, aims: vec![(Hook::Prerouting, vec![sender])], theme: None, waits: false }
    }
}
