from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, NamedTuple

from ._types import Family
from .tables import Tables

class Plan:
    families: list[dict[str, Any]]
    sets: dict[str, list[str]]
    text: str
    def __init__(self, shown: list[tuple[str, str]]) -> None: ...
    def __bool__(self) -> bool: ...

class Application:
    plan: Plan
    id: str | None
    def __init__(
        self,
        plan: Plan,
        identity: str | None,
        settings: tuple[str, str | None, list[str], bool, str | None],
        backend: str,
    ) -> None: ...
    def confirm(self) -> None: ...
    def rollback(self) -> None: ...
    def remove(self) -> Plan: ...
    def __enter__(self) -> Application: ...
    def __exit__(self, *_error: object) -> None: ...

class CountedRule(NamedTuple):
    family: int
    table: str
    chain: str
    rule: str
    tag: str | None
    place: str | None
    packets: int
    bytes: int

class Event(NamedTuple):
    number: int
    time: int
    login: int | None
    what: str
    source: str
    digest: str

class Owner:
    name: str
    def __init__(
        self, name: str = "main", *, state: str | PathLike[str] | None = None, backend: str | None = None
    ) -> None: ...
    def pending(self) -> tuple[str, int] | None: ...
    def drift(self) -> Plan: ...
    def counters(self) -> list[CountedRule]: ...
    def history(self) -> list[Event]: ...
    def confirm(self, identity: str | None = None) -> str: ...
    def rollback(self, to: int | None = None) -> Plan: ...
    def remove(self) -> Plan: ...

_Settings = tuple[str, str | PathLike[str] | None, Iterable[str], bool]

def plan_of(
    tables: Tables, family: Family, backend: str | None, settings: _Settings, analysis: bool
) -> Plan: ...
def apply_of(
    tables: Tables, confirm: int, family: Family, backend: str | None, settings: _Settings
) -> Application: ...
def guard(arguments: Sequence[str]) -> None: ...
