from collections import OrderedDict
from typing import Any, Generic, TypeVar

from typing_extensions import Self

from ._core import Diagnostic
from ._types import Family
from .base import DebugObject
from .chains import AbstractChain

_Item = TypeVar("_Item")
_Chain = TypeVar("_Chain", bound=AbstractChain)
_Table = TypeVar("_Table", bound=Table)

class _Named(DebugObject, OrderedDict[str, _Item], Generic[_Item]):
    def __init__(self, *items: _Item) -> None: ...
    def append(self, item: Any) -> Any: ...
    def __setitem__(self, *args: Any, **kwargs: Any) -> None: ...
    def copy(self) -> Self: ...

class Table(_Named[Any]):
    name: str
    def __init__(self, name: str, *chains: AbstractChain) -> None: ...
    def append(self, chain: _Chain) -> _Chain: ...
    def to_iptables(self) -> str: ...

class Tables(_Named[Table]):
    def __init__(self, *tables: Table) -> None: ...
    def append(self, table: _Table) -> _Table: ...
    def to_iptables(
        self,
        style: str = "annotated",
        *,
        family: Family = None,
        backend: str | None = None,
        version: str | None = None,
    ) -> str: ...
    def check(
        self, *, family: Family = None, backend: str | None = None, version: str | None = None
    ) -> list[Diagnostic]: ...
