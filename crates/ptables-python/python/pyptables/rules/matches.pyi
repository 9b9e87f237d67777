from typing import Any

from .arguments import ArgumentList, UnboundArgument

class Match(ArgumentList):
    _known_args: tuple[UnboundArgument, ...]
    def __init__(self, *name: Any, known_args: Any = (), args: Any = (), **kwargs: Any) -> None: ...
