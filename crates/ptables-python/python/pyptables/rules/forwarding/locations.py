"""Locations: hosts in a zone."""

from ...base import DebugObject
from ...errors import ArgumentTypeError
from ..arguments import ArgumentList
from .hosts import Hosts


class Location(DebugObject):
    """Some hosts in a zone; all of the zone without hosts, those hosts anywhere without a zone (None)."""

    @staticmethod
    def from_ip_list(name, zone, ips):
        """A location for each of the hosts that `Hosts.from_ip_list` finds."""
        found = []
        for hosts in Hosts.from_ip_list(ips):
            found.append(Location(name, zone, hosts))
        return found

    def __init__(self, name, zone, hosts=None):
        super().__init__()
        self.name = name
        self.zone = zone
        self.hosts = hosts

    def as_input(self):
        """The arguments of packets from there."""
        return ArgumentList(args=[part.as_input() for part in self._parts()])

    def as_output(self):
        """The arguments of packets to there."""
        return ArgumentList(args=[part.as_output() for part in self._parts()])

    def _parts(self):
        parts = [part for part in (self.zone, self.hosts) if part]
        for part in parts:
            if not hasattr(part, "as_input"):
                raise ArgumentTypeError(f"no zone or hosts: {part!r}", place=self.debug_info())
        return parts

    def __repr__(self):
        return f"<{type(self).__name__}: {self.name}, zone={self.zone}, hosts={self.hosts}>"

    def __str__(self):
        return f"{self.zone or 'Anywhere'}: {self.name}" if self.hosts else str(self.name)
