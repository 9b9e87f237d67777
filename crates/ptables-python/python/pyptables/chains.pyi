from collections.abc import Iterable
from typing import Any, NamedTuple, SupportsIndex, overload

from ._types import Family
from .base import DebugObject
from .rules.base import AbstractRule

class _Result(NamedTuple):
    header_content: str
    rules: str

class AbstractChain(DebugObject, list[AbstractRule]):
    Result: Any
    name: str
    comment: str | None
    family: str | None
    def __init__(self, name: str, comment: str | None = None, rules: Iterable[AbstractRule] = (), *, family: Family = None) -> None: ...
    @overload
    def insert(self, index: SupportsIndex, rule: AbstractRule) -> None: ...
    @overload
    def insert(self, index: AbstractRule, rule: SupportsIndex) -> None: ...
    def to_iptables(self) -> _Result: ...
    def _chain_definition(self) -> str: ...
    def _comment(self) -> str: ...
    def _type_name(self) -> str: ...

class BuiltinChain(AbstractChain):
    policy: str
    def __init__(self, name: str, policy: str, *args: Any, **kwargs: Any) -> None: ...

class UserChain(AbstractChain):
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
