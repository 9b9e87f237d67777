from collections.abc import Iterable
from typing import NamedTuple

from typing_extensions import TypeAlias

from ._types import Family
from .base import DebugObject
from .rules.base import CustomRule
from .tables import Tables

__all__ = ["Firewall", "Service", "service", "services"]

_Words: TypeAlias = str | int | Service | Iterable[str] | Iterable[Service] | None

class Service(NamedTuple):
    name: str
    ports: str
    helper: str | None
    about: str

def service(name: str) -> Service: ...
def services() -> list[Service]: ...

class FirewallRule(CustomRule):
    statement: tuple[str, int, str] | None

class Firewall(DebugObject):
    family: str
    def __init__(self, family: Family = "both") -> None: ...
    def zone(
        self,
        name: str,
        interfaces: _Words = None,
        networks: _Words = None,
        antispoof: bool | None = None,
    ) -> None: ...
    def service(self, name: str, ports: _Words, helper: str | None = None) -> None: ...
    def allow(
        self,
        sources: _Words,
        destinations: _Words,
        services: _Words = None,
        limit: str | None = None,
        log: bool | None = None,
    ) -> None: ...
    def drop(
        self,
        sources: _Words,
        destinations: _Words,
        services: _Words = None,
        limit: str | None = None,
        log: bool | None = None,
    ) -> None: ...
    def reject(
        self,
        sources: _Words,
        destinations: _Words,
        services: _Words = None,
        limit: str | None = None,
        log: bool | None = None,
    ) -> None: ...
    def policy(
        self, sources: _Words, destinations: _Words, verdict: str, log: bool | None = None
    ) -> None: ...
    def publish(
        self,
        sources: _Words,
        services: _Words,
        server: _Words,
        port: int | None = None,
        address: str | None = None,
        hairpin: bool | None = None,
    ) -> None: ...
    def masquerade(self, destinations: _Words, sources: _Words = None) -> None: ...
    def snat(self, destinations: _Words, address: str, sources: _Words = None) -> None: ...
    def syn_limit(self, sources: _Words, rate: str) -> None: ...
    def tables(self) -> Tables: ...
