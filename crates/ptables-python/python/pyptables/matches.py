"""Every match of the catalogue as a function that gives a `Match`: ``matches.conntrack(ctstate="NEW")``.

Options are named arguments (``-`` is ``_``); a flag is True, an inverted option ends in ``__not``, two words are a list.
"""

from ._extensions import Functions
from .rules.matches import Match

_functions = Functions("match", Match._of_options)


def __getattr__(name):
    function = _functions.get(__name__, name)
    globals()[name] = function
    return function


def __dir__():
    return _functions.names()
