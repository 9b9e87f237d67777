"""What all objects of a firewall share: they know the line that made them."""

from . import _core


class DebugObject:
    """Remembers where it was made: ``filename``, ``lineno`` (from 1) and ``function``.

    Special methods such as ``__init__`` are passed over, so a subclass is found where it is used.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.filename, self.lineno, self.function = _core.caller() or ("<unknown>", 0, "<unknown>")

    def debug_info(self):
        """``file:line function``, as it stands in the text."""
        return f"{self.filename}:{self.lineno} {self.function}"
