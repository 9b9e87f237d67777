use ptables::prelude::*;
use ptables::{compile::compile, dialect::*, lower::Options, source::Source, text, value::BuiltinNames};
fn main() {
    let mode = std::env::args().nth(1).unwrap();
    let txt = {
        let mut s = String::from("*filter\n:INPUT ACCEPT [0:0]\n");
        for k in 0..50000u32 {
            s += &format!(
                "-A INPUT -s {}/32 -p tcp -m tcp --dport {} -m comment --comment \"rule {k}\" -j ACCEPT\n",
                std::net::Ipv4Addr::from(0x0a000000 + k),
                1 + k % 65000
            );
        }
        s += "COMMIT\n";
        s
    };
    let n: u32 = std::env::args().nth(2).map_or(20, |x| x.parse().unwrap());
    for _ in 0..n {
        match mode.as_str() {
            "parse" => {
                let p = text::parse(&Source::new("x", txt.as_bytes()).unwrap());
                let c = compile(&p.tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames));
                assert!(c.diagnostics.is_empty());
            }
            _ => {
                let mut tables = Tables::new();
                let f = tables.push(Table::new("filter", [Chain::builtin("INPUT", "ACCEPT")]));
                let input = &mut f["INPUT"];
                for k in 0..50000u32 {
                    input.push(
                        accept()
                            .source(std::net::Ipv4Addr::from(0x0a000000 + k))
                            .proto(Tcp)
                            .dport(1 + (k % 65000) as u16)
                            .comment(format!("rule {k}")),
                    );
                }
                if mode == "save" {
                    let c = compile(&tables, Family::V4, Options::new(Dialect::default(), &BuiltinNames));
                    let mut o = Vec::new();
                    c.ruleset.print(&mut o, false);
                } else if mode == "annot" {
                    tables.to_iptables().unwrap();
                }
            }
        }
    }
}
