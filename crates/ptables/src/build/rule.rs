//! The builder of a rule.

use super::values::{self, JumpTo, Net, Ports, Protocol, Word};
use crate::ext::MatchExtension;
use crate::origin::Origin;
use crate::program::{Args, Rank, Rule, Words};
use crate::value::ct_state::CtStates;

/// A rule being made. Methods set options; setting one again replaces it. `push` takes it as it is.
///
/// A clone is a rule of its own: it counts as written where its first method, or `push`, is called.
#[derive(Debug)]
pub struct RuleBuilder {
    origin: Origin,
    args: Args,
    /// Made by `clone`: the next method says who writes it.
    cloned: bool,
}

impl Clone for RuleBuilder {
    fn clone(&self) -> RuleBuilder {
        RuleBuilder { origin: self.origin.clone(), args: self.args.clone(), cloned: true }
    }
}

/// A rule without options.
#[track_caller]
#[must_use]
pub fn rule() -> RuleBuilder {
    RuleBuilder { origin: Origin::caller(), args: Args::new(), cloned: false }
}

/// A rule that jumps: quicker than to look at the word, and this is how most rules begin.
#[track_caller]
#[inline]
fn to(jump: &'static [u8]) -> RuleBuilder {
    let mut it = rule();
    it.args.set(Rank::Jump, |to| {
        to.fixed(jump);
    });
    it
}

/// A rule that accepts.
#[track_caller]
#[must_use]
pub fn accept() -> RuleBuilder {
    to(b" -j ACCEPT")
}

/// A rule that drops. Not in the prelude, where it would hide `std::mem::drop`; `rule().jump(Drop)` is the same.
#[track_caller]
#[must_use]
pub fn drop() -> RuleBuilder {
    to(b" -j DROP")
}

/// A rule that rejects in the way that is usual in its family.
#[track_caller]
#[must_use]
pub fn reject() -> RuleBuilder {
    to(b" -j REJECT")
}

/// A rule that returns to the calling chain.
#[track_caller]
#[must_use]
pub fn return_() -> RuleBuilder {
    to(b" -j RETURN")
}

/// A rule that logs.
#[track_caller]
#[must_use]
pub fn log() -> RuleBuilder {
    to(b" -j LOG")
}

/// A rule that redirects to this machine.
#[track_caller]
#[must_use]
pub fn redirect() -> RuleBuilder {
    to(b" -j REDIRECT")
}

#[inline]
fn push(to: &mut Words<'_>, value: &impl Word) {
    match value.bare() {
        Some(_) => to.bare(|out| value.write(out)),
        None => to.with(|out| value.write(out)),
    };
}

impl RuleBuilder {
    #[track_caller]
    #[inline]
    fn known(mut self, rank: Rank, option: &'static [u8], value: &impl Word) -> RuleBuilder {
        self.claim();
        self.args.set(rank, |to| {
            push(to.not(value.inverted()).fixed(option), value);
        });
        self
    }

    #[track_caller]
    #[inline]
    fn port(mut self, option: &'static [u8], value: &impl Word) -> RuleBuilder {
        self.claim();
        self.args.set_named(option.trim_ascii_start(), |to| {
            push(to.not(value.inverted()).fixed(option), value);
        });
        self
    }

    /// A clone belongs to whoever goes on with it.
    #[track_caller]
    fn claim(&mut self) {
        if std::mem::take(&mut self.cloned) {
            self.origin = Origin::caller();
        }
    }

    /// `-p`.
    #[track_caller]
    #[must_use]
    pub fn proto(self, proto: impl Protocol) -> RuleBuilder {
        self.known(Rank::Proto, b" -p", &proto)
    }

    /// `-s`.
    #[track_caller]
    #[must_use]
    pub fn source(self, net: impl Net) -> RuleBuilder {
        self.known(Rank::Source, b" -s", &net)
    }

    /// `-d`.
    #[track_caller]
    #[must_use]
    pub fn destination(self, net: impl Net) -> RuleBuilder {
        self.known(Rank::Destination, b" -d", &net)
    }

    /// `-i`; a `+` at the end stands for any text.
    #[track_caller]
    #[must_use]
    pub fn in_iface(self, name: impl Word) -> RuleBuilder {
        self.known(Rank::InIface, b" -i", &name)
    }

    /// `-o`; a `+` at the end stands for any text.
    #[track_caller]
    #[must_use]
    pub fn out_iface(self, name: impl Word) -> RuleBuilder {
        self.known(Rank::OutIface, b" -o", &name)
    }

    /// `--sport`, of the protocol that [`proto`](Self::proto) names.
    #[track_caller]
    #[must_use]
    pub fn sport(self, ports: impl Ports) -> RuleBuilder {
        self.port(b" --sport", &ports)
    }

    /// `--dport`, of the protocol that [`proto`](Self::proto) names.
    #[track_caller]
    #[must_use]
    pub fn dport(self, ports: impl Ports) -> RuleBuilder {
        self.port(b" --dport", &ports)
    }

    /// `-f`: second and later fragments (IPv4).
    #[track_caller]
    #[must_use]
    pub fn fragment(mut self) -> RuleBuilder {
        self.claim();
        self.args.set(Rank::Fragment, |to| {
            to.fixed(b" -f");
        });
        self
    }

    /// `-m conntrack --ctstate`.
    #[track_caller]
    #[must_use]
    pub fn ctstate(mut self, states: impl Into<CtStates>) -> RuleBuilder {
        self.claim();
        let states = states.into();
        self.args.add(Rank::Other, |to| {
            to.fixed(b" -m conntrack --ctstate").with(|out| states.push(out));
        });
        self
    }

    /// A match of the catalogue, with its options: `.matching(Limit::new(Rate::per_minute(3)))`.
    #[track_caller]
    #[must_use]
    pub fn matching<M: MatchExtension>(mut self, it: M) -> RuleBuilder {
        self.claim();
        self.args.add(Rank::Other, |to| {
            to.fixed(b" -m").word(M::SPEC.name.as_bytes());
            values::options(|printer| it.print(printer), &mut |word| {
                to.word(word);
            });
        });
        self
    }

    /// Any other option with its value: `.option("--tcp-option", 5)`.
    #[track_caller]
    #[must_use]
    pub fn option(mut self, name: &str, value: impl Word) -> RuleBuilder {
        self.claim();
        self.args.set_named(name.as_bytes(), |to| {
            push(to.not(value.inverted()).word(name.as_bytes()), &value);
        });
        self
    }

    /// Any other option without a value: `.flag("--syn")`.
    #[track_caller]
    #[must_use]
    pub fn flag(mut self, name: &str) -> RuleBuilder {
        self.claim();
        self.args.set_named(name.as_bytes(), |to| {
            to.word(name.as_bytes());
        });
        self
    }

    /// `-j`: to a target, a chain, or a name.
    #[track_caller]
    #[must_use]
    pub fn jump(mut self, to: impl JumpTo) -> RuleBuilder {
        self.claim();
        self.args.set(Rank::Jump, |words| {
            words.fixed(b" -j");
            to.words(&mut |word| {
                words.word(word);
            });
        });
        self
    }

    /// `-g`: to a chain, without coming back here.
    #[track_caller]
    #[must_use]
    pub fn goto(mut self, chain: impl JumpTo) -> RuleBuilder {
        self.claim();
        self.args.set(Rank::Goto, |words| {
            words.fixed(b" -g");
            chain.words(&mut |word| {
                words.word(word);
            });
        });
        self
    }

    /// A remark, at most 255 bytes, in one line.
    #[track_caller]
    #[must_use]
    pub fn comment(mut self, text: impl Word) -> RuleBuilder {
        self.claim();
        self.args.set(Rank::Comment, |to| {
            to.comment(|out| text.write(out));
        });
        self
    }

    /// Says who wrote it, in place of the caller.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> RuleBuilder {
        self.origin = origin;
        self.cloned = false;
        self
    }
}

impl From<RuleBuilder> for Rule {
    fn from(builder: RuleBuilder) -> Rule {
        Rule::from_args(builder.origin, builder.args)
    }
}
