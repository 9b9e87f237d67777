"""What scripts rely on, beyond the text: shapes, subclasses, what is read when, copies."""

import copy
import functools
import ipaddress
import pickle
import unittest
import warnings
from collections import OrderedDict

import pyptables
from pyptables import BuiltinChain, Jump, Match, Rule, Table, Tables, UserChain, default_tables
from pyptables.base import DebugObject
from pyptables.chains import AbstractChain
from pyptables.rules import AbstractRule, Accept, CompositeRule, CustomRule, Drop
from pyptables.rules.arguments import ArgumentList, CustomArgument, UnboundArgument
from pyptables.rules.forwarding.channels import TCPChannel
from pyptables.rules.marks import Mark, Marked, random_mark


def said(rule):
    (text,) = rule.rule_definitions()
    return text


class Containers(unittest.TestCase):
    def test_tables_are_dicts_that_only_append_adds_to(self):
        tables = default_tables()
        self.assertIsInstance(tables, OrderedDict)
        self.assertIsInstance(tables["filter"], OrderedDict)
        self.assertEqual(list(tables), ["filter", "nat", "mangle"])
        table, chain = Table("raw"), UserChain("x")
        self.assertIs(tables.append(table), table)
        self.assertIs(table.append(chain), chain)
        with self.assertRaises(TypeError):
            tables["raw"] = table
        with self.assertRaises(TypeError):
            table["y"] = chain
        with self.assertRaises(KeyError):
            tables["nothing"]
        self.assertIs(tables.pop("raw"), table)

    def test_chains_are_lists(self):
        chain = UserChain("x", "c", [Accept(), Drop()])
        self.assertIsInstance(chain, list)
        first, second = chain
        chain.insert(0, second)
        chain.insert(first, 0)
        self.assertEqual(chain, [first, second, first, second])
        del chain[1:]
        chain += [second]
        self.assertIsInstance(chain, UserChain)
        chain.sort(key=id)
        self.assertEqual(chain.index(second), list(chain).index(second))
        self.assertEqual(repr(UserChain("x", rules=[Drop()])), "<UserChain: x - [<Rule: ['-j DROP']>]>")

    def test_everything_is_where_it_was(self):
        for name in "default_tables restore colorize uncolorize make_colorizer add_line_numbers Tables Table".split():
            self.assertTrue(hasattr(pyptables, name), name)
        for name in "BuiltinChain UserChain Rule CustomRule Accept Drop Jump Redirect Return Log Match".split():
            self.assertTrue(hasattr(pyptables, name), name)
        for made in (default_tables(), Table("x"), UserChain("x"), Accept, CustomRule("x"), CompositeRule([])):
            self.assertIsInstance(made, DebugObject)
        self.assertIsInstance(Accept, AbstractRule)
        self.assertTrue(issubclass(BuiltinChain, AbstractChain))


class Rules(unittest.TestCase):
    def test_a_rule_is_a_template_and_gives_plain_rules(self):
        class Mine(Rule):
            pass

        self.assertIs(type(Mine(proto="tcp")(dport="1")), Rule)
        self.assertIs(type(Jump("x")(dport="1")), Rule)
        self.assertEqual(said(Rule("a", proto="tcp")("b", dport="1")), "-p tcp --dport 1 -m comment --comment b")
        self.assertEqual(Rule("a")().comment, "a")
        by_return = functools.partial(Marked, jump="RETURN")
        self.assertEqual(said(by_return(Mark("3"))), "-j RETURN --match mark --mark 3")

    def test_values(self):
        self.assertEqual(said(Rule(syn=None, f="", x=[1, "b c"], y__not="2")), '-f --syn --x 1 "b c" ! -y 2'.replace("--x", "-x"))
        self.assertEqual(said(Rule(dport=22, to=ipaddress.ip_network("10.0.0.0/8"))), "--dport 22 --to 10.0.0.0/8")
        for name in "p s d i o j g f proto source destination in_interface out_interface jump goto fragment".split():
            rule = Rule(**{name: 3})
            with self.assertRaises(ValueError):
                rule.to_iptables()

    def test_a_jump_takes_name_and_comment_at_once_all_else_is_read_late(self):
        chain = UserChain("x", "c")
        jump = Jump(chain)
        chain.name, chain.comment = "y", "d"
        self.assertEqual(said(jump), "-j x -m comment --comment c")
        self.assertIn('"y"', chain.to_iptables().rules)
        composite = CompositeRule([])
        composite._rules.append(Drop())
        self.assertEqual(composite.rule_definitions(), ["-j DROP"])
        lists = Rule(args=[ArgumentList(a="1")])
        lists.arguments.args[0].kwargs["a"] = "2"
        self.assertEqual(said(lists), "-a 2")

    def test_the_quick_way_and_the_general_way_say_the_same(self):
        calls = [
            dict(proto="tcp", dport=1, comment="c", jump="X"),
            dict(x=[1, 2], source__not="a", f="", goto="g", args=[Match("conntrack", ctstate="NEW"), TCPChannel(dports="1")]),
            dict(ctstate="NEW", match="conntrack"),
            dict(jump="LOG", prefix="a b"),
            dict(source="b", s="a"),
        ]
        for call in calls:
            quick, general = Rule(**call), Rule(**call)
            self.assertIsInstance(general.arguments, ArgumentList)
            self.assertEqual(said(quick), said(general))

    def test_argument_lists(self):
        arguments = ArgumentList(Rule._known_args, [Match("x")], p__not="tcp", dport="3")
        self.assertEqual(str(arguments), "! -p tcp --dport 3 -m x")
        self.assertEqual(arguments["proto"].value, "tcp")
        self.assertIn("dport", arguments)
        with self.assertRaises(KeyError):
            arguments["sport"]
        self.assertEqual(UnboundArgument("z", "zed", invertable=True).bind("zed__not", "1").to_iptables(), "! -z 1")
        self.assertEqual(CustomArgument("a_b__not", None).to_iptables(), "! --a-b")

    def test_copies_and_pickles(self):
        tables = default_tables()
        tables["filter"]["INPUT"].append(Mark("1", comment="c", proto="tcp"))
        for made in (copy.deepcopy(tables), pickle.loads(pickle.dumps(tables)), copy.copy(tables), tables.copy()):
            self.assertIs(type(made), Tables)
            self.assertEqual(made.to_iptables(), tables.to_iptables())
        deep = copy.deepcopy(tables)
        deep["filter"]["INPUT"].clear()
        self.assertEqual(len(tables["filter"]["INPUT"]), 1)
        self.assertEqual(pickle.loads(pickle.dumps(Mark("7"))).mark, "7")

    def test_star_imports(self):
        for module in ("", ".rules", ".rules.forwarding.channels", ".rules.forwarding.hosts", ".matches", ".targets", ".errors"):
            space = {}
            exec(f"from pyptables{module} import *", space)
            self.assertGreater(len(space), 2, module)


class Lines(unittest.TestCase):
    def test_each_rule_knows_its_line_however_many_came_before(self):
        source = "".join(f"rules.append(Rule(\n    'x'))\nfor _ in range({k}): rules.append(Rule())\n" for k in range(40))
        rules = []
        exec(compile(source, "long.py", "exec"), {"Rule": Rule, "rules": rules})
        wanted = [line for k in range(40) for line in [3 * k + 1] + [3 * k + 3] * k]
        self.assertEqual([rule.lineno for rule in rules], wanted)

    def test_a_long_script_takes_no_longer_for_each_line(self):
        import time

        def seconds(lines):
            rules = []
            code = compile("rules.append(Rule(proto='tcp'))\n" * lines, "long.py", "exec")
            start = time.process_time()
            exec(code, {"Rule": Rule, "rules": rules})
            return time.process_time() - start

        seconds(1000)
        self.assertLess(seconds(20_000), 1, "20,000 lines took 11 s when each was counted from the first")


class Marks(unittest.TestCase):
    def test_random_marks_differ_and_are_the_same_from_run_to_run(self):
        marks = [random_mark().mark for _ in range(1000)]
        self.assertEqual(len(set(marks)), 1000)
        self.assertTrue(all(0 < mark < 0x10000 for mark in marks))
        import subprocess
        import sys

        code = "from pyptables.rules.marks import random_mark; print([random_mark().mark for _ in range(5)])"
        runs = {subprocess.check_output([sys.executable, "-c", code]) for _ in range(2)}
        self.assertEqual(len(runs), 1)


class Terminal(unittest.TestCase):
    def test_colours_and_numbers(self):
        text = "# a\n*x\n:y - [0:0]\n-A y ! -p tcp\nCOMMIT"
        shown = pyptables.colorize(text)
        self.assertIn("\x1b[33m-A\x1b[0m y \x1b[1;31m!\x1b[0m", shown)
        self.assertEqual(pyptables.uncolorize(shown), text)
        self.assertEqual(pyptables.make_colorizer("31")("x"), "\x1b[31mx\x1b[0m")
        self.assertEqual(pyptables.add_line_numbers("a\nb", start=9), "9 | a\n10 | b")

    def test_the_module_runs(self):
        from pyptables.__main__ import example

        self.assertEqual(example().check(), [])
        import subprocess
        import sys

        for options in ([], ["--color"], ["--colorize", "--line-numbers"]):
            done = subprocess.run([sys.executable, "-m", "pyptables", *options], capture_output=True, text=True, check=True)
            self.assertIn("COMMIT", done.stdout)
            self.assertEqual("\x1b" in done.stdout, bool(options))


if __name__ == "__main__":
    unittest.main()
