"""Rules for packets from some places by some channels, to this machine."""

from ..expand import RouteRule


class InputRule(RouteRule):
    """A rule for each source and channel, with all LOG rules before the verdicts.

    ``policy`` is ACCEPT, DROP, REJECT or NONE in any case, and read when text is made, as all arguments are. ``log_cls`` is called
    with ``prefix`` and ``comment`` to make the LOG rule.
    """

    _prefix = "IN"

    def __init__(
        self, policy, sources=(), channels=(), log=False, log_id=None, log_cls=None, comment=None
    ):
        super().__init__(policy, sources, (), channels, log, log_id, log_cls, comment)
