"""What rules of routes and channels have in common: one rule for each combination."""

from .. import _core
from ..errors import ArgumentTypeError, PyPTablesError
from .base import AbstractRule, Accept, Drop, Log, Reject

_VERDICTS = {"ACCEPT": Accept, "DROP": Drop, "REJECT": Reject}


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
        if not isinstance(self.policy, str):
            raise ArgumentTypeError(f"policy must be a string, not {type(self.policy).__name__}")
        bases = _core.route_bases(self._prefix, self.policy, bool(self.log), str(self.log_id))
        return [self._base(*base) for base in bases]

    def _rules(self):
        """A rule for each combination, in the order that all languages share."""
        args = getattr(self, "args", None) or ()
        lists = (self.sources, self.destinations, self.channels, args)
        stages = _core.route_stages(*([str(it) for it in items] for items in lists))
        given = {
            "source": lambda at: [_arguments(self.sources[at], "as_input")],
            "destination": lambda at: [_arguments(self.destinations[at], "as_output")],
            "channel": lambda at: [self.channels[at]],
            "args": lambda _: args,
        }
        rules = self._base_rules()
        for steps in stages:
            rules = [
                self._derived(
                    rule,
                    comment=f"{rule.comment}{comment}",
                    args=[it for kind, at in parts for it in given[kind](at)],
                )
                for rule in rules
                for comment, parts in steps
            ]
        return rules

    def _base(self, verdict, prefix):
        if verdict is not None:
            return _VERDICTS[verdict](comment=self.comment)
        log = Log if self.log_cls is None else self.log_cls
        return log(prefix=prefix, comment=self.comment)

    def _derived(self, rule, **more):
        """A rule with more arguments; whoever made this object made it."""
        made = rule(**more)
        made.filename, made.lineno, made.function = self.filename, self.lineno, self.function
        return made


def _arguments(place, method):
    if not hasattr(place, method):
        hint = "; put its items into the list one by one" if isinstance(place, (list, tuple)) else ""
        raise ArgumentTypeError(f"no zone, location or hosts: {place!r}{hint}")
    return getattr(place, method)()
