from ...base import DebugObject
from ..arguments import ArgumentList

class Zone(DebugObject):
    name: str
    interface: str
    physdev: str | None
    def __init__(self, name: str, interface: str, physdev: str | None = None) -> None: ...
    def as_input(self) -> ArgumentList: ...
    def as_output(self) -> ArgumentList: ...
