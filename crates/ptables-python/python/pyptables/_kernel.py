"""Gives rules to the kernel, and reads texts."""

import os

from . import _core
from ._options import family_name
from .chains import BuiltinChain, UserChain
from .errors import ArgumentTypeError
from .rules.base import CustomRule
from .tables import Table, Tables


def restore(tables, *, family=None, backend=None, noflush=False, test=False):
    """Replaces the tables of the kernel by these (`Tables`, or the text of some).

    The rules are checked, tried, then applied; with ``test=True`` they are only tried. ``noflush=True`` adds to what the kernel
    holds. ``family`` is 4, 6 or ``both`` (default: that of the tables, or what addresses tell, else 4), ``backend`` ``legacy`` or
    ``nft`` (default: the one that holds the rules). Of both families both are tried before one is changed; sets that the tables
    declare are made first, and get their new entries in one step. Returns ``(stdout, stderr)``, bytes: nothing, and the warnings.

    Raises `RestoreError` if the rules are refused, with the line that made the refused one, and `UnavailableError` if nobody could
    judge them.
    """
    if isinstance(tables, str):
        program = _core.Program.of_text(tables)
    elif isinstance(tables, Tables):
        program = _core.Program.of_tables(tables)
    elif hasattr(tables, "to_iptables"):
        program = _core.Program.of_text(tables.to_iptables())
    else:
        raise ArgumentTypeError(f"restore takes Tables or text, not {type(tables).__name__}")
    # Who isolates the tools by a lock file of their own means us too.
    lock = os.environ.get("XTABLES_LOCKFILE")
    warnings = program.restore(family_name(family), backend, noflush, test, lock)
    return b"", warnings.encode()


def parse(text):
    """The tables of a text: what iptables-save prints, iptables-restore reads, or this package printed.

    Rules become `CustomRule`, with the lines that the text names as their origin; counters are not kept. Raises `RulesetError`.
    """
    tables = Tables()
    for name, place, chains in _core.parse(text):
        table = _placed(tables.append(Table(name)), place)
        for name, policy, place, rules in chains:
            chain = table.append(UserChain(name) if policy is None else BuiltinChain(name, policy))
            _placed(chain, place)
            for rule, place in rules:
                chain.append(_placed(CustomRule(rule), place))
    return tables


def _placed(made, place):
    if place is not None:
        made.filename, made.lineno, made.function = place
    return made
