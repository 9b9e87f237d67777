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

    def _rules(self):
        return self._add_args(self._add_channels(self._add_routes(self._base_rules())))

    def _add_args(self, rules):
        if not self.args:
            return list(rules)
        plus = ", ".join(str(arguments) for arguments in self.args)
        return [self._derived(rule, comment=f"{rule.comment}, plus {plus}", args=self.args) for rule in rules]
