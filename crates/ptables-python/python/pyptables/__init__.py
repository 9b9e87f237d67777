"""Linux iptables configurations from Python.

Tables hold chains, chains hold rules, and every rule knows the line that made it::

    from pyptables import default_tables
    from pyptables.rules import Accept, Rule

    tables = default_tables()
    forward = tables["filter"]["FORWARD"]
    forward.append(Accept(match="conntrack", ctstate="ESTABLISHED"))
    forward.append(Accept(proto="tcp", dport="443"))
    forward.policy = Rule.DROP
    print(tables.to_iptables())
"""

from . import errors, matches, targets
from ._apply import Owner
from ._colors import add_line_numbers, colorize, make_colorizer, uncolorize
from ._core import Diagnostic, Label, Simulation, Step, TestReport
from ._kernel import parse, restore
from .chains import BuiltinChain, UserChain
from .errors import PyPTablesError, RestoreError
from .firewall import Firewall, service
from .rules import Accept, CustomRule, Drop, Jump, Log, Redirect, Return, Rule
from .rules.forwarding.ipsets import IPSet
from .rules.matches import Match
from .tables import ACCEPT, BLOCK, DROP, REJECT, Table, Tables, expect

__all__ = [
    "ACCEPT",
    "BLOCK",
    "DROP",
    "REJECT",
    "Accept",
    "BuiltinChain",
    "CustomRule",
    "Diagnostic",
    "Drop",
    "Firewall",
    "IPSet",
    "Jump",
    "Label",
    "Log",
    "Match",
    "Owner",
    "PyPTablesError",
    "Redirect",
    "RestoreError",
    "Return",
    "Rule",
    "Simulation",
    "Step",
    "Table",
    "Tables",
    "TestReport",
    "UserChain",
    "add_line_numbers",
    "colorize",
    "default_tables",
    "errors",
    "expect",
    "make_colorizer",
    "matches",
    "parse",
    "restore",
    "service",
    "targets",
    "uncolorize",
]


def default_tables(family=None):
    """The tables filter, nat and mangle with their built-in chains, each with policy ``ACCEPT``.

    ``family`` is 4, 6 or ``both``, as of `Tables`.
    """
    return Tables(
        Table(
            "filter",
            BuiltinChain("INPUT", "ACCEPT"),
            BuiltinChain("FORWARD", "ACCEPT"),
            BuiltinChain("OUTPUT", "ACCEPT"),
        ),
        Table(
            "nat",
            BuiltinChain("PREROUTING", "ACCEPT"),
            BuiltinChain("OUTPUT", "ACCEPT"),
            BuiltinChain("POSTROUTING", "ACCEPT"),
        ),
        Table(
            "mangle",
            BuiltinChain("PREROUTING", "ACCEPT"),
            BuiltinChain("INPUT", "ACCEPT"),
            BuiltinChain("FORWARD", "ACCEPT"),
            BuiltinChain("OUTPUT", "ACCEPT"),
            BuiltinChain("POSTROUTING", "ACCEPT"),
        ),
        family=family,
    )
