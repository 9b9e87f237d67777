from collections.abc import Iterable
from typing import Any

from .._core import RuleBase
from .._types import Args, Value
from ..base import DebugObject
from .arguments import ArgumentList, UnboundArgument

class AbstractRule(DebugObject):
    comment: str | None
    def __init__(self, comment: str | None = None) -> None: ...
    def to_iptables(self, prefix: str = "") -> str: ...
    def _header(self) -> str: ...
    def _rule_definition(self, prefix: str) -> str: ...
    def rule_definitions(self) -> Iterable[str]: ...

class CustomRule(AbstractRule):
    rule: str
    def __init__(self, rule: str, comment: str | None = None) -> None: ...
    def rule_definitions(self) -> list[str]: ...

class CompositeRule(AbstractRule):
    def __init__(self, rules: Iterable[AbstractRule], comment: str | None = None) -> None: ...
    def rule_definitions(self) -> list[str]: ...

class Rule(RuleBase, AbstractRule):
    NONE: str
    ACCEPT: str
    DROP: str
    REJECT: str
    RETURN: str
    REDIRECT: str
    LOG: str
    TCP: str
    UDP: str
    ICMP: str
    IGMP: str
    comment: str | None
    arguments: ArgumentList
    _known_args: tuple[UnboundArgument, ...]
    def __new__(cls, *_args: Any, **_kwargs: Any) -> Any: ...
    def __init__(self, comment: str | None = None, args: Args | ArgumentList | None = None, **kwargs: Value) -> None: ...
    def __call__(self, comment: str | None = None, args: Args | ArgumentList | None = None, **kwargs: Value) -> Rule: ...
    def rule_definitions(self) -> list[str]: ...
    def __getstate__(self) -> dict[str, Any]: ...
    def __setstate__(self, state: dict[str, Any]) -> None: ...

Accept: Rule
Drop: Rule
Reject: Rule
Return: Rule
Redirect: Rule
Log: Rule
