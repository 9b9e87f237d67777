"""Matches: ``-m NAME`` with its options."""

from .arguments import ArgumentList, UnboundArgument


class Match(ArgumentList):
    """A match and its options: ``Match("conntrack", ctstate="NEW")``, for ``args`` of a rule."""

    #: ``-m`` stands before the options of the match.
    _known_args = (UnboundArgument("m", "match"),)

    def __init__(self, *name, known_args=(), args=(), **kwargs):
        # `name` may be given by name, unless it is an option of the match as well.
        first, *rest = name or (kwargs.pop("name"),)
        if rest:
            known_args, *rest = rest
        if rest:
            (args,) = rest
        super().__init__((*self._known_args, *known_args), args, match=first, **kwargs)

    @classmethod
    def _of_options(cls, name, options):
        made = cls(name)
        made.kwargs.update(options)
        return made
