from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

from ._types import Family
from .tables import Tables

class Plan:
    families: list[dict[str, Any]]
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

_Settings = tuple[str, str | PathLike[str] | None, Iterable[str], bool]

def plan_of(tables: Tables, family: Family, backend: str | None, settings: _Settings) -> Plan: ...
def apply_of(
    tables: Tables, confirm: int, family: Family, backend: str | None, settings: _Settings
) -> Application: ...
def guard(arguments: Sequence[str]) -> None: ...
