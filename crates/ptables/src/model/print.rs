//! Canonical text: byte for byte what iptables-save prints for the same rules, without its dated comments.

use super::rule::{Body, Counters, Inverted, Jump, Rule, Typed};
use super::{Chain, Ruleset, Table};
use crate::ext::{Context, Printer};
use crate::value::addr::Net;
use crate::value::iface::Iface;
use crate::value::{number, proto, quote};

impl Ruleset {
    /// Appends the text of all tables. Counters of rules are printed if `counters` (iptables-save `-c`).
    pub fn print(&self, out: &mut Vec<u8>, counters: bool) {
        for table in &self.tables {
            table.print(out, self.context, counters);
        }
    }
}

impl Table {
    /// Appends `*name`, its chains, its rules and `COMMIT`.
    pub fn print(&self, out: &mut Vec<u8>, context: Context, counters: bool) {
        out.push(b'*');
        quote::push_raw(out, &self.name);
        out.push(b'\n');
        for chain in &self.chains {
            chain.print_declaration(out);
        }
        for chain in &self.chains {
            for rule in &chain.rules {
                if let (true, Some(it)) = (counters, &rule.counters) {
                    it.print(out);
                    out.push(b' ');
                }
                out.extend_from_slice(b"-A ");
                quote::push_raw(out, &chain.name);
                rule.print(out, context);
                out.push(b'\n');
            }
        }
        out.extend_from_slice(b"COMMIT\n");
    }
}

impl Chain {
    /// Appends `:NAME POLICY [0:0]` and a line feed. A policy that is left alone prints as `-`.
    pub fn print_declaration(&self, out: &mut Vec<u8>) {
        out.push(b':');
        quote::push_raw(out, &self.name);
        out.push(b' ');
        out.extend_from_slice(self.policy.map_or(b"-", |policy| policy.as_str().as_bytes()));
        out.push(b' ');
        self.counters.print(out);
        out.push(b'\n');
    }
}

impl Counters {
    /// Appends `[packets:bytes]`.
    pub fn print(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        number::push(out, self.packets);
        out.push(b':');
        number::push(out, self.bytes);
        out.push(b']');
    }
}

impl Rule {
    /// Appends what stands after `-A CHAIN`: every part begins with a blank.
    pub fn print(&self, out: &mut Vec<u8>, context: Context) {
        match &self.body {
            Body::Typed(typed) => typed.print(out, context),
            Body::Opaque(opaque) if opaque.text.is_empty() => {}
            Body::Opaque(opaque) => {
                out.push(b' ');
                quote::push_raw(out, &opaque.text);
            }
        }
    }
}

impl Typed {
    /// Appends the options in iptables-save's order; every part begins with a blank.
    pub fn print(&self, out: &mut Vec<u8>, context: Context) {
        self.print_net(out, context, b" -s ", &self.source, Inverted::SOURCE);
        self.print_net(out, context, b" -d ", &self.destination, Inverted::DESTINATION);
        self.print_iface(out, b" -i ", &self.in_iface, Inverted::IN_IFACE);
        self.print_iface(out, b" -o ", &self.out_iface, Inverted::OUT_IFACE);
        if self.proto != 0 {
            self.print_not(out, Inverted::PROTO);
            out.extend_from_slice(b" -p ");
            proto::push_name(out, self.proto, context.dialect);
        }
        if self.fragment {
            self.print_not(out, Inverted::FRAGMENT);
            out.extend_from_slice(b" -f");
        }
        for it in &self.matches {
            out.extend_from_slice(b" -m ");
            out.extend_from_slice(it.spec().name.as_bytes());
            it.print(&mut Printer::new(out, context));
        }
        match &self.jump {
            Jump::None => {}
            Jump::Target(target) => {
                out.extend_from_slice(b" -j ");
                out.extend_from_slice(target.spec().name.as_bytes());
                target.print(&mut Printer::new(out, context));
            }
            Jump::Chain(chain) => {
                out.extend_from_slice(b" -j ");
                quote::push_raw(out, chain);
            }
            Jump::Goto(chain) => {
                out.extend_from_slice(b" -g ");
                quote::push_raw(out, chain);
            }
        }
    }

    fn print_not(&self, out: &mut Vec<u8>, bit: Inverted) {
        if self.inverted.has(bit) {
            out.extend_from_slice(b" !");
        }
    }

    fn print_net(&self, out: &mut Vec<u8>, context: Context, option: &[u8], net: &Net, bit: Inverted) {
        if *net == Net::Any && !self.inverted.has(bit) {
            return;
        }
        self.print_not(out, bit);
        out.extend_from_slice(option);
        net.push(out, context.family);
    }

    fn print_iface(&self, out: &mut Vec<u8>, option: &[u8], iface: &Iface, bit: Inverted) {
        if iface.is_any() && !self.inverted.has(bit) {
            return;
        }
        self.print_not(out, bit);
        out.extend_from_slice(option);
        quote::push_raw(out, if iface.is_any() { b"+" } else { iface.as_bytes() });
    }
}
