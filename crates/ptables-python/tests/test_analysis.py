"""What holds of all packets."""

import unittest

from pyptables import default_tables
from pyptables.rules import Accept, Drop


def firewall(ports):
    tables = default_tables()
    chain = tables["filter"]["FORWARD"]
    chain.policy = "DROP"
    for port in ports:
        chain.append(Accept(proto="tcp", dport=str(port)))
    return tables


class Analysis(unittest.TestCase):
    def test_check_looks_at_all_packets_if_asked(self):
        tables = firewall([22])
        chain = tables["filter"]["FORWARD"]
        chain.append(Drop(proto="tcp", dport="22"))
        chain.append(Drop(proto="tcp", dport="22"))  # ptables: ignore check/unreachable-rule: a test
        self.assertEqual(tables.check(), [])
        (found,) = [it for it in tables.check(analysis=True) if it.code == "check/unreachable-rule"]
        self.assertTrue(found.filename.endswith("test_analysis.py"))

    def test_diff_names_the_packets(self):
        old, new = firewall([22]), firewall([22, 80])
        self.assertFalse(old.diff(firewall([22])))
        found = old.diff(new)
        self.assertTrue(found)
        (one,) = found.differences
        self.assertEqual((one["family"], one["path"], one["what"]), ("IPv4", "forward", "newly allowed"))
        self.assertIn("destination port 80", str(found))
        self.assertFalse(new.diff(new.to_iptables("save")))

    def test_reach_has_classes_and_edges(self):
        found = firewall([22]).reach(22)
        self.assertEqual((found.classes, found.edges), ([["0.0.0.0/0"]], [(0, 0)]))
        self.assertEqual(firewall([22]).reach(23).edges, [])
        self.assertIn("1 classes", str(found))
        for wrong in ({"proto": "icmp"}, {"path": "sideways"}, {"to": "x"}, {"policy": "x"}):
            with self.assertRaises(ValueError):
                firewall([22]).reach(22, **wrong)

    def test_fix_advises(self):
        tables = firewall([22, 80, 22])
        found = tables.fix()
        self.assertEqual(sorted(it["action"] for it in found.changes), ["join", "remove"])
        self.assertIn("test_analysis.py:14", str(found))
        self.assertFalse(firewall([22, 80]).fix(join=False))


if __name__ == "__main__":
    unittest.main()
