from collections.abc import Iterable, Sequence

from ..._types import Word
from ...base import DebugObject
from ..arguments import ArgumentList
from ..matches import Match

__all__ = ["HostList", "HostRange", "Hosts"]

class Hosts(DebugObject):
    def as_input(self) -> ArgumentList: ...
    def as_output(self) -> ArgumentList: ...
    @staticmethod
    def from_ip_list(string: str | Iterable[Word] | None) -> list[HostList | HostRange]: ...

class HostList(Hosts):
    hosts: Sequence[Word]
    def __init__(self, hosts: Iterable[Word]) -> None: ...

class HostRange(Hosts):
    range: str
    def __init__(self, range: str) -> None: ...
    def as_input(self) -> Match: ...
    def as_output(self) -> Match: ...
