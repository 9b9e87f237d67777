"""Every target of the catalogue as a function that gives a `Rule`: ``targets.REJECT(reject_with="tcp-reset")``.

The rule is a template: call it with what it is to match. Options are named as in `pyptables.matches`.
"""

from ._extensions import Functions
from .rules.base import Rule


def _rule(name, options):
    return Rule()(jump=name, **options)


_functions = Functions("target", _rule)


def __getattr__(name):
    function = _functions.get(__name__, name)
    globals()[name] = function
    return function


def __dir__():
    return _functions.names()
