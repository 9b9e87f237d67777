from collections.abc import Iterable

from typing_extensions import Self

from ._core import Diagnostic

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "CallError",
    "ChangedRuleWarning",
    "InternalError",
    "PyPTablesError",
    "PyPTablesWarning",
    "RestoreError",
    "RulesetError",
    "UnavailableError",
    "WideningWarning",
]

class PyPTablesError(Exception):
    diagnostics: list[Diagnostic]
    place: str | None
    def __init__(
        self, message: str = "", diagnostics: Iterable[Diagnostic] = (), place: str | None = None
    ) -> None: ...
    def _placed(self, place: str, instead: bool = False) -> Self: ...

class RulesetError(PyPTablesError, ValueError): ...

class RestoreError(RulesetError):
    @property
    def origin(self) -> str | None: ...

class CallError(PyPTablesError): ...
class ArgumentError(CallError, ValueError): ...
class ArgumentTypeError(CallError, TypeError): ...
class UnavailableError(PyPTablesError, RuntimeError): ...
class InternalError(PyPTablesError, RuntimeError): ...
class PyPTablesWarning(UserWarning): ...
class ChangedRuleWarning(PyPTablesWarning): ...
class WideningWarning(PyPTablesWarning): ...
