from collections.abc import Callable, Iterable
from typing import Any

from ..._types import Place
from ..arguments import ArgumentList
from ..base import Rule
from ..expand import RouteRule

class InputRule(RouteRule):
    def __init__(
        self,
        policy: str,
        sources: Iterable[Place] = (),
        channels: Iterable[ArgumentList] = (),
        log: bool = False,
        log_id: Any = None,
        log_cls: Callable[..., Rule] | None = None,
        comment: str | None = None,
    ) -> None: ...
