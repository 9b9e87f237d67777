from collections.abc import Iterable

from ..._types import Place, Word
from ...base import DebugObject
from ..arguments import ArgumentList

class Location(DebugObject):
    name: str
    zone: Place | None
    hosts: Place | None
    @staticmethod
    def from_ip_list(name: str, zone: Place | None, ips: str | Iterable[Word] | None) -> list[Location]: ...
    def __init__(self, name: str, zone: Place | None, hosts: Place | None = None) -> None: ...
    def as_input(self) -> ArgumentList: ...
    def as_output(self) -> ArgumentList: ...
