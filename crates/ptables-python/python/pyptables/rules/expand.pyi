from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .._types import Place
from .arguments import ArgumentList
from .base import AbstractRule, Rule

class RouteRule(AbstractRule):
    policy: str
    sources: Sequence[Place]
    destinations: Sequence[Place]
    channels: Sequence[ArgumentList]
    log: bool
    log_id: Any
    log_cls: Callable[..., Rule] | None
    def __init__(
        self,
        policy: str,
        sources: Iterable[Place],
        destinations: Iterable[Place],
        channels: Iterable[ArgumentList],
        log: bool,
        log_id: Any,
        log_cls: Callable[..., Rule] | None,
        comment: str | None,
    ) -> None: ...
    def rule_definitions(self) -> list[str]: ...
    def _base_rules(self) -> list[Rule]: ...
    def _rules(self) -> list[Rule]: ...
