"""Tables, and all of them together."""

import copy
import sys
from collections import OrderedDict

from . import _core
from ._analysis import diff_of, fix_of, reach_of
from ._apply import apply_of, plan_of
from ._options import family_name
from .base import DebugObject
from .errors import ArgumentError, ArgumentTypeError
from .rules.forwarding.ipsets import IPSet


#: What `expect` was told since the last `Tables.test`.
_expected = []

ACCEPT, DROP, REJECT, BLOCK = "ACCEPT", "DROP", "REJECT", "BLOCK"


def expect(packet, verdict):
    """Says what should become of a packet: `ACCEPT`, `DROP`, `REJECT`, or `BLOCK` for either of the last two.

    The tables whose `Tables.test` is called next are asked, so that a script reads as it does in Starlark.
    """
    _expected.append(_expectation(packet, verdict))


def _expectation(packet, verdict):
    caller = sys._getframe(2)
    return packet, verdict, caller.f_code.co_filename, caller.f_lineno


def _rebuild(cls, state, items):
    made = cls.__new__(cls)
    made.__dict__.update(state)
    for key, value in items:
        OrderedDict.__setitem__(made, key, value)
    return made


class _Named(DebugObject, OrderedDict):
    """A dict that only `append` adds to, by the name of what is added."""

    _holds = "item"

    def __init__(self, *items):
        super().__init__()
        for item in items:
            self.append(item)

    def append(self, item):
        """Adds it under its name and returns it; one of the same name is replaced where it stands."""
        if not hasattr(item, "name"):
            raise ArgumentTypeError(f"not a {self._holds}: {item!r}")
        OrderedDict.__setitem__(self, item.name, item)
        return item

    def __setitem__(self, *args, **kwargs):
        raise TypeError(f"items of {type(self).__name__} are not assigned: use append({self._holds})")

    def copy(self):
        """A copy that holds the same objects."""
        return copy.copy(self)

    def __reduce__(self):
        return _rebuild, (type(self), dict(self.__dict__), list(self.items()))


class Table(_Named):
    """One table, a dict of its chains by name, in the order given.

    ``family`` is 4 or 6 if only one family has it, in tables for both.
    """

    _holds = "chain"

    family = None

    def __init__(self, name, *chains, family=None):
        self.name = name
        self.family = family_name(family)
        super().__init__(*chains)

    def append(self, chain):
        """Adds a chain and returns it; one of the same name is replaced where it stands."""
        return super().append(chain)

    def to_iptables(self):
        """The text of this table."""
        chains = [chain.to_iptables() for chain in self.values()]
        headers = "\n".join(chain.header_content for chain in chains)
        rules = "\n\n".join(chain.rules for chain in chains)
        return f"{_core.table_title(self)}\n*{self.name}\n{headers}\n\n{rules}\n\nCOMMIT"

    def __repr__(self):
        return f"<{type(self).__name__}: {self.name} - {list(self.values())}>"


class Tables(_Named):
    """All tables of a firewall, a dict by name, in the order given.

    ``family`` is 4, 6 or ``both``; None is 4, as in PyPTables, unless addresses tell otherwise. In tables for both each rule goes to
    the families that its addresses belong to.
    """

    _holds = "table"

    family = None
    #: Sets of addresses that are made before the rules.
    ipsets = []

    def __init__(self, *tables, family=None):
        super().__init__()
        self.family = family_name(family)
        self.ipsets = []
        for table in tables:
            self.append(table)

    def append(self, item):
        """Adds a table, or declares an `IPSet`, and returns it; one of the same name is replaced where it stands."""
        if not isinstance(item, IPSet):
            return super().append(item)
        if item.type is None:
            raise ArgumentError("a set that the tables declare needs its type: IPSet(name, 'hash:net')")
        self.ipsets = [*(known for known in self.ipsets if known.name != item.name), item]
        return item

    def to_iptables(self, style="annotated", *, family=None, backend=None, version=None):
        """The text of all tables.

        ``style="annotated"``: as written, with the line that made each rule above it; with a family, what that family gets.
        ``style="save"``: as iptables-save prints it once it is loaded, for a family (4 or 6), back end (``legacy`` or ``nft``) and
        version of iptables. Raises `RulesetError` if something cannot be written down.
        """
        if style == "save":
            return _core.Program.of_tables(self).save(family_name(family), backend, version)
        if style != "annotated":
            raise ArgumentError(f"style is 'annotated' or 'save', not {style!r}")
        if family is not None:
            return _core.Program.of_tables(self).annotated(family_name(family))
        text = _core.tables_text(self)
        if text is None:
            # A class that makes text of its own is asked for it.
            tables = "\n\n".join(table.to_iptables() for table in self.values())
            text = f"# Tables generated by ptables ({_core.visible(self.debug_info())})\n\n{tables}\n"
        return text

    def to_ipset(self, *, family=None):
        """The sets that the tables declare, as ``ipset restore`` reads them. Raises `RulesetError` if one is wrong."""
        return _core.Program.of_tables(self).ipset(family_name(family))

    def check(self, *, family=None, backend=None, version=None, analysis=False):
        """What iptables would refuse, or take for something else: a list of `Diagnostic`, empty if nothing is found.

        For a family (4, 6 or ``both``; default: that of the tables, or what addresses tell, else 4), a back end (``legacy`` or
        ``nft``) and a version of iptables (defaults: those installed). ``analysis=True`` looks at all packets too: rules that none
        meets, rules that make no difference; a remark ``# ptables: ignore CODE: REASON`` in the script silences one.
        """
        return _core.Program.of_tables(self).check(family_name(family), backend, version, analysis)

    def diff(self, other, *, family=None, backend=None, version=None, policy=None):
        """Which packets get another verdict with ``other`` (tables, or text of rules): a `Comparison`, true if they are not the same.

        ``policy`` counts where a chain has none. Raises `RulesetError` for rules with errors.
        """
        return diff_of(self, other, (family, backend, version), policy)

    def reach(
        self,
        port,
        *,
        proto="tcp",
        source_port=None,
        path="forward",
        to=None,
        interfaces=None,
        loose=False,
        family=None,
        backend=None,
        version=None,
        policy=None,
    ):
        """Who can reach whom on a port: a `Matrix` of classes of addresses.

        ``path`` is ``forward``, ``input`` or ``output``; ``to`` keeps who reaches that address; ``interfaces`` is text that says
        which addresses lie behind which interface, ``eth0 = [192.0.2.0/24]`` a line; ``loose`` asks less exactly.
        """
        service = (proto, port, source_port, path)
        return reach_of(self, (family, backend, version), service, (to, interfaces, policy, loose))

    def fix(self, *, join=True, family=None, backend=None, version=None, policy=None):
        """What may go from the rules, or be said with fewer (``join``), with every verdict as it was: a `Fix`.

        It is advice: which line made what. Raises `RulesetError` for rules with errors.
        """
        return fix_of(self, (family, backend, version), join, policy)

    def simulate(
        self, packet, *, backend=None, version=None, policy=None, routes=None, misses=False, ways=False
    ):
        """What would happen to a packet such as ``'tcp 192.0.2.7:40000 -> 198.51.100.2:22 in eth0 new'``: a `Simulation`.

        It has ``verdict`` (``ACCEPT``, ``DROP``, ``REJECT``, ``UNKNOWN``), ``path`` (each `Step` with the line that made its rule and
        why it matched; with ``misses=True`` also the rules that did not), ``packet`` as it leaves, and ``unknown``: what is not decided.
        Where something is not decided, ``ways=True`` gives a list with every way that the packet may go, at most 64. Of a list of
        packets the answers are a list: they come in this order, right after the rules were loaded, and limits, counts and lists are
        then decided. ``policy`` counts where a chain has none. ``routes`` say where packets go: a file with what ``ip rule``,
        ``ip route show table all`` and ``ip addr`` print, or ``'live'`` for this machine; then the packet need not say where it leaves.
        The family is the packet's. Raises `RulesetError` for a packet that cannot be read, and for rules or routes with errors;
        `ArgumentError` for packets of both families.
        """
        one = isinstance(packet, str)
        how = (not one, ways, misses)
        packets = [packet] if one else list(packet)
        answers = _core.Program.of_tables(self).simulate(packets, how, backend, version, policy, routes)
        if not ways:
            answers = [way for all_ways in answers for way in all_ways]
        return answers[0] if one else answers

    def plan(
        self,
        *,
        family=None,
        backend=None,
        owner="main",
        state=None,
        places=(),
        replace=False,
        analysis=True,
    ):
        """What `apply` would change in the kernel: a `Plan`, which is true if there is anything.

        ``owner`` is who applies: rules of others stay. ``state`` is the folder of what was applied (default: of the owner, in
        ``/var/lib/ptables``), ``places`` are chains of others that take our rules, such as ``DOCKER-USER``; ``replace=True`` takes the
        tables over with all that is in them. Up to 20,000 rules it says which packets are newly allowed or dropped, unless
        ``analysis=False``.
        """
        return plan_of(self, family, backend, (owner, state, places, replace), analysis)

    def apply(
        self, confirm=0, *, family=None, backend=None, owner="main", state=None, places=(), replace=False
    ):
        """Changes in the kernel what differs, all of it or nothing, and nobody else's rules: an `Application`.

        With ``confirm=60`` it goes back after 60 seconds unless ``confirm()`` of the result is called. Everything else as in `plan`.
        Raises `RestoreError` if the rules are refused, with the line that made the refused one, and `UnavailableError` if they could
        not be applied; then nothing has changed.
        """
        return apply_of(self, confirm, family, backend, (owner, state, places, replace))

    def expect(self, packet, verdict):
        """Says what should become of a packet: ``ACCEPT``, ``DROP``, ``REJECT``, or ``BLOCK`` for either of the last two.

        Nothing is asked before `test`.
        """
        self.__dict__.setdefault("expectations", []).append(_expectation(packet, verdict))

    def test(self, *, backend=None, version=None, policy=None, routes=None):
        """Asks the rules for the verdicts that `expect` was told, the method or the function: a `TestReport`, true if all hold.

        It has ``failures``, ``never_met`` (rules that no packet met), ``count`` and ``rules``. ``routes`` as in `simulate`.
        """
        expected = self.__dict__.setdefault("expectations", [])
        expected.extend(_expected)
        _expected.clear()
        return _core.Program.of_tables(self).test(expected, backend, version, policy, routes)

    def __repr__(self):
        return f"<{type(self).__name__}: [{', '.join(f'<{type(it).__name__}: {it.name} ...>' for it in self.values())}]>"
