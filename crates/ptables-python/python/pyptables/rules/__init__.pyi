from typing import Any

from ..chains import AbstractChain as _AbstractChain
from .base import (
    AbstractRule as AbstractRule,
    Accept as Accept,
    CompositeRule as CompositeRule,
    CustomRule as CustomRule,
    Drop as Drop,
    Log as Log,
    Redirect as Redirect,
    Reject as Reject,
    Return as Return,
    Rule as Rule,
)

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
    def __init__(
        self, chain: _AbstractChain | str, comment: str | None = None, *args: Any, **kwargs: Any
    ) -> None: ...
