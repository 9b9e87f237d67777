"""Where ours is better than the original: each entry of docs/migrating-from-pyptables.md has a test here."""

import pathlib
import os
import unittest
import warnings

from pyptables import CustomRule, Rule, Table, Tables, UserChain, default_tables
from pyptables.errors import ArgumentError, ChangedRuleWarning, PyPTablesError, RulesetError, WideningWarning
from pyptables.rules import Accept, CompositeRule, Log
from pyptables.rules.arguments import ArgumentList
from pyptables.rules.forwarding import ForwardingRule
from pyptables.rules.forwarding.channels import StatefulChannel, TCPChannel
from pyptables.rules.forwarding.hosts import HostRange, Hosts
from pyptables.rules.forwarding.zones import Zone
from pyptables.rules.input import InputRule
from pyptables.rules.marks import Marked
from pyptables.rules.matches import Match

ROOT = os.environ.get("PTABLES_ROOT", pathlib.Path(__file__).parents[3])


def said(rule):
    (text,) = rule.rule_definitions()
    return text


class Better(unittest.TestCase):
    def test_options_follow_their_match(self):
        self.assertEqual(said(Accept(ctstate="NEW", match="conntrack")), "-j ACCEPT --match conntrack --ctstate NEW")
        self.assertEqual(said(Rule(ctstate="NEW", args=[Match("conntrack")])), "-m conntrack --ctstate NEW")

    def test_nothing_breaks_out_of_its_rule(self):
        evil = "x\n-A INPUT -j ACCEPT"
        rules = [
            Rule(source=evil), Rule(dport=evil), Rule(comment=evil), Rule(x=[evil]), Rule(**{evil: "1"}),
            Rule(args=[Match("x", y=evil)]), CustomRule(evil), CustomRule("x", comment=evil), CompositeRule([Rule(source=evil)]),
            InputRule("ACCEPT", [Zone("z", evil)]), InputRule("ACCEPT", [Zone(evil, "e")]), Marked(evil),
        ]  # fmt: skip
        for rule in rules:
            for make in (lambda: rule.to_iptables("-A X"), lambda: Tables(Table("t", UserChain("c", rules=[rule]))).to_iptables()):
                with self.assertRaises(RulesetError) as raised:
                    make()
                self.assertIn("test_better.py", str(raised.exception))
        for tables in (Tables(Table(evil)), Tables(Table("t", UserChain(evil))), Tables(Table("t", UserChain("a b")))):
            with self.assertRaises(ValueError):
                tables.to_iptables()
        for named in (Table("t", UserChain("c", comment=evil)), Table("t", UserChain("c", rules=[Rule("c")]))):
            chain = named["c"]
            for made in (chain, *chain):
                made.filename = made.function = evil
            self.assertNotIn("\n-A INPUT", Tables(named).to_iptables())

    def test_quotes_and_backslashes(self):
        self.assertEqual(said(Rule('a\\" b')), '-m comment --comment "a\\\\\\" b"')
        self.assertEqual(said(Rule(x='a"b', y="c\\d")), '-x "a\\"b" -y "c\\\\d"')

    def test_a_range_of_destinations_matches_destinations(self):
        self.assertEqual(str(HostRange("1.1.1.1-1.1.1.9").as_output()), "-m iprange --dst-range 1.1.1.1-1.1.1.9")

    def test_the_stock_log_knows_its_prefix(self):
        self.assertEqual(said(Log(prefix="a")), "-j LOG --log-prefix a")
        logged = ForwardingRule("ACCEPT", [Zone("a", "b")], [], [TCPChannel(dports=22)], log=True, log_id="x")
        self.assertIn('-j LOG --log-prefix "FWD x A" -p tcp', logged.rule_definitions()[0])

    def test_the_arguments_of_a_call_win_and_that_is_told_once(self):
        for template, call, text in [
            (Rule(s="a"), dict(source="b"), "-s b"),
            (Rule(source="a"), dict(s__not="b"), "! -s b"),
            (Rule(dport="1"), dict(dport="2"), "--dport 2"),
            (Rule(dport="1", args=[ArgumentList()]), dict(dport__not="2", args=[]), "! --dport 2"),
        ]:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("default")
                for _ in range(3):
                    made = template(**call)
            self.assertEqual(said(made), text)
            self.assertEqual([it.category for it in caught], [ChangedRuleWarning])
            self.assertEqual(caught[0].filename, __file__)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertEqual(said(Rule(s="a", dport="1")(s="a", sport="2")), "-s a --sport 2 --dport 1")

    def test_text_made_twice_is_the_same(self):
        plus = ArgumentList(source="k")
        rule = ForwardingRule("ACCEPT", [Zone("a", "e")], [Zone("b", "f")], args=[plus])
        self.assertEqual(rule.rule_definitions(), rule.rule_definitions())
        self.assertEqual(plus.known_args, [])
        once = CompositeRule(it for it in [Accept()])
        self.assertEqual(once.rule_definitions(), once.rule_definitions())

    def test_an_empty_list_of_hosts_is_told(self):
        for empty in ("", " , ", None):
            with self.assertWarns(WideningWarning) as caught:
                Hosts.from_ip_list(empty)
            self.assertEqual(caught.filename, __file__)

    def test_blanks_between_addresses_separate_them(self):
        self.assertEqual(str(Hosts.from_ip_list("1.1.1.1 2.2.2.2")[0]), "1.1.1.1,2.2.2.2")

    def test_lists_of_states_and_ports_have_commas(self):
        channel = TCPChannel(dports=[22, "80:90"], states=["NEW", "RELATED"])
        self.assertEqual(str(channel), "tcp, NEW,RELATED, ports any -> 22,80:90")
        self.assertIn("--ctstate NEW", str(StatefulChannel("NEW").to_iptables()))

    def test_a_channel_without_protocol_has_a_name(self):
        self.assertEqual(str(StatefulChannel("NEW")), "any, NEW")

    def test_errors_name_the_line(self):
        for broken, line in [
            (lambda: Rule(proto=3), "proto"),
            (lambda: Rule(3), "comment"),
            (lambda: Rule(args=["x"]), "args"),
            (lambda: Rule(x={}), "dict"),
            (lambda: Rule(syn=True), "None"),
            (lambda: InputRule("oops"), "policy"),
            (lambda: InputRule(None), "policy"),
            (lambda: InputRule("ACCEPT", [[Zone("a", "b")]]), "one by one"),
            (lambda: InputRule("ACCEPT", [Zone("a", "b")], ["ssh"]), "args"),
            (lambda: CompositeRule([3]), "int"),
        ]:
            tables = default_tables()
            tables["filter"]["INPUT"].append(broken())
            with self.assertRaises(PyPTablesError) as raised:
                tables.to_iptables()
            self.assertIn("test_better.py", str(raised.exception))
            self.assertIn(line, str(raised.exception))
        with self.assertRaises(TypeError) as raised:
            Tables(Table("x", UserChain("c", rules=[3]))).to_iptables()
        self.assertIn("item 0 of chain `c`", str(raised.exception))
        with self.assertRaises(TypeError):
            default_tables().append(3)

    def test_a_match_may_have_an_option_called_name(self):
        self.assertEqual(str(Match("recent", name="bad", set=None)), "-m recent --name bad --set")

    def test_a_policy_that_is_none_is_refused(self):
        tables = default_tables()
        tables["filter"]["INPUT"].policy = None
        with self.assertRaises(ArgumentError):
            tables.to_iptables()

    def test_every_entry_of_the_document_has_a_test_and_every_test_an_entry(self):
        text = pathlib.Path(ROOT, "docs/migrating-from-pyptables.md").read_text()
        tests = {it for it in dir(self) if it.startswith("test_")} - {self._testMethodName}
        named = {line.rsplit("`", 2)[1] for line in text.splitlines() if line.startswith("| ") and line.endswith("` |")}
        self.assertEqual(named, tests)


if __name__ == "__main__":
    unittest.main()
