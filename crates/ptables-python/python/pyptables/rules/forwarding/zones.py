"""Zones: networks behind an interface."""

from ...base import DebugObject
from ..arguments import ArgumentList
from ..matches import Match


class Zone(DebugObject):
    """What is behind an interface, and behind a port of a bridge if ``physdev`` is given."""

    def __init__(self, name, interface, physdev=None):
        super().__init__()
        self.name = name
        self.interface = interface
        self.physdev = physdev

    def as_input(self):
        """The arguments of packets from there."""
        args = [Match("physdev", physdev_in=self.physdev)] if self.physdev else []
        return ArgumentList(args=args, in_interface=self.interface)

    def as_output(self):
        """The arguments of packets to there."""
        args = [Match("physdev", physdev_out=self.physdev)] if self.physdev else []
        return ArgumentList(args=args, out_interface=self.interface)

    def __repr__(self):
        return f"<{type(self).__name__}: {self.name}>"

    def __str__(self):
        return self.name
