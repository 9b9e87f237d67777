"""Hosts: lists and ranges of addresses."""

from ...base import DebugObject
from ...errors import WideningWarning, _warn
from ..arguments import ArgumentList
from ..matches import Match

__all__ = ["HostList", "HostRange", "Hosts"]


class Hosts(DebugObject):
    """Base of hosts. A subclass defines `as_input` and `as_output`."""

    def as_input(self):
        """The arguments of packets from there."""
        raise NotImplementedError

    def as_output(self):
        """The arguments of packets to there."""
        raise NotImplementedError

    @staticmethod
    def from_ip_list(string):
        """Hosts of addresses, networks and ranges (``1.1.1.1-1.1.1.9``) with commas or blanks between them.

        A list: one `HostList` of the addresses, and a `HostRange` each. Warns if there are none: a rule for no hosts is one for
        everybody.
        """
        if string is None:
            words = []
        elif isinstance(string, str):
            words = string.replace(",", " ").split()
        else:
            words = [str(word) for word in string]
        if not words:
            _warn("an empty list of hosts: a rule that takes it matches everybody", WideningWarning)
        hosts = [word for word in words if "-" not in word]
        ranges = [HostRange(word) for word in words if "-" in word]
        return ([HostList(hosts)] if hosts else []) + ranges


class HostList(Hosts):
    """Addresses and networks."""

    def __init__(self, hosts):
        super().__init__()
        self.hosts = hosts if isinstance(hosts, (list, tuple)) else list(hosts)

    def as_input(self):
        """The arguments of packets from there."""
        return ArgumentList(source=str(self))

    def as_output(self):
        """The arguments of packets to there."""
        return ArgumentList(destination=str(self))

    def __repr__(self):
        return f"<{type(self).__name__}: [{self}]>"

    def __str__(self):
        return ",".join(str(host) for host in self.hosts)


class HostRange(Hosts):
    """A range of addresses, ``FIRST-LAST``."""

    def __init__(self, range):
        super().__init__()
        self.range = range

    def as_input(self):
        """The match of packets from there."""
        return Match("iprange", src_range=self.range)

    def as_output(self):
        """The match of packets to there."""
        return Match("iprange", dst_range=self.range)

    def __repr__(self):
        return f"<{type(self).__name__}: {self.range}>"

    def __str__(self):
        return str(self.range)
