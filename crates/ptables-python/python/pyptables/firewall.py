"""Higher-level rules: zones, services, policies between zones, published servers. They become ordinary tables."""

import sys
from collections import namedtuple

from . import _core
from ._options import family_name
from .base import DebugObject
from .chains import BuiltinChain, UserChain
from .errors import ArgumentError
from .rules.base import CustomRule
from .tables import Table, Tables

__all__ = ["Firewall", "Service", "service", "services"]


class Service(namedtuple("Service", ["name", "ports", "helper", "about"])):
    """A service of the catalogue: its name, protocols and ports (``tcp/53 udp/53``), conntrack helper, and what it is."""

    __slots__ = ()

    def __str__(self):
        return self.name


def service(name):
    """The service that IANA registered under this name. Raises `ArgumentError` if the catalogue does not have it."""
    found = _core.service(name)
    if found is None:
        raise ArgumentError(f"there is no service `{name}`: write its protocol and port (`tcp/8080`)")
    return Service(*found)


def services():
    """All services of the catalogue, in order of name."""
    return [service(name) for name in _core.services()]


class FirewallRule(CustomRule):
    """A rule that a statement of a `Firewall` made; ``statement`` is its file, line and function."""

    statement = None


class Firewall(DebugObject):
    """Zones and what may pass between them; `tables` makes ordinary tables of it, for both families unless told otherwise.

    A place is a zone (``lan``), ``host`` for this machine, or ``any`` for all zones, perhaps with hosts behind a colon:
    ``lan:192.168.1.7``, ``wan:198.51.100.0/24,2001:db8::/32``, ``lan:10.0.0.1-10.0.0.9``, ``wan:@blocked`` for a set. Where
    several words may stand, they are a list, or one text with blanks between them.
    """

    def __init__(self, family="both"):
        super().__init__()
        self.family = family_name(family)
        self._statements = []

    def zone(self, name, interfaces=None, networks=None, antispoof=None):
        """A zone: what is behind these interfaces, or, without any, what has an address of its networks.

        Packets from a zone with networks that come from elsewhere are spoofed and dropped, unless ``antispoof=False``.
        """
        self._say("zone", name=name, interfaces=interfaces, networks=networks, antispoof=antispoof)

    def service(self, name, ports, helper=None):
        """A service of your own: ``tcp/8080 udp/60000:61000``, perhaps with a conntrack helper."""
        self._say("service", name=name, ports=ports, helper=helper)

    def allow(self, sources, destinations, services=None, limit=None, log=None):
        """Lets new connections through: all, or those of some services (``http``, ``tcp/8080``).

        ``limit`` (``4/minute``) is for each source; more are dropped.
        """
        self._say("allow", sources=sources, destinations=destinations, services=services, limit=limit, log=log)

    def drop(self, sources, destinations, services=None, limit=None, log=None):
        """Drops new connections in silence."""
        self._say("drop", sources=sources, destinations=destinations, services=services, limit=limit, log=log)

    def reject(self, sources, destinations, services=None, limit=None, log=None):
        """Drops new connections and tells their senders."""
        self._say("reject", sources=sources, destinations=destinations, services=services, limit=limit, log=log)

    def policy(self, sources, destinations, verdict, log=None):
        """What happens to connections between zones that no other statement decides: ACCEPT, DROP or REJECT.

        Without one they are dropped and logged, ten a minute.
        """
        self._say("policy", sources=sources, destinations=destinations, verdict=verdict, log=log)

    def publish(self, sources, services, server, port=None, address=None, hairpin=None):
        """Makes a server inside reachable: its IPv4 address by a forwarded port, its IPv6 address as it is.

        ``port`` is that of the server if it is another; ``address`` the one at which it is published (default: any of this
        machine). With ``hairpin=True`` zones inside reach it there too.
        """
        self._say(
            "publish",
            sources=sources,
            services=services,
            server=server,
            port=port,
            address=address,
            hairpin=hairpin,
        )

    def masquerade(self, destinations, sources=None):
        """Lets IPv4 packets to these zones leave with the address of the interface."""
        self._say("masquerade", destinations=destinations, sources=sources)

    def snat(self, destinations, address, sources=None):
        """Lets packets to these zones leave with this address."""
        self._say("snat", destinations=destinations, address=address, sources=sources)

    def syn_limit(self, sources, rate):
        """At most so many new TCP connections from one source, to wherever they go: ``100/second``."""
        self._say("syn_limit", sources=sources, rate=rate)

    def tables(self):
        """The tables: ordinary ones, to which rules can be added. Raises `RulesetError` with what is wrong."""
        place = (self.filename, self.lineno, self.function)
        tables = Tables(family=self.family)
        for name, place, chains in _core.firewall(self.family, place, self._statements):
            table = _placed(tables.append(Table(name)), place)
            for name, policy, place, rules in chains:
                chain = table.append(UserChain(name) if policy is None else BuiltinChain(name, policy))
                _placed(chain, place)
                for line, place, statement in rules:
                    rule = _placed(FirewallRule(line), place)
                    rule.statement = statement
                    chain.append(rule)
        return tables

    def _say(self, verb, **arguments):
        frame = sys._getframe(2)
        place = (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        given = [(name, _words(value)) for name, value in arguments.items() if value is not None]
        self._statements.append((verb, place, given))

    def __repr__(self):
        return f"<{type(self).__name__}: {len(self._statements)} statements>"


def _words(value):
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, (list, tuple, set, frozenset)) and not isinstance(value, Service):
        return [word for item in value for word in _words(item)]
    return str(value).split()


def _placed(made, place):
    if place is not None:
        made.filename, made.lineno, made.function = place
    return made
