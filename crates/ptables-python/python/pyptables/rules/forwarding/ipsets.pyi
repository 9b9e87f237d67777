from collections.abc import Iterable
from typing import Any

from ...base import DebugObject
from ..matches import Match

class IPSet(DebugObject):
    name: str
    type: str | None
    entries: list[Any]
    options: dict[str, Any]
    def __init__(
        self,
        name: str,
        type: str | None = None,
        entries: Iterable[Any] | None = None,
        file: str | None = None,
        **options: Any,
    ) -> None: ...
    def as_input(self) -> Match: ...
    def as_output(self) -> Match: ...
