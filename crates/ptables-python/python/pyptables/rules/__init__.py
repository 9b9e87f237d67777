"""Rules."""

from ..chains import AbstractChain as _AbstractChain
from .base import Accept, AbstractRule, CompositeRule, CustomRule, Drop, Log, Redirect, Reject, Return, Rule

__all__ = [
    "AbstractRule",
    "Accept",
    "CompositeRule",
    "CustomRule",
    "Drop",
    "Jump",
    "Log",
    "Redirect",
    "Reject",
    "Return",
    "Rule",
]


class Jump(Rule):
    """A jump to a chain, by its name or itself; a chain's name and comment are taken at once."""

    def __init__(self, chain, comment=None, *args, **kwargs):
        if isinstance(chain, _AbstractChain):
            comment = comment or chain.comment
            chain = chain.name
        super().__init__(comment, *args, jump=chain, **kwargs)
