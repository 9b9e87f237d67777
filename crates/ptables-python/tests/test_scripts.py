"""Scripts that run here and under `ptables render`: both make the rules of the file beside them."""

import pathlib
import runpy
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[3] / "examples" / "pyptables"


class Scripts(unittest.TestCase):
    def test_each_script_makes_its_rules(self):
        scripts = sorted(SCRIPTS.glob("*.py"))
        self.assertGreaterEqual(len(scripts), 4)
        for script in scripts:
            with self.subTest(script.name):
                tables = runpy.run_path(str(script))["tables"]
                lines = [line for line in tables.to_iptables().splitlines() if line[:1] in ("-", ":", "*", "C")]
                self.assertEqual(lines, script.with_suffix(".rules").read_text().splitlines())
