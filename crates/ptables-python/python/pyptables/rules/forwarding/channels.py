"""Channels: protocols, ports and states of connections."""

from ..arguments import ArgumentList, UnboundArgument
from ..matches import Match

__all__ = ["Channel", "ICMPChannel", "PortChannel", "StatefulChannel", "TCPChannel", "UDPChannel"]


def _commas(values):
    """One word of a list, or the value as it is."""
    if isinstance(values, (list, tuple, set, frozenset, range)):
        return ",".join(str(value) for value in values)
    return values if isinstance(values, str) else str(values)


class Channel(ArgumentList):
    """Any arguments that rules have in common, with a protocol."""

    def __init__(self, known_args=(), **kwargs):
        super().__init__((UnboundArgument("p", "proto", invertable=True), *known_args), **kwargs)

    def _shown(self, name):
        """The value of an argument, ``any`` without it."""
        return self[name].value if name in self else "any"

    def __str__(self):
        return str(self._shown("p"))


class StatefulChannel(Channel):
    """A channel for connections in some states (``NEW,ESTABLISHED`` or a list), or in any."""

    def __init__(self, states="", args=None, **kwargs):
        args = list(args or ())
        if states:
            args.append(Match("conntrack", ctstate=_commas(states)))
        super().__init__(args=args, **kwargs)

    def __str__(self):
        shown = super().__str__()
        return f"{shown}, {self._shown('ctstate')}" if "ctstate" in self else shown


class PortChannel(StatefulChannel):
    """A channel of ports (``22,8000:8080``, a number or a list), 15 at most; a range counts as two."""

    def __init__(self, sports="", dports="", args=None, **kwargs):
        ports = {name: _commas(value) for name, value in (("dports", dports), ("sports", sports)) if value}
        multiport = [Match("multiport", **ports)] if ports else []
        super().__init__(args=[*(args or ()), *multiport], **kwargs)

    def __str__(self):
        return f"{super().__str__()}, ports {self._shown('sports')} -> {self._shown('dports')}"


class TCPChannel(PortChannel):
    """A channel of TCP ports."""

    def __init__(self, **kwargs):
        super().__init__(proto="tcp", **kwargs)


class UDPChannel(PortChannel):
    """A channel of UDP ports."""

    def __init__(self, **kwargs):
        super().__init__(proto="udp", **kwargs)


class ICMPChannel(StatefulChannel):
    """A channel of one type of ICMP messages, or of all."""

    def __init__(self, icmp_type="", args=None, **kwargs):
        kind = {"icmp_type": icmp_type} if icmp_type else {}
        super().__init__(args=args, proto="icmp", **kind, **kwargs)

    def __str__(self):
        return f"{super().__str__()}, type {self._shown('icmp_type')}"
