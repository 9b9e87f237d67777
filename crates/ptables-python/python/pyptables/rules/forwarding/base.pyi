from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..._types import Place
from ..arguments import ArgumentList
from ..base import Rule
from ..expand import RouteRule

class ForwardingRule(RouteRule):
    args: Sequence[ArgumentList] | None
    def __init__(
        self,
        policy: str,
        sources: Iterable[Place],
        destinations: Iterable[Place],
        channels: Iterable[ArgumentList] = (),
        log: bool = False,
        log_id: Any = None,
        log_cls: Callable[..., Rule] | None = None,
        comment: str | None = None,
        args: Sequence[ArgumentList] | None = None,
    ) -> None: ...
