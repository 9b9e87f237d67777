from os import PathLike
from typing import Any, final

from typing_extensions import disjoint_base

from .rules.arguments import ArgumentList
from .rules.base import Rule

_Place = tuple[str, int, str] | None
_Settings = tuple[str, str | None, list[str], bool, str | None]

@disjoint_base
class RuleBase:
    comment: Any
    arguments: Any
    filename: str
    lineno: int
    function: str
    def __new__(cls, *_args: Any, **_kwargs: Any) -> Any: ...
    def __init__(self, comment: str | None = None, args: Any = None, **kwargs: Any) -> None: ...
    def __call__(self, comment: str | None = None, args: Any = None, **kwargs: Any) -> Rule: ...
    def rule_definitions(self) -> list[str]: ...

@final
class Diagnostic:
    @property
    def code(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def labels(self) -> list[Label]: ...
    @property
    def notes(self) -> list[str]: ...
    @property
    def help(self) -> str | None: ...
    @property
    def replacement(self) -> str | None: ...
    @property
    def filename(self) -> str | None: ...
    @property
    def lineno(self) -> int | None: ...
    def render(self, color: bool = False, width: int = 100) -> str: ...
    def to_json(self) -> str: ...

@final
class Label:
    @property
    def filename(self) -> str | None: ...
    @property
    def lineno(self) -> int | None: ...
    @property
    def column(self) -> int | None: ...
    @property
    def function(self) -> str | None: ...
    @property
    def text(self) -> str: ...
    @property
    def primary(self) -> bool: ...

@final
class Step:
    table: str
    chain: str
    rule: int | None
    kind: str
    text: str
    why: list[str]
    filename: str | None
    lineno: int | None
    function: str | None

@final
class Simulation:
    verdict: str
    path: list[Step]
    packet: str
    unknown: list[str]
    text: str

@final
class TestReport:
    count: int
    failures: list[str]
    never_met: list[str]
    rules: int
    def __bool__(self) -> bool: ...

@final
class Program:
    @staticmethod
    def of_tables(tables: Any) -> Program: ...
    @staticmethod
    def of_text(text: str) -> Program: ...
    def check(
        self,
        family: str | None = None,
        backend: str | None = None,
        version: str | None = None,
        analysis: bool = False,
    ) -> list[Diagnostic]: ...
    def save(
        self, family: str | None = None, backend: str | None = None, version: str | None = None
    ) -> str: ...
    def annotated(self, family: str) -> str: ...
    def ipset(self, family: str | None = None) -> str: ...
    def simulate(
        self,
        packets: list[str],
        how: tuple[bool, bool, bool],
        backend: str | None = None,
        version: str | None = None,
        policy: str | None = None,
        routes: str | PathLike[str] | None = None,
    ) -> list[list[Simulation]]: ...
    def test(
        self,
        expected: list[tuple[str, str, str, int]],
        backend: str | None = None,
        version: str | None = None,
        policy: str | None = None,
        routes: str | PathLike[str] | None = None,
    ) -> TestReport: ...
    def restore(
        self,
        family: str | None = None,
        backend: str | None = None,
        noflush: bool = False,
        test: bool = False,
        lock_file: str | PathLike[str] | None = None,
    ) -> str: ...

def diff(
    old: Program,
    new: Program,
    target: tuple[str | None, str | None, str | None],
    policy: str | None = None,
) -> list[tuple[str, tuple[str, str]]]: ...
def reach(
    program: Program,
    target: tuple[str | None, str | None, str | None],
    service: tuple[str, int, int | None, str],
    to: str | None = None,
    interfaces: str | None = None,
    policy: str | None = None,
    loose: bool = False,
) -> tuple[str, str]: ...
def fix(
    program: Program,
    target: tuple[str | None, str | None, str | None],
    join: bool = True,
    policy: str | None = None,
) -> tuple[str, str]: ...
def plan(
    program: Program,
    family: str | None,
    backend: str | None,
    settings: _Settings,
    analysis: bool,
) -> list[tuple[str, str]]: ...
def apply(
    program: Program,
    family: str | None,
    backend: str | None,
    settings: _Settings,
    confirm: int,
    python: str,
) -> tuple[list[tuple[str, str]], str | None, str]: ...
def confirm(settings: _Settings, id: str | None) -> str: ...
def rollback(settings: _Settings, backend: str | None) -> str: ...
def go_back(settings: _Settings, backend: str | None, to: int | None) -> list[tuple[str, str]]: ...
def remove(settings: _Settings, backend: str | None) -> list[tuple[str, str]]: ...
def status(
    settings: _Settings, backend: str | None
) -> tuple[
    tuple[str, int] | None,
    list[tuple[str, str]],
    list[tuple[int, str, str, str, str | None, str | None, int, int]],
]: ...
def history(settings: _Settings) -> list[tuple[int, int, int | None, str, str, str]]: ...
def guard(owner: str, state: str, backend: str, lock_file: str | None, id: str) -> None: ...
def arguments_text(arguments: ArgumentList | list[Any]) -> str: ...
def caller() -> _Place: ...
def catalogue(kind: str) -> list[tuple[str, str, list[tuple[str, str, bool, str]]]]: ...
def chain_text(chain: Any) -> tuple[str, str] | None: ...
def custom_line(rule: str, comment: str | None = None) -> str: ...
def firewall(
    family: str,
    place: tuple[str, int, str],
    statements: list[tuple[str, tuple[str, int, str], list[tuple[str, list[str]]]]],
) -> list[
    tuple[str, _Place, list[tuple[str, str | None, _Place, list[tuple[str, _Place, _Place]]]]]
]: ...
def heading(rule: Any) -> str: ...
def known_options() -> list[tuple[str, str, bool]]: ...
def one_line(line: str, rule: Any) -> str: ...
def parse(
    text: str,
) -> list[tuple[str, _Place, list[tuple[str, str | None, _Place, list[tuple[str, _Place]]]]]]: ...
def quote(word: str) -> str: ...
def route_bases(
    prefix: str, policy: str, logged: bool, log_id: str
) -> list[tuple[str | None, str | None]]: ...
def route_stages(
    sources: list[str], destinations: list[str], channels: list[str], args: list[str]
) -> list[list[tuple[str, list[tuple[str, int]]]]]: ...
def service(name: str) -> tuple[str, str, str | None, str] | None: ...
def services() -> list[str]: ...
def table_title(table: Any) -> str: ...
def tables_text(tables: Any) -> str | None: ...
def visible(text: str) -> str: ...
