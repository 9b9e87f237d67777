from typing import Any

class DebugObject:
    filename: str
    lineno: int
    function: str
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def debug_info(self) -> str: ...
