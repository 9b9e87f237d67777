from ._types import Family
from .tables import Tables

def restore(
    tables: Tables | str,
    *,
    family: Family = None,
    backend: str | None = None,
    noflush: bool = False,
    test: bool = False,
) -> tuple[bytes, bytes]: ...
def parse(text: str) -> Tables: ...
