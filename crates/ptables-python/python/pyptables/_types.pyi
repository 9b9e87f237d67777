"""Types that only stubs know."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Protocol

from typing_extensions import TypeAlias

from .rules.arguments import ArgumentList

#: One word: text, a number, an address or network.
Word: TypeAlias = str | int | IPv4Address | IPv4Network | IPv6Address | IPv6Network
#: The value of an option: None is a bare flag, a list several words.
Value: TypeAlias = Word | list[Word] | list[str] | list[int] | tuple[Word, ...] | None
#: ``4``, ``6``, ``"ipv6"`` …
Family: TypeAlias = int | str | None

class Place(Protocol):
    """What packets come from and go to: zones, locations, hosts, sets."""

    def as_input(self) -> ArgumentList: ...
    def as_output(self) -> ArgumentList: ...

Args: TypeAlias = Sequence[ArgumentList] | Sequence[Sequence[object]]
