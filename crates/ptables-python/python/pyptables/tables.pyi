from collections import OrderedDict
from collections.abc import Iterable
from os import PathLike
from typing import Any, Generic, Literal, TypeVar, overload

from typing_extensions import Self

from ._analysis import Comparison, Fix, Matrix
from ._apply import Application, Plan
from ._core import Diagnostic, Simulation, TestReport
from ._types import Family
from .base import DebugObject
from .chains import AbstractChain
from .rules.forwarding.ipsets import IPSet

_Item = TypeVar("_Item")
_Chain = TypeVar("_Chain", bound=AbstractChain)
_Table = TypeVar("_Table", bound=Table)

ACCEPT: str
DROP: str
REJECT: str
BLOCK: str

def expect(packet: str, verdict: str) -> None: ...

class _Named(DebugObject, OrderedDict[str, _Item], Generic[_Item]):
    def __init__(self, *items: _Item) -> None: ...
    def append(self, item: Any) -> Any: ...
    def __setitem__(self, *args: Any, **kwargs: Any) -> None: ...
    def copy(self) -> Self: ...

class Table(_Named[Any]):
    name: str
    family: str | None
    def __init__(self, name: str, *chains: AbstractChain, family: Family = None) -> None: ...
    def append(self, chain: _Chain) -> _Chain: ...
    def to_iptables(self) -> str: ...

class Tables(_Named[Table]):
    family: str | None
    ipsets: list[IPSet]
    def __init__(self, *tables: Table, family: Family = None) -> None: ...
    @overload
    def append(self, item: _Table) -> _Table: ...
    @overload
    def append(self, item: IPSet) -> IPSet: ...
    def to_iptables(
        self,
        style: str = "annotated",
        *,
        family: Family = None,
        backend: str | None = None,
        version: str | None = None,
    ) -> str: ...
    def to_ipset(self, *, family: Family = None) -> str: ...
    def check(
        self,
        *,
        family: Family = None,
        backend: str | None = None,
        version: str | None = None,
        analysis: bool = False,
    ) -> list[Diagnostic]: ...
    def diff(
        self,
        other: Tables | str,
        *,
        family: Family = None,
        backend: str | None = None,
        version: str | None = None,
        policy: str | None = None,
    ) -> Comparison: ...
    def reach(
        self,
        port: int,
        *,
        proto: str = "tcp",
        source_port: int | None = None,
        path: str = "forward",
        to: str | None = None,
        interfaces: str | None = None,
        loose: bool = False,
        family: Family = None,
        backend: str | None = None,
        version: str | None = None,
        policy: str | None = None,
    ) -> Matrix: ...
    def fix(
        self,
        *,
        join: bool = True,
        family: Family = None,
        backend: str | None = None,
        version: str | None = None,
        policy: str | None = None,
    ) -> Fix: ...
    @overload
    def simulate(
        self,
        packet: str,
        *,
        backend: str | None = None,
        version: str | None = None,
        policy: str | None = None,
        routes: str | PathLike[str] | None = None,
        misses: bool = False,
        ways: Literal[False] = False,
    ) -> Simulation: ...
    @overload
    def simulate(
        self,
        packet: str,
        *,
        backend: str | None = None,
        version: str | None = None,
        policy: str | None = None,
        routes: str | PathLike[str] | None = None,
        misses: bool = False,
        ways: Literal[True],
    ) -> list[Simulation]: ...
    @overload
    def simulate(
        self,
        packet: list[str] | tuple[str, ...],
        *,
        backend: str | None = None,
        version: str | None = None,
        policy: str | None = None,
        routes: str | PathLike[str] | None = None,
        misses: bool = False,
        ways: Literal[False] = False,
    ) -> list[Simulation]: ...
    @overload
    def simulate(
        self,
        packet: list[str] | tuple[str, ...],
        *,
        backend: str | None = None,
        version: str | None = None,
        policy: str | None = None,
        routes: str | PathLike[str] | None = None,
        misses: bool = False,
        ways: Literal[True],
    ) -> list[list[Simulation]]: ...
    def plan(
        self,
        *,
        family: Family = None,
        backend: str | None = None,
        owner: str = "main",
        state: str | PathLike[str] | None = None,
        places: Iterable[str] = (),
        replace: bool = False,
        analysis: bool = True,
    ) -> Plan: ...
    def apply(
        self,
        confirm: int = 0,
        *,
        family: Family = None,
        backend: str | None = None,
        owner: str = "main",
        state: str | PathLike[str] | None = None,
        places: Iterable[str] = (),
        replace: bool = False,
    ) -> Application: ...
    def expect(self, packet: str, verdict: str) -> None: ...
    def test(
        self,
        *,
        backend: str | None = None,
        version: str | None = None,
        policy: str | None = None,
        routes: str | PathLike[str] | None = None,
    ) -> TestReport: ...
