"""What would happen to a packet, and what should."""

import os
import pathlib
import tempfile
import unittest

from pyptables import ACCEPT, DROP, IPSet, Rule, default_tables, expect
from pyptables.errors import ArgumentError, RulesetError
from pyptables.rules import Accept, CustomRule

SSH = "tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new"

ROUTES = """\
# ip -4 rule
0: from all lookup local
32766: from all lookup main
# ip -4 route show table all
default via 192.0.2.1 dev eth0
198.51.100.0/24 dev eth1 scope link
# ip -4 addr
2: eth0    inet 192.0.2.2/24 scope global eth0
3: eth1    inet 198.51.100.1/24 scope global eth1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.eth0.rp_filter = 0
"""


def firewall():
    tables = default_tables()
    chain = tables["filter"]["INPUT"]
    chain.policy = Rule.DROP
    chain.append(Accept(in_interface="lo"))
    chain.append(Accept(proto="tcp", dport="22"))
    return tables


class Simulations(unittest.TestCase):
    def test_the_path_names_the_lines(self):
        tables = firewall()
        it = tables.simulate(SSH)
        self.assertEqual((it.verdict, it.unknown), ("ACCEPT", []))
        (step,) = [step for step in it.path if step.rule is not None]
        self.assertEqual((step.table, step.chain, step.rule, step.kind), ("filter", "INPUT", 2, "match"))
        self.assertEqual(os.path.basename(step.filename), "test_simulate.py")
        self.assertEqual(step.lineno, tables["filter"]["INPUT"][1].lineno)
        self.assertIn("destination port is 22, asked is 22", step.why)
        self.assertIn("ACCEPT", str(it))
        self.assertEqual(tables.simulate(SSH.replace(":22", ":23")).verdict, "DROP")
        path = tables.simulate(SSH, misses=True).path
        self.assertEqual([step.kind for step in path if (step.table, step.chain) == ("filter", "INPUT")], ["miss", "match"])

    def test_sequences_and_ways(self):
        tables = firewall()
        limited = CustomRule("-p udp -m limit --limit 1/hour --limit-burst 1 -j ACCEPT")
        tables["filter"]["INPUT"].append(limited)
        packet = SSH.replace("tcp", "udp")
        it = tables.simulate(packet)
        self.assertEqual((it.verdict, len(it.unknown)), ("UNKNOWN", 1))
        self.assertEqual([it.verdict for it in tables.simulate(packet, ways=True)], ["DROP", "ACCEPT"])
        self.assertEqual([it.verdict for it in tables.simulate([packet, SSH, packet])], ["ACCEPT", "ACCEPT", "DROP"])
        answers = tables.simulate((packet, packet), ways=True)
        self.assertEqual([[it.verdict for it in ways] for ways in answers], [["ACCEPT"], ["DROP"]])
        self.assertEqual(tables.simulate([]), [])
        with self.assertRaises(ArgumentError):
            tables.simulate([packet, "udp [2001:db8::1]:1 -> [2001:db8::2]:2 in eth0"])

    def test_sets_that_the_tables_declare_are_known(self):
        tables = firewall()
        tables.append(IPSet("office", "hash:net", entries=["192.0.2.0/24"]))
        tables["filter"]["INPUT"].append(CustomRule("-m set --match-set office src -j ACCEPT"))
        self.assertEqual(tables.simulate(SSH.replace(":22", ":80")).verdict, "ACCEPT")

    def test_routes_say_where_packets_go(self):
        tables = firewall()
        tables["filter"]["FORWARD"].append(Accept(out_interface="eth1"))
        tables.expect(SSH.replace(" new", ""), "ACCEPT")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "routes.txt"
            path.write_text(ROUTES)
            asked = SSH.replace(":22", ":80")
            for name in (path, str(path)):
                step = tables.simulate(asked, routes=name).path[-1]
                self.assertEqual(step.chain, "POSTROUTING")
            self.assertIn("out eth1", tables.simulate(asked, routes=path).packet)
            self.assertTrue(tables.test(routes=path))
            path.write_text(ROUTES.replace("via 192.0.2.1", "via nonsense"))
            with self.assertRaises(RulesetError):
                tables.simulate(asked, routes=path)
        self.assertEqual(tables.simulate(SSH.replace(":22", ":80")).path[-1].chain, "INPUT")
        with self.assertRaises(FileNotFoundError):
            tables.simulate(SSH, routes="no such file")

    def test_what_is_wrong_is_told(self):
        with self.assertRaises(RulesetError) as raised:
            firewall().simulate("tcp 192.0.2.7 -> in eth0")
        self.assertEqual(raised.exception.diagnostics[0].code, "packet/syntax")

    def test_expectations(self):
        tables = firewall()
        tables.expect(SSH, Rule.ACCEPT)
        tables.expect(SSH.replace(":22", ":23"), "BLOCK")
        report = tables.test()
        self.assertTrue(report, str(report))
        self.assertEqual((report.count, report.rules, len(report.never_met)), (2, 2, 1))
        tables.expect(SSH, "DROP")
        report = tables.test()
        self.assertFalse(report)
        self.assertIn("test_simulate.py", report.failures[0])
        tables.expect(SSH, "PERHAPS")
        with self.assertRaises(RulesetError):
            tables.test()

    def test_the_function_is_meant_for_the_tables_that_are_tested_next(self):
        expect(SSH, ACCEPT)
        expect(SSH.replace(":22", ":23"), DROP)
        tables = firewall()
        self.assertTrue(tables.test())
        self.assertEqual(tables.test().count, 2)
        self.assertEqual(firewall().test().count, 0)
        expect(SSH, DROP)
        (failure,) = firewall().test().failures
        self.assertIn("test_simulate.py", failure)


if __name__ == "__main__":
    unittest.main()
