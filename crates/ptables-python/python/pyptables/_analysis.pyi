from typing import Any

from ._types import Family
from .tables import Tables

_Found = list[tuple[str, tuple[str, str]]]
_Target = tuple[Family, str | None, str | None]

class Comparison:
    differences: list[dict[str, Any]]
    undecided: list[str]
    more: bool
    text: str
    def __init__(self, found: _Found) -> None: ...
    def __bool__(self) -> bool: ...

class Matrix:
    classes: list[list[str]]
    edges: list[tuple[int, int]]
    text: str
    def __init__(self, shown: tuple[str, str]) -> None: ...

class Fix:
    changes: list[dict[str, Any]]
    unproved: int
    text: str
    def __init__(self, shown: tuple[str, str]) -> None: ...
    def __bool__(self) -> bool: ...

def diff_of(old: Tables | str, new: Tables | str, target: _Target, policy: str | None) -> Comparison: ...
def reach_of(
    tables: Tables,
    target: _Target,
    service: tuple[str, int, int | None, str],
    more: tuple[str | None, str | None, str | None, bool],
) -> Matrix: ...
def fix_of(tables: Tables, target: _Target, join: bool, policy: str | None) -> Fix: ...
