"""Plans, and what is applied."""

import json
import os
import sys

from . import _core
from ._options import family_name


class Plan:
    """What would change: true if there is anything.

    ``families`` has an object for each family, as ``ptables plan --format json`` prints it; ``str()`` is text for people.
    """

    def __init__(self, shown):
        self.families = [json.loads(data) for data, _ in shown]
        self.text = "".join(text for _, text in shown)

    def __bool__(self):
        return any(family["changes"] for family in self.families)

    def __str__(self):
        return self.text


class Application:
    """What was applied: ``plan``, and ``id`` if it waits to be confirmed, else None."""

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


def _settings(owner, state, places, replace):
    # Who isolates the tools by a lock file of their own means us too.
    lock = os.environ.get("XTABLES_LOCKFILE")
    return (owner, None if state is None else os.fspath(state), list(places), replace, lock)


def plan_of(tables, family, backend, settings):
    """The plan of `Tables.plan`."""
    program = _core.Program.of_tables(tables)
    return Plan(_core.plan(program, family_name(family), backend, _settings(*settings)))


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
