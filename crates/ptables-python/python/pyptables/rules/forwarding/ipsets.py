"""Sets of addresses that the kernel holds."""

from ...base import DebugObject
from ..matches import Match


class IPSet(DebugObject):
    """An ipset, by its name; it must exist when the rules are restored."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def as_input(self):
        """The match of packets from there."""
        return Match("set", match_set=[self.name, "src"])

    def as_output(self):
        """The match of packets to there."""
        return Match("set", match_set=[self.name, "dst"])

    def __repr__(self):
        return f"<{type(self).__name__}: {self.name}>"

    def __str__(self):
        return str(self.name)
