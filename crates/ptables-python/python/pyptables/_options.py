"""Arguments that several calls take."""

from .errors import ArgumentError


def family_name(family):
    """``"4"``, ``"6"`` or ``"both"`` of whatever means it; None stays."""
    if family is None:
        return None
    name = str(family).lower()
    if name == "both":
        return name
    for digit in "46":
        if name in (digit, f"ipv{digit}", f"inet{digit}", f"v{digit}"):
            return digit
    raise ArgumentError(f"the family is 4, 6 or 'both', not {family!r}")
