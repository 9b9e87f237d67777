from functools import partial
from typing import Any

from .base import Rule

class Mark(Rule):
    MARK: str
    mark: int | str
    def __init__(self, mark: int | str, *args: Any, **kwargs: Any) -> None: ...

class Marked(Rule):
    mark: str
    def __init__(self, mark: Mark | int | str, *args: Any, **kwargs: Any) -> None: ...

DropMarked: partial[Marked]
AcceptMarked: partial[Marked]

def random_mark() -> Mark: ...
