"""What PyPTables does not have: checks, other layouts, reading text, errors with findings, the catalogue."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import peer
import pyptables
from pyptables import Rule, Table, Tables, UserChain, default_tables, matches, parse, targets
from pyptables.errors import CallError, InternalError, PyPTablesError, RestoreError, RulesetError, UnavailableError
from pyptables.rules import Accept, CustomRule

ROOT = pathlib.Path(os.environ.get("PTABLES_ROOT", pathlib.Path(__file__).parents[3]))


class Checks(unittest.TestCase):
    def test_findings_name_the_line(self):
        tables = default_tables()
        tables["filter"]["INPUT"].append(Accept(proto="tcp", dprot="22"))
        (found,) = tables.check(backend="legacy", version="1.8.9")
        self.assertEqual((found.code, found.severity), ("parse/unknown-option", "error"))
        self.assertEqual(os.path.basename(found.filename), "test_new.py")
        self.assertEqual(found.lineno, tables["filter"]["INPUT"][0].lineno)
        self.assertIn("dport", found.replacement or found.help)
        self.assertIn(found.message, found.render())
        self.assertIn(found.message, str(found))
        self.assertIn('"code":"parse/unknown-option"', found.to_json())
        self.assertEqual(found.labels[0].lineno, found.lineno)
        self.assertTrue(found.labels[0].primary)
        with self.assertRaises(RulesetError) as raised:
            tables.to_iptables(style="save")
        self.assertEqual(raised.exception.diagnostics[0].code, found.code)

    def test_family_and_back_end(self):
        tables = default_tables()
        tables["filter"]["INPUT"].append(Accept(source="2001:db8::/32"))
        self.assertEqual(tables.check(), [], "the address tells the family")
        self.assertNotEqual(tables.check(family=4), [])
        self.assertEqual(tables.check(family="IPv6", backend="nft"), [])
        for wrong in (dict(family=5), dict(backend="x"), dict(version="x")):
            with self.assertRaises(CallError):
                tables.check(**wrong)
        with self.assertRaises(ValueError):
            tables.to_iptables(style="x")

    def test_the_layout_of_iptables_save(self):
        tables = Tables(Table("filter", UserChain("x", rules=[Accept(proto="tcp", dport=22, source="10.1.2.3/8")])))
        text = tables.to_iptables(style="save", backend="legacy", version="1.8.9")
        self.assertIn("-A x -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT\n", text)

    def test_classes_that_make_text_of_their_own_are_checked_by_it(self):
        class Own(Rule):
            def to_iptables(self, prefix=""):
                return f"{self._header()}\n{prefix} -j NOSUCH"

        tables = default_tables()
        tables["filter"]["INPUT"].append(Own())
        found = tables.check()
        self.assertTrue(any(it.lineno == tables["filter"]["INPUT"][0].lineno for it in found), found)


class Parsing(unittest.TestCase):
    def test_text_comes_back_with_its_lines(self):
        tables = default_tables()
        chain = tables["filter"].append(UserChain("x"))
        chain.append(Accept(proto="tcp", dport="22", comment='a "b"'))
        tables["filter"]["INPUT"].policy = "DROP"
        again = parse(tables.to_iptables())
        self.assertIsInstance(again, Tables)
        self.assertEqual(again["filter"]["INPUT"].policy, "DROP")
        (rule,) = again["filter"]["x"]
        self.assertIsInstance(rule, CustomRule)
        self.assertEqual((rule.filename, rule.lineno), (chain[0].filename, chain[0].lineno))
        self.assertEqual(again.to_iptables(style="save"), tables.to_iptables(style="save"))

    def test_commands_are_carried_out(self):
        text = "*filter\n:x - [0:0]\n-A x -j DROP\n-I x -j ACCEPT\n-R x 2 -j RETURN\n-A x -j LOG\n-D x -j LOG\nCOMMIT\n"
        self.assertEqual([it.rule for it in parse(text)["filter"]["x"]], ["-j ACCEPT", "-j RETURN"])

    def test_what_is_no_text_of_rules_is_refused(self):
        for wrong in ("*filter\n-A INPUT -j ACCEPT\n", "nonsense\n", "*filter\n-D INPUT 7\nCOMMIT\n"):
            with self.assertRaises(RulesetError):
                parse(wrong)


class Catalogue(unittest.TestCase):
    def test_every_match_and_target_has_a_function(self):
        self.assertGreater(len(matches.__all__), 50)
        self.assertEqual(str(matches.conntrack(ctstate__not="NEW")), "-m conntrack ! --ctstate NEW")
        self.assertEqual(str(matches.recent(name="x", set=True, rttl=False)), "-m recent --name x --set")
        self.assertEqual(str(matches.set(match_set=["x", "src"])), "-m set --match-set x src")
        self.assertEqual(str(matches.string(algo="bm", from_=1, string="a b")), '-m string --algo bm --from 1 --string "a b"')
        rule = targets.REJECT(reject_with="tcp-reset")(proto="tcp")
        self.assertEqual(rule.rule_definitions(), ["-p tcp -j REJECT --reject-with tcp-reset"])
        self.assertIn("limit", matches.limit.__doc__)
        with self.assertRaisesRegex(TypeError, "did you mean `ctstate`"):
            matches.conntrack(ctstat="NEW")
        with self.assertRaises(AttributeError):
            matches.nosuch
        for space in (matches, targets):
            for name in space.__all__:
                self.assertTrue(getattr(space, name).__doc__, name)


class Errors(unittest.TestCase):
    def test_one_base_and_one_class_for_each_who_can_mend_it(self):
        for kind in (RulesetError, CallError, UnavailableError, InternalError, RestoreError):
            self.assertTrue(issubclass(kind, PyPTablesError))
            self.assertEqual(kind("x").diagnostics, [])
        self.assertTrue(issubclass(RestoreError, RulesetError))
        self.assertTrue(issubclass(RulesetError, ValueError))


RESTORE = """
import sys
from pyptables import default_tables, restore
from pyptables.errors import RestoreError, PyPTablesError
from pyptables.rules import Accept, Rule
backend = sys.argv[1]
tables = default_tables()
tables["filter"]["INPUT"].append(Accept(proto="tcp", dport=22))
assert restore(tables, backend=backend) == (b"", b"")
restore(tables.to_iptables(), backend=backend, test=True)
tables["filter"]["INPUT"].append(Rule(jump="ACCEPT", args=[], match="set", match_set=["nosuch", "src"]))
try:
    restore(tables, backend=backend)
except RestoreError as error:
    print(error.origin, tables["filter"]["INPUT"][1].lineno, error.diagnostics[-1].code)
restore("*filter\\n-A INPUT -p udp -j ACCEPT\\nCOMMIT\\n", backend=backend, noflush=True)
try:
    restore("*filter\\n-A INPUT --oops\\nCOMMIT\\n", backend=backend)
except RestoreError as error:
    print(error.origin)
restore(default_tables(), family=6, backend=backend)
"""


@unittest.skipIf(os.geteuid() != 0 and not os.environ.get("CI"), "namespaces of the network need root")
class Restoring(unittest.TestCase):
    def test_in_a_namespace(self):
        for backend in ("legacy", "nft"):
            with self.subTest(backend), tempfile.TemporaryDirectory() as directory:
                script = pathlib.Path(directory, "script.py")
                script.write_text(RESTORE)
                environment = {**os.environ, "XTABLES_LOCKFILE": f"{directory}/lock"}
                command = f"{sys.executable} {script} {backend} && iptables-{backend}-save"
                done = peer.in_namespace(["sh", "-c", command], env=environment)
                self.assertEqual(done.returncode, 0, done.stderr)
                first, second, *saved = done.stdout.splitlines()
                place, line, code = first.split()
                self.assertEqual((place, code), (f"{script}:{line}", "kernel/refused"))
                self.assertEqual(second, "<text>:2")
                rules = [it for it in saved if it.startswith("-A")]
                self.assertEqual(rules, ["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "-A INPUT -p udp -j ACCEPT"])


class Documents(unittest.TestCase):
    def test_examples_of_the_documents_run(self):
        for name in ("README.md", "docs/migrating-from-pyptables.md"):
            blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
            self.assertTrue(blocks, name)
            for block in blocks:
                done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, f"{name}: {block}{done.stderr}")
                self.assertIn("COMMIT", done.stdout)

    def test_everything_public_is_documented(self):
        import inspect
        import pkgutil

        package = pathlib.Path(pyptables.__file__).parent
        for info in pkgutil.walk_packages([str(package)], "pyptables."):
            if info.name.rsplit(".", 1)[-1].startswith("_"):
                continue
            module = __import__(info.name, fromlist=["x"])
            self.assertTrue(module.__doc__, info.name)
            for name, value in vars(module).items():
                if name.startswith("_") or getattr(value, "__module__", None) != info.name:
                    continue
                self.assertTrue(inspect.getdoc(value), f"{info.name}.{name}")
                for method, function in vars(value).items() if inspect.isclass(value) else ():
                    if inspect.isfunction(function) and not method.startswith("_"):
                        self.assertTrue(inspect.getdoc(function), f"{info.name}.{name}.{method}")

    def test_scripts_pass_the_type_checker(self):
        scripts = re.findall(r"```python\n(.*?)```", (ROOT / "docs/migrating-from-pyptables.md").read_text(), re.DOTALL)
        with tempfile.TemporaryDirectory() as directory:
            for text, fine in ((scripts[0], True), ("from pyptables import matches\nmatches.limit(limt='3/s')", False)):
                script = pathlib.Path(directory, "script.py")
                script.write_text(text)
                command = [sys.executable, "-m", "mypy", "--strict", str(script)]
                done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)
                self.assertEqual(done.returncode == 0, fine, done.stdout)

    def test_the_stubs_are_those_of_the_module(self):
        allowed = str(pathlib.Path(__file__).with_name("stubtest.allow"))
        command = [sys.executable, "-m", "mypy.stubtest", "pyptables", "--concise", "--allowlist", allowed]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
