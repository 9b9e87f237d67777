"""Functions made from the catalogue of matches and targets, each when it is first asked for."""

import keyword

from . import _core
from .errors import ArgumentTypeError


class Functions:
    """The functions of one kind (``match`` or ``target``); ``make(name, options)`` is what they give."""

    def __init__(self, kind, make):
        self._kind = kind
        self._make = make
        self._entries = None

    def _known(self):
        if self._entries is None:
            self._entries = {name: (docs, options) for name, docs, options in _core.catalogue(self._kind)}
        return self._entries

    def names(self):
        """The names of all functions."""
        return sorted(self._known())

    def get(self, module, name):
        """The function of a name, for ``__getattr__`` of a module."""
        if name == "__all__":
            return self.names()
        if name.startswith("_") or name not in self._known():
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return _function(module, name, *self._known()[name], self._make)


def python_name(option):
    """An option as a name of Python: ``icmp-type`` is ``icmp_type``, ``from`` is ``from_``."""
    name = option.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def _function(module, name, docs, options, make):
    known = {}
    lines = [docs, ""]
    for option, takes, negatable, doc in options:
        argument = python_name(option)
        known[argument] = (option.replace("-", "_"), takes)
        if negatable:
            known[f"{argument}__not"] = (f"{option.replace('-', '_')}__not", takes)
        lines.append(f"{argument}: {doc}{f' Inverted: `{argument}__not`.' if negatable else ''}")

    def function(**arguments):
        found = {}
        for argument, value in arguments.items():
            if argument not in known:
                raise _unknown(name, argument, known)
            option, takes = known[argument]
            if takes in ("flag", "maybe") and value is True:
                value = None
            elif takes == "flag" and value is False:
                continue
            found[option] = value
        return make(name, found)

    function.__name__ = function.__qualname__ = name
    function.__module__ = module
    function.__doc__ = "\n".join(lines)
    return function


def _unknown(name, argument, known):
    import difflib

    close = difflib.get_close_matches(argument, known, 1)
    return ArgumentTypeError(f"{name} has no option `{argument}`{f'; did you mean `{close[0]}`?' if close else ''}")
