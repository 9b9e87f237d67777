"""One program for both families, and sets that tables declare."""

import os
import tempfile
import unittest

from pyptables import IPSet, Tables, default_tables
from pyptables.errors import PyPTablesError
from pyptables.rules import Accept, Drop, Reject


def rules(text):
    return [line for line in text.splitlines() if line.startswith("-A")]


class Families(unittest.TestCase):
    def setUp(self):
        self.tables = default_tables(family="both")
        self.input = self.tables["filter"]["INPUT"]

    def test_rules_follow_their_addresses(self):
        self.input.append(Accept(proto="tcp", dport="22"))
        self.input.append(Accept(source="192.0.2.1,2001:db8::1"))
        self.input.append(Accept(source="192.0.2.7"))
        self.input.append(Reject(reject_with="icmp-port-unreachable"))
        self.assertEqual(
            rules(self.tables.to_iptables(family=4)),
            [
                "-A INPUT -p tcp -j ACCEPT --dport 22",
                "-A INPUT -s 192.0.2.1 -j ACCEPT",
                "-A INPUT -s 192.0.2.7 -j ACCEPT",
                "-A INPUT -j REJECT --reject-with icmp-port-unreachable",
            ],
        )
        self.assertEqual(
            rules(self.tables.to_iptables(family=6)),
            [
                "-A INPUT -p tcp -j ACCEPT --dport 22",
                "-A INPUT -s 2001:db8::1 -j ACCEPT",
                "-A INPUT -j REJECT --reject-with icmp6-port-unreachable",
            ],
        )
        self.assertIn("-s 2001:db8::1/128", self.tables.to_iptables("save", family=6))
        with self.assertRaisesRegex(PyPTablesError, "family=4"):
            self.tables.to_iptables("save")

    def test_what_cannot_be_said_names_its_line(self):
        self.input.append(Drop(source__not="10.0.0.0/8"))
        found = [it for it in self.tables.check() if it.severity == "error"]
        self.assertEqual([it.code for it in found], ["family/inverted"])
        self.assertTrue(found[0].filename.endswith("test_families.py"))
        self.input[0] = Drop(ipv4=None, source__not="10.0.0.0/8")
        found = self.tables.check()
        self.assertEqual([it.code for it in found], ["family/differ"])

    def test_tables_stay_as_they_were(self):
        self.assertIsNone(default_tables().family)
        self.assertEqual(Tables(family=6).family, "6")
        with self.assertRaisesRegex(PyPTablesError, "family"):
            Tables(family="ipx")

    def test_declared_sets(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "list"), "w", encoding="utf-8") as out:
                out.write("# office\n192.0.2.0/24  # here\n\n2001:db8::/32\n")
            blocked = self.tables.append(
                IPSet("blocked", "hash:net", ["10.0.0.0/8"], file=os.path.join(folder, "list"), timeout=300)
            )
        self.input.append(Drop(args=[blocked.as_input()]))
        self.assertEqual(
            self.tables.to_ipset(),
            "create blocked hash:net timeout 300\nadd blocked 10.0.0.0/8\nadd blocked 192.0.2.0/24\n"
            "create blocked6 hash:net family inet6 timeout 300\nadd blocked6 2001:db8::/32\n",
        )
        self.assertIn("--match-set blocked6 src", self.tables.to_iptables(family=6))
        self.assertEqual(self.tables.check(), [])
        with self.assertRaisesRegex(PyPTablesError, "type"):
            self.tables.append(IPSet("blocked"))
        with self.assertRaisesRegex(PyPTablesError, "type"):
            IPSet("blocked", entries=["10.0.0.1"])

    def test_a_set_that_is_wrong(self):
        self.tables.append(IPSet("blocked", "hash:net", ["10.0.0.0/8 nonsense"]))
        with self.assertRaisesRegex(PyPTablesError, "nonsense"):
            self.tables.to_ipset()


if __name__ == "__main__":
    unittest.main()
