"""Plans, and what is applied, in network namespaces of their own."""

import os
import pathlib
import sys
import tempfile
import unittest

import peer

APPLY = """
import subprocess, sys, time
from pyptables import Owner, UserChain, default_tables
from pyptables.errors import RestoreError, UnavailableError
from pyptables.rules import Accept, CustomRule, Jump
backend, state = sys.argv[1:]
where = {"backend": backend, "state": state}

def save():
    lines = subprocess.run([f"iptables-{backend}-save"], capture_output=True, text=True).stdout.splitlines()
    return [line for line in lines if line.startswith("-A")]

foreign = "-A INPUT -s 192.0.2.9/32 -j DROP"
subprocess.run([f"iptables-{backend}", *foreign.split()], check=True)
tables = default_tables()
tables["filter"]["INPUT"].append(Accept(proto="tcp", dport="ssh"))
plan = tables.plan(**where)
assert plan and plan.families[0]["added"] == 1 and plan.families[0]["foreign"] == 1, str(plan)
(incoming,) = [chain for chain in plan.families[0]["chains"] if chain["chain"] == "INPUT"]
assert [rule["line"] for rule in incoming["rules"] if rule["change"] == "add"] == [tables["filter"]["INPUT"][0].lineno]
done = tables.apply(**where)
assert done.id is None and not tables.plan(**where)
first = save()
assert first == [foreign, "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"], first
tables["filter"]["INPUT"].append(Accept(proto="tcp", dport=80))
done = tables.apply(confirm=60, **where)
try:
    tables.apply(**where)
    raise SystemExit("a second one went through")
except UnavailableError as error:
    assert done.id in str(error)
done.rollback()
assert save() == first
done = tables.apply(confirm=60, **where)
done.confirm()
assert len(save()) == 3
tables["filter"]["INPUT"].append(Accept(proto="tcp", dport=81))
done = tables.apply(confirm=1, **where)
time.sleep(4)
assert len(save()) == 3, save()
tables["filter"]["INPUT"].pop()
tables["filter"]["INPUT"].append(CustomRule("-m set --match-set nosuch src -j DROP"))
try:
    tables.apply(**where)
except RestoreError as error:
    assert error.diagnostics[0].lineno == tables["filter"]["INPUT"][-1].lineno
assert len(save()) == 3
owner = Owner(**where)
assert owner.pending() is None and not owner.drift()
assert [rule.place.split(":")[1] for rule in owner.counters()][0].startswith(str(tables["filter"]["INPUT"][0].lineno))
assert [it.what for it in owner.history()] == ["applied", "rolled back", "confirmed", "rolled back"], owner.history()
subprocess.run([f"iptables-{backend}", "-D", "INPUT", "-p", "tcp", "--dport", "80", "-j", "ACCEPT"], check=True)
assert owner.drift().families[0]["added"] == 1
tables["filter"]["INPUT"].pop()
tables["filter"]["INPUT"].append(CustomRule("-p tcp --dport 80 -m comment --comment web -j ACCEPT"))
text = str(tables.plan(**where))
assert "for packets" in text, text
assert tables.plan(analysis=False, **where).families[0]["difference"] is None
with tables.apply(**where) as done:
    assert [it.tag for it in owner.counters()] == [None, None, "web"], owner.counters()
assert save() == [foreign]
assert not owner.remove() and not owner.counters()
"""


@unittest.skipIf(os.geteuid() != 0 and not os.environ.get("CI"), "namespaces of the network need root")
class Applying(unittest.TestCase):
    def test_in_a_namespace(self):
        for backend in ("legacy", "nft"):
            with self.subTest(backend), tempfile.TemporaryDirectory() as directory:
                script = pathlib.Path(directory, "script.py")
                script.write_text(APPLY)
                environment = {**os.environ, "XTABLES_LOCKFILE": f"{directory}/lock"}
                done = peer.in_namespace([sys.executable, script, backend, f"{directory}/state"], env=environment)
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
