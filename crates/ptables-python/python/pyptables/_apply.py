"""Plans, and what is applied."""

import json
import os
import sys
from typing import NamedTuple, Optional

from . import _core
from ._options import family_name


class Plan:
    """What would change: true if there is anything.

    ``families`` has an object for each family, as ``ptables plan --format json`` prints it; ``sets`` the lines for ipset that come
    ``first`` and ``last``; ``str()`` is text for people.
    """

    def __init__(self, shown):
        objects = [json.loads(data) for data, _ in shown]
        self.families = [it for it in objects if "family" in it]
        self.sets = {"first": [], "last": []}
        for it in objects:
            self.sets = it.get("sets", self.sets)
        self.text = "".join(text for _, text in shown)

    def __bool__(self):
        return any(family["changes"] for family in self.families) or any(self.sets.values())

    def __str__(self):
        return self.text


class Application:
    """What was applied: ``plan``, and ``id`` if it waits to be confirmed, else None.

    In a ``with`` statement the rules are taken out at its end.
    """

    def __init__(self, plan, identity, settings, backend):
        self.plan = plan
        self.id = identity
        self._settings = settings
        self._backend = backend

    def confirm(self):
        """Keeps it."""
        if self.id is not None:
            _core.confirm(self._settings, self.id)
            self.id = None

    def rollback(self):
        """Goes back, instead of waiting until it does so by itself."""
        if self.id is not None:
            _core.rollback(self._settings, self._backend)
            self.id = None

    def remove(self):
        """Takes out what the owner has applied, and nothing else: a `Plan`."""
        self.rollback()
        return Plan(_core.remove(self._settings, self._backend))

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.remove()


class CountedRule(NamedTuple):
    """A live rule of ours, and what it has counted. ``tag`` is its comment, ``place`` the line that made it."""

    family: int
    table: str
    chain: str
    rule: str
    tag: Optional[str]
    place: Optional[str]
    packets: int
    bytes: int


class Event(NamedTuple):
    """A line of the history: ``time`` in seconds since 1970, ``login`` the user who logged in, or None."""

    number: int
    time: int
    login: Optional[int]
    what: str
    source: str
    digest: str


class Owner:
    """Who applies rules, by name: looks after what it has applied. ``state`` and ``backend`` as in `Tables.plan`."""

    def __init__(self, name="main", *, state=None, backend=None):
        self.name = name
        self._settings = _settings(name, state, (), False)
        self._backend = backend

    def pending(self):
        """What waits to be confirmed: its id and the seconds that are left; None if nothing does."""
        return _core.status(self._settings, self._backend)[0]

    def drift(self):
        """What would bring back what was applied: a `Plan`, true if others have changed rules of ours since."""
        return Plan(_core.status(self._settings, self._backend)[1])

    def counters(self):
        """What our live rules have counted: a list of `CountedRule`."""
        return [CountedRule(*it) for it in _core.status(self._settings, self._backend)[2]]

    def history(self):
        """What was applied when, the oldest first: a list of `Event`."""
        return [Event(*it) for it in _core.history(self._settings)]

    def confirm(self, identity=None):
        """Keeps what waits: by its id, or whatever it is. Gives the id; raises `UnavailableError` if nothing waits."""
        return _core.confirm(self._settings, identity)

    def rollback(self, to=None):
        """Goes back: undoes what waits, else applies what was applied before the last, or number ``to`` of the history: a `Plan`."""
        if to is None and self.pending() is not None:
            _core.rollback(self._settings, self._backend)
            return Plan([])
        return Plan(_core.go_back(self._settings, self._backend, to))

    def remove(self):
        """Takes out what it has applied, and nothing else: a `Plan`. Twice is once."""
        return Plan(_core.remove(self._settings, self._backend))


def _settings(owner, state, places, replace):
    # Who isolates the tools by a lock file of their own means us too.
    lock = os.environ.get("XTABLES_LOCKFILE")
    return (owner, None if state is None else os.fspath(state), list(places), replace, lock)


def plan_of(tables, family, backend, settings, analysis):
    """The plan of `Tables.plan`."""
    program = _core.Program.of_tables(tables)
    return Plan(_core.plan(program, family_name(family), backend, _settings(*settings), analysis))


def apply_of(tables, confirm, family, backend, settings):
    """The application of `Tables.apply`."""
    settings = _settings(*settings)
    program = _core.Program.of_tables(tables)
    shown, identity, backend = _core.apply(
        program, family_name(family), backend, settings, int(confirm), sys.executable
    )
    return Application(Plan(shown), identity, settings, backend)


def guard(arguments):
    """Guards an application to its end: what ``python -m pyptables --guard`` does. Started by `Tables.apply`."""
    owner, state, backend, lock, identity = arguments
    _core.guard(owner, state, backend, lock or None, identity)
