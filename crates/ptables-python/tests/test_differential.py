"""The same scripts on the original and on ours: the same text, apart from the listed differences."""

import difflib
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import peer
from programs import HEAD, Maker

PROGRAMS = 200
DOCUMENTED = pathlib.Path(__file__).with_name("documented.py").read_text().split("\n#---\n")


def differences(one, other):
    return "\n".join(difflib.unified_diff(one.splitlines(), other.splitlines(), "original", "ours", lineterm=""))


class Differential(unittest.TestCase):
    def compare(self, programs):
        theirs, ours = peer.run(programs, peer.PEER), peer.run(programs)
        for number, (program, (their, _), (our, again)) in enumerate(zip(programs, theirs, ours)):
            with self.subTest(number=number):
                self.assertEqual(our, again, "made twice, the text differs")
                if peer.same(their) != peer.same(our):
                    self.fail(f"{differences(peer.same(their), peer.same(our))}\n{program}")
        return [(their, our) for (their, _), (our, _) in zip(theirs, ours) if not their.startswith("!")]

    def test_scripts_of_the_documentation_and_of_every_class(self):
        pairs = self.compare(DOCUMENTED)
        self.assertGreater(len(pairs), 15)

    def test_programs_by_chance_and_what_the_kernel_makes_of_them(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
        print(f"seed {seed}", file=sys.stderr)
        programs = [Maker(f"{seed}.{number}").program() for number in range(PROGRAMS)]
        pairs = self.compare(programs)
        self.assertEqual(len(pairs), PROGRAMS, "a program fails")
        loaded = self.load(pairs)
        self.assertGreater(loaded, PROGRAMS // 2, "too few programs load to say anything")

    def load(self, pairs):
        """Loads both texts of each pair, one after the other: the saved rules must be the same."""
        if os.geteuid() != 0 or shutil.which("iptables-legacy-restore") is None:
            if os.environ.get("CI"):
                self.fail("the kernel tests need root and iptables")
            self.skipTest("the kernel's part needs root and iptables")
        with tempfile.TemporaryDirectory() as directory:
            for number, pair in enumerate(pairs):
                for name, text in zip(("their", "our"), pair):
                    pathlib.Path(directory, f"{number}.{name}").write_text(text)
            script = pathlib.Path(__file__).with_name("load.sh")
            environment = {**os.environ, "XTABLES_LOCKFILE": f"{directory}/lock"}
            done = peer.in_namespace(["sh", str(script), directory, str(len(pairs))], env=environment)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return int(re.search(r"loaded (\d+)", done.stdout)[1])


class OriginalSuite(unittest.TestCase):
    """The tests of the original's source package, unmodified, on our package."""

    def test_it_passes(self):
        import pyptables

        with tempfile.TemporaryDirectory() as directory:
            package = pathlib.Path(directory, "pyptables")
            shutil.copytree(pathlib.Path(pyptables.__file__).parent, package)
            shutil.copytree(pathlib.Path(peer.PEER_SOURCE, "pyptables", "test"), package / "test")
            done = subprocess.run(
                [sys.executable, "-m", "unittest", "-v", "pyptables.test"],
                cwd=directory,
                env={**os.environ, "PYTHONPATH": directory},
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stderr, r"Ran [1-9]\d* test")


class Quirks(unittest.TestCase):
    def test_the_peer_is_the_original(self):
        """What the listed differences are about is still so: else the list is stale."""
        programs = [
            HEAD + "tables['filter']['INPUT'].append(Accept(ctstate='NEW', match='conntrack'))",
            HEAD + "tables['filter']['INPUT'].append(Rule(s='a')(source='b'))",
        ]
        for their, our in self.pairs(programs):
            self.assertNotEqual(peer.same(their), peer.same(our))

    @staticmethod
    def pairs(programs):
        return [(their[0], our[0]) for their, our in zip(peer.run(programs, peer.PEER), peer.run(programs))]


if __name__ == "__main__":
    unittest.main()
