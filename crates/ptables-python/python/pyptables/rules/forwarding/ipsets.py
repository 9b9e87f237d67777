"""Sets of addresses that the kernel holds."""

import os

from ...base import DebugObject
from ...errors import ArgumentError
from ..matches import Match


class IPSet(DebugObject):
    """An ipset, by its name. With a type (``hash:net``) tables can declare it: ``tables.append(IPSet(...))``.

    Then `restore` makes it before the rules, and gives it these entries: those of a list, and those of ``file``, one a line, ``#``
    begins a remark; a name is taken from the folder of the script. Options are those of ``ipset create`` (``timeout=300``,
    ``counters=None``). Without a type the set must exist when the rules are restored.
    """

    def __init__(self, name, type=None, entries=None, file=None, **options):
        super().__init__()
        self.name = name
        self.type = type
        self.entries = [] if entries is None else entries if isinstance(entries, list) else list(entries)
        self.options = options
        if file is not None:
            self.entries = [*self.entries, *self._lines(file)]
        if type is None and (self.entries or options or file is not None):
            raise ArgumentError("a set with entries or options needs its type: IPSet(name, 'hash:net')")

    def _lines(self, file):
        with open(os.path.join(os.path.dirname(self.filename), file), encoding="utf-8") as lines:
            entries = [line.partition("#")[0].strip() for line in lines]
        return [entry for entry in entries if entry]

    def as_input(self):
        """The match of packets from there."""
        return self._matching("src")

    def as_output(self):
        """The match of packets to there."""
        return self._matching("dst")

    def _matching(self, direction):
        # A set of more than addresses is asked for each part, and never matches if it is asked for fewer.
        parts = 1 if self.type is None else self.type.count(",") + 1
        return Match("set", match_set=[self.name, ",".join([direction] * parts)])

    def __repr__(self):
        return f"<{type(self).__name__}: {self.name}>"

    def __str__(self):
        return str(self.name)
