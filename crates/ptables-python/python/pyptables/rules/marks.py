"""Rules that set and look for packet marks."""

from functools import partial

from ..errors import CallError
from .base import Rule


class Mark(Rule):
    """Sets the mark of packets, text or a number of 32 bits."""

    MARK = "MARK"

    def __init__(self, mark, *args, **kwargs):
        self.mark = mark
        super().__init__(*args, jump=self.MARK, set_mark=str(mark), **kwargs)


class Marked(Rule):
    """Matches packets that a `Mark` (or a mark) is on."""

    def __init__(self, mark, *args, **kwargs):
        self.mark = str(getattr(mark, "mark", mark))
        super().__init__(*args, match="mark", mark=self.mark, **kwargs)


DropMarked = partial(Marked, jump=Rule.DROP)
AcceptMarked = partial(Marked, jump=Rule.ACCEPT)

#: Marks that were given out.
_marks = []


def random_mark():
    """A `Mark` from 1 to 65535 that this process has not given out before; from run to run they are the same."""
    number = 0
    while number == 0:
        if len(_marks) >= 0x10000:
            raise CallError("all marks are given out")
        # An odd factor: each number comes once before the first comes again.
        number = (40503 * (len(_marks) + 1) + 12345) % 0x10000
        _marks.append(number)
    return Mark(number)
