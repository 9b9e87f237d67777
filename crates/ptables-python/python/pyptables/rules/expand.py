"""What rules of routes and channels have in common: one rule for each combination."""

from ..errors import ArgumentError, ArgumentTypeError, PyPTablesError
from .base import AbstractRule, Accept, Drop, Log, Reject

_VERDICTS = {"ACCEPT": Accept, "DROP": Drop, "REJECT": Reject, "NONE": None}


def _again(values):
    """Values that can be read again: a list stays the caller's own, and may be changed until text is made."""
    return values if isinstance(values, (list, tuple)) else list(values)


class RouteRule(AbstractRule):
    """Base of `InputRule` and `ForwardingRule`."""

    _prefix = ""

    def __init__(self, policy, sources, destinations, channels, log, log_id, log_cls, comment):
        super().__init__(comment)
        self.policy = policy
        self.sources = _again(sources)
        self.destinations = _again(destinations)
        self.channels = _again(channels)
        self.log = log
        self.log_id = log_id
        self.log_cls = log_cls

    def rule_definitions(self):
        """What all the rules say."""
        try:
            return [line for rule in self._rules() for line in rule.rule_definitions()]
        except PyPTablesError as error:
            # The rules were made here, but on behalf of somebody.
            raise error._placed(self.debug_info(), instead=True)

    def _base_rules(self):
        """The rules of which each combination has a copy: LOG first."""
        policy = self.policy.upper() if isinstance(self.policy, str) else self.policy
        if policy not in _VERDICTS:
            raise ArgumentError(f"policy must be either ACCEPT, DROP, REJECT or NONE, not {self.policy!r}")
        rules = []
        if self.log:
            log = Log if self.log_cls is None else self.log_cls
            rules.append(log(prefix=f"{self._prefix} {self.log_id} {policy[0]}", comment=self.comment))
        if _VERDICTS[policy] is not None:
            rules.append(_VERDICTS[policy](comment=self.comment))
        return rules

    def _rules(self):
        raise NotImplementedError

    def _derived(self, rule, **more):
        """A rule with more arguments; whoever made this object made it."""
        made = rule(**more)
        made.filename, made.lineno, made.function = self.filename, self.lineno, self.function
        return made

    def _add_routes(self, rules):
        if not self.sources and not self.destinations:
            return list(rules)
        return [
            self._derived(
                rule,
                comment=f"{rule.comment}: route {_shown(source)} -> {_shown(destination)}",
                args=[
                    *_arguments(source, "as_input"),
                    *_arguments(destination, "as_output"),
                ],
            )
            for rule in rules
            for source in self.sources or [None]
            for destination in self.destinations or [None]
        ]

    def _add_channels(self, rules):
        if not self.channels:
            return list(rules)
        return [
            self._derived(rule, comment=f"{rule.comment}, channel {channel}", args=[channel])
            for rule in rules
            for channel in self.channels
        ]


def _arguments(place, method):
    if place is None:
        return []
    if not hasattr(place, method):
        hint = "; put its items into the list one by one" if isinstance(place, (list, tuple)) else ""
        raise ArgumentTypeError(f"no zone, location or hosts: {place!r}{hint}")
    return [getattr(place, method)()]


def _shown(place):
    return "any" if place is None else place
