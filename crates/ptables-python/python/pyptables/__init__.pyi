from . import errors as errors, matches as matches, targets as targets
from ._apply import Owner as Owner
from ._colors import (
    add_line_numbers as add_line_numbers,
    colorize as colorize,
    make_colorizer as make_colorizer,
    uncolorize as uncolorize,
)
from ._core import (
    Diagnostic as Diagnostic,
    Label as Label,
    Simulation as Simulation,
    Step as Step,
    TestReport as TestReport,
)
from ._types import Family as _Family
from ._kernel import parse as parse, restore as restore
from .chains import BuiltinChain as BuiltinChain, UserChain as UserChain
from .errors import PyPTablesError as PyPTablesError, RestoreError as RestoreError
from .firewall import Firewall as Firewall, service as service
from .rules import (
    Accept as Accept,
    CustomRule as CustomRule,
    Drop as Drop,
    Jump as Jump,
    Log as Log,
    Redirect as Redirect,
    Return as Return,
    Rule as Rule,
)
from .rules.forwarding.ipsets import IPSet as IPSet
from .rules.matches import Match as Match
from .tables import (
    ACCEPT as ACCEPT,
    BLOCK as BLOCK,
    DROP as DROP,
    REJECT as REJECT,
    Table as Table,
    Tables as Tables,
    expect as expect,
)

__all__ = [
    "ACCEPT",
    "BLOCK",
    "DROP",
    "REJECT",
    "Accept",
    "BuiltinChain",
    "CustomRule",
    "Diagnostic",
    "Drop",
    "Firewall",
    "IPSet",
    "Jump",
    "Label",
    "Log",
    "Match",
    "Owner",
    "PyPTablesError",
    "Redirect",
    "RestoreError",
    "Return",
    "Rule",
    "Simulation",
    "Step",
    "Table",
    "Tables",
    "TestReport",
    "UserChain",
    "add_line_numbers",
    "colorize",
    "default_tables",
    "errors",
    "expect",
    "make_colorizer",
    "matches",
    "parse",
    "restore",
    "service",
    "targets",
    "uncolorize",
]

def default_tables(family: _Family = None) -> Tables: ...
