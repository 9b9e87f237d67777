//! Arguments of calls as they were written, so that a rule can be the template of others.

use super::args::Args;
use super::call::{KNOWN, Keyword, KeywordError, Known};
use super::named::{Named, NamedList};
use crate::origin::Origin;

/// The arguments of a rule, a match or a channel, as a script gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The option that stands before all others: `match` of a match, `proto` of a channel.
    first: Option<&'static str>,
    named: NamedList,
    /// Further lists, and whether they print known options by their short names and in their order.
    lists: Vec<(Call, bool)>,
}

impl Call {
    /// No arguments.
    pub fn new() -> Call {
        Call::default()
    }

    /// A match, `-m NAME`.
    pub fn matching(name: &str) -> Call {
        let mut call = Call { first: Some("match"), ..Call::default() };
        call.named.push("match", false, None, [name.as_bytes()]);
        call
    }

    /// A channel: its protocol stands first, whenever it is given.
    pub fn channel() -> Call {
        Call { first: Some("proto"), ..Call::default() }
    }

    /// Adds an argument by its name in calls (`dport`, `source__not`). No values: a bare flag.
    ///
    /// # Errors
    /// [`KeywordError`]: nothing was added.
    pub fn add<'v>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = &'v [u8]>,
    ) -> Result<(), KeywordError> {
        self.keyword(Keyword::parse(name)?, values)
    }

    /// The same for a name that was taken apart.
    ///
    /// # Errors
    /// [`KeywordError::NotInvertable`]: nothing was added.
    pub fn keyword<'v>(
        &mut self,
        keyword: Keyword<'_>,
        values: impl IntoIterator<Item = &'v [u8]>,
    ) -> Result<(), KeywordError> {
        self.named.push(keyword.name, keyword.inverted, keyword.known()?, values);
        Ok(())
    }

    /// Adds a match or another list behind the named arguments.
    pub fn list(&mut self, list: Call) {
        self.lists.push((list, false));
    }

    /// These arguments over those of a template: own ones stand first and win.
    #[must_use]
    pub fn over(mut self, template: &Call) -> Call {
        self.first = template.first;
        for (_, adopted) in &mut self.lists {
            *adopted = true;
        }
        for named in template.named.iter() {
            if !self.named.iter().any(|own| own.is(named.name, named.known)) {
                self.named.copy(named);
            }
        }
        self.lists.extend(template.lists.iter().cloned());
        self
    }

    /// The first word of an argument, in this list or one that it holds.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let known = Known::find(name);
        match self.named.iter().find(|it| it.is(name, known)) {
            Some(own) => own.values().next(),
            None => self.lists.iter().find_map(|(list, _)| list.value(name)),
        }
    }

    /// The options as a rule prints them.
    pub fn args(&self) -> Args {
        let mut args = Args::new();
        for named in self.named.iter() {
            args.named(named.known, named.name, named.inverted, named.values());
        }
        for (list, adopted) in &self.lists {
            list.options(*adopted, &mut args);
        }
        args.settle();
        args
    }

    /// The options in the order of this list, behind those that are there.
    fn options(&self, adopted: bool, args: &mut Args) {
        let mut rest: Vec<Named<'_>> = self.named.iter().collect();
        let mut take = |name: &str, short: &str, args: &mut Args| {
            let known = Known::find(name);
            if let Some(at) = rest.iter().position(|it| it.is(name, known)) {
                let named = rest.remove(at);
                args.option(short, named.inverted, named.values());
            }
        };
        match self.first {
            Some("match") => take("match", "m", args),
            Some(first) => take(first, canonical(first), args),
            None => {}
        }
        if adopted {
            KNOWN.iter().for_each(|known| take(known.long, known.short, args));
        }
        for named in rest {
            args.option(named.name, named.inverted, named.values());
        }
        for (list, adopted) in &self.lists {
            list.options(*adopted, args);
        }
    }

    /// The text of all options, as a rule prints them.
    pub fn shown(&self) -> String {
        let mut args = Args::new();
        self.options(false, &mut args);
        let mut out = Vec::new();
        // Text for people: what breaks the line is refused where it becomes a rule.
        let _ = crate::text::definition(&super::Rule::from_args(Origin::Unknown, args), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// The short name of an option that has one.
fn canonical(name: &str) -> &str {
    Known::find(name).map_or(name, |known| known.short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(named: &[(&str, &str)]) -> Call {
        let mut call = Call::new();
        for (name, value) in named {
            call.add(name, [value.as_bytes()]).unwrap();
        }
        call
    }

    fn text(call: &Call) -> String {
        let args = call.args();
        let text: Vec<u8> = args.iter().flat_map(crate::program::Arg::text).copied().collect();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn arguments_of_a_call_win_over_those_of_its_template() {
        let template = call(&[("p", "tcp"), ("dport", "22"), ("jump", "ACCEPT")]);
        let made = call(&[("jump", "REJECT"), ("source", "1.1.1.1")]).over(&template);
        assert_eq!(text(&made), " -p tcp -s 1.1.1.1 -j REJECT --dport 22");
    }

    #[test]
    fn lists_stand_behind_and_keep_their_own_order() {
        let mut states = Call::matching("conntrack");
        states.add("ctstate", [b"NEW".as_slice()]).unwrap();
        let mut made = call(&[("proto", "tcp")]);
        made.list(states);
        assert_eq!(text(&made), " -p tcp -m conntrack --ctstate NEW");
        let hosts = call(&[("source", "10.0.0.0/8")]);
        let mut own = Call::new();
        own.list(hosts);
        assert_eq!(text(&own.clone()), " --source 10.0.0.0/8");
        assert_eq!(text(&own.over(&call(&[("jump", "DROP")]))), " -j DROP -s 10.0.0.0/8");
        assert_eq!(made.value("p"), Some(&b"tcp"[..]));
        assert_eq!(made.value("ctstate"), Some(&b"NEW"[..]));
    }
}
