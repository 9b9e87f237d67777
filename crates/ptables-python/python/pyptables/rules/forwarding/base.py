"""Rules for packets from some places to others by some channels."""

from ..expand import RouteRule


class ForwardingRule(RouteRule):
    """A rule for each source, destination and channel, with all LOG rules before the verdicts.

    ``policy`` is ACCEPT, DROP, REJECT or NONE in any case, and read when text is made, as all arguments are. ``log_cls`` is called
    with ``prefix`` and ``comment`` to make the LOG rule. ``args`` are matches for every rule.
    """

    _prefix = "FWD"

    def __init__(
        self,
        policy,
        sources,
        destinations,
        channels=(),
        log=False,
        log_id=None,
        log_cls=None,
        comment=None,
        args=None,
    ):
        super().__init__(policy, sources, destinations, channels, log, log_id, log_cls, comment)
        self.args = args
