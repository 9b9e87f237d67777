"""Firewalls of zones: the example gateway, and what statements are told that are wrong."""

import pathlib
import runpy
import unittest

from pyptables import Firewall, IPSet, service
from pyptables.errors import ArgumentError, PyPTablesError
from pyptables.firewall import services
from pyptables.rules import Accept

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples"


class Gateway(unittest.TestCase):
    def test_the_example_makes_the_rules_of_the_files(self):
        made = runpy.run_path(str(EXAMPLES / "gateway.py"))
        for family in "46":
            text = made["tables"].to_iptables("save", family=family, backend="nft", version="1.8.9")
            self.assertEqual(text, (EXAMPLES / f"gateway.rules.v{family}").read_text())
        found = made["tables"].check()
        self.assertEqual({it.severity for it in found} - {"note"}, set())

    def test_rules_know_their_statement_and_tables_take_more(self):
        fw = Firewall()
        fw.zone("lan", "eth1", ["192.168.1.0/24"])
        fw.allow("lan", "host", [service("ssh"), "tcp/8080"])
        tables = fw.tables()
        tables["filter"]["INPUT"].insert(0, Accept(proto="tcp", dport="9"))
        rule = tables["filter"]["lan-host"][0]
        self.assertEqual(rule.rule, "-p tcp -j ACCEPT -m multiport --dports 22,8080")
        self.assertEqual((rule.function, rule.statement[2]), ("allow", self._testMethodName))
        self.assertTrue(rule.filename.endswith("test_firewall.py"))
        self.assertEqual(rule.lineno, rule.statement[1])
        self.assertIn("-A INPUT -p tcp -j ACCEPT --dport 9", tables.to_iptables(family=4))

    def test_sets_in_places(self):
        fw = Firewall(family=4)
        fw.zone("wan", "eth0")
        blocked = IPSet("blocked", "hash:net", ["198.51.100.0/24"])
        fw.drop(f"wan:@{blocked}", "host")
        tables = fw.tables()
        tables.append(blocked)
        self.assertIn("-A wan-host -m set --match-set blocked src -j DROP", tables.to_iptables("save"))

    def test_mistakes_name_their_lines(self):
        fw = Firewall()
        fw.zone("lan", "eth1")
        fw.allow("lna", "host", "ssh")
        fw.allow("lan", "host", "htpp")
        with self.assertRaises(PyPTablesError) as caught:
            fw.tables()
        found = caught.exception.diagnostics
        self.assertEqual([it.code for it in found], ["firewall/unknown-zone", "firewall/unknown-service"])
        self.assertEqual(found[1].lineno, found[0].lineno + 1)
        self.assertTrue(found[0].filename.endswith("test_firewall.py"))

    def test_services(self):
        self.assertEqual(service("domain").ports, "tcp/53 udp/53")
        self.assertEqual(str(service("ftp")), "ftp")
        self.assertGreater(len(services()), 100)
        with self.assertRaises(ArgumentError):
            service("htpp")


if __name__ == "__main__":
    unittest.main()
