from collections.abc import Iterable
from typing import Any

from ..arguments import ArgumentList

__all__ = ["Channel", "ICMPChannel", "PortChannel", "StatefulChannel", "TCPChannel", "UDPChannel"]

_Several = int | str | Iterable[int | str]

class Channel(ArgumentList):
    def __init__(self, known_args: Any = (), **kwargs: Any) -> None: ...

class StatefulChannel(Channel):
    def __init__(self, states: _Several = "", args: Iterable[ArgumentList] | None = None, **kwargs: Any) -> None: ...

class PortChannel(StatefulChannel):
    def __init__(
        self,
        sports: _Several = "",
        dports: _Several = "",
        args: Iterable[ArgumentList] | None = None,
        **kwargs: Any,
    ) -> None: ...

class TCPChannel(PortChannel):
    def __init__(self, **kwargs: Any) -> None: ...

class UDPChannel(PortChannel):
    def __init__(self, **kwargs: Any) -> None: ...

class ICMPChannel(StatefulChannel):
    def __init__(
        self, icmp_type: int | str = "", args: Iterable[ArgumentList] | None = None, **kwargs: Any
    ) -> None: ...
