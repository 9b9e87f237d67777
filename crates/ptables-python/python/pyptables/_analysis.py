"""What holds of all packets: how tables differ, who reaches whom, what may go."""

import json

from . import _core
from ._options import family_name


class Comparison:
    """How two firewalls differ: true if they do, or if nobody can tell.

    ``differences`` has an object for each group of packets that get another verdict, as ``ptables diff --format json`` prints it, with its
    ``family``; ``undecided`` what nobody can tell; ``more`` whether there is more than is told; ``str()`` is text for people.
    """

    def __init__(self, found):
        self.differences = []
        self.undecided = []
        self.more = False
        lines = []
        for family, (data, text) in found:
            one = json.loads(data)
            self.differences.extend({"family": family, **it} for it in one["differences"])
            self.undecided.extend(f"{family}: {it}" for it in one["undecided"])
            self.more = self.more or one["more"]
            lines.append(f"{family}: {'the same' if one['same'] else 'not the same'}\n{text}")
        self.text = "".join(lines)

    def __bool__(self):
        return bool(self.differences or self.undecided or self.more)

    def __str__(self):
        return self.text


class Matrix:
    """Who can reach whom: ``classes`` of addresses, each a list of ranges, and ``edges``: pairs of places in it, from and to."""

    def __init__(self, shown):
        data, self.text = shown
        found = json.loads(data)
        self.classes = found["classes"]
        self.edges = [tuple(it) for it in found["edges"]]

    def __str__(self):
        return self.text


class Fix:
    """What may go, or be said with fewer rules: true if there is anything.

    ``changes`` has an object for each, as ``ptables fix --format json`` prints it; ``unproved`` counts changes that look right and could not
    be proved; ``str()`` is text for people.
    """

    def __init__(self, shown):
        data, self.text = shown
        found = json.loads(data)
        self.changes = found["changes"]
        self.unproved = found["unproved"]

    def __bool__(self):
        return bool(self.changes)

    def __str__(self):
        return self.text


def _program(tables):
    if isinstance(tables, str):
        return _core.Program.of_text(tables)
    return _core.Program.of_tables(tables)


def diff_of(old, new, target, policy):
    """The comparison of `Tables.diff`."""
    family, backend, version = target
    target = (family_name(family), backend, version)
    return Comparison(_core.diff(_program(old), _program(new), target, policy))


def reach_of(tables, target, service, more):
    """The matrix of `Tables.reach`."""
    family, backend, version = target
    target = (family_name(family), backend, version)
    return Matrix(_core.reach(_program(tables), target, service, *more))


def fix_of(tables, target, join, policy):
    """The advice of `Tables.fix`."""
    family, backend, version = target
    target = (family_name(family), backend, version)
    return Fix(_core.fix(_program(tables), target, join, policy))
