"""Exceptions and warnings.

One class for each who can mend it: the rules (`RulesetError`), the call (`CallError`), the system (`UnavailableError`), or this
package (`InternalError`). Each has ``diagnostics``, a list of `pyptables.Diagnostic`, which may be empty.
"""

import os
import sys
import warnings

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "CallError",
    "ChangedRuleWarning",
    "InternalError",
    "PyPTablesError",
    "PyPTablesWarning",
    "RestoreError",
    "RulesetError",
    "UnavailableError",
    "WideningWarning",
]

_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")


class PyPTablesError(Exception):
    """Everything that this package raises itself. ``place`` is ``file:line function`` of the rule or chain, if one is at fault."""

    def __init__(self, message="", diagnostics=(), place=None):
        super().__init__(message)
        self.diagnostics = list(diagnostics)
        self.place = place

    def __str__(self):
        message = super().__str__()
        return message if self.place is None else f"{message} ({self.place})"

    def _placed(self, place, instead=False):
        """This error with a place, unless it has one."""
        if self.place is None or instead:
            self.place = place
        return self


class RulesetError(PyPTablesError, ValueError):
    """Your rules: something in them cannot be written down, read or meant."""


class RestoreError(RulesetError):
    """Your rules: they were not restored. ``origin`` is ``file:line`` of the rule that was refused, if that is known."""

    @property
    def origin(self):
        """``file:line`` of the refused rule, or None."""
        placed = [it for it in self.diagnostics if it.severity == "error" and it.filename is not None]
        return f"{placed[-1].filename}:{placed[-1].lineno}" if placed else None


class CallError(PyPTablesError):
    """Your call: an argument that cannot be."""


class ArgumentError(CallError, ValueError):
    """Your call: a value that cannot be."""


class ArgumentTypeError(CallError, TypeError):
    """Your call: a value of a type that cannot be."""


class UnavailableError(PyPTablesError, RuntimeError):
    """The system: a tool is missing, may not be run, or did not answer."""


class InternalError(PyPTablesError, RuntimeError):
    """This package: a bug of it."""


class PyPTablesWarning(UserWarning):
    """Everything that this package warns of."""


class ChangedRuleWarning(PyPTablesWarning):
    """A rule differs from what PyPTables 1.0.7 made of the same call."""


class WideningWarning(PyPTablesWarning):
    """An empty list of hosts: a rule that takes it matches everybody."""


def _warn(text, category):
    """Warns at the nearest line that is not of this package."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


def _warn_derived(name, given, kept):
    _warn(
        f"`{name}` of the call is {given!r} and wins over {kept!r} of the template; PyPTables 1.0.7 kept that of the template",
        ChangedRuleWarning,
    )
