"""Rules: text for a chain, with the line that made them."""

from .. import _core
from ..base import DebugObject
from ..errors import ArgumentTypeError
from .arguments import KNOWN_ARGS


class AbstractRule(DebugObject):
    """Base of all rules. A subclass defines `rule_definitions`."""

    def __init__(self, comment=None):
        super().__init__()
        self.comment = comment

    def to_iptables(self, prefix=""):
        """The text of the rule: the line above it, then its lines, each behind ``prefix`` (such as ``-A INPUT``)."""
        return f"{self._header()}\n{self._rule_definition(prefix)}"

    def _header(self):
        return _core.heading(self)

    def _rule_definition(self, prefix):
        lines = [_core.one_line(str(line), self) for line in self.rule_definitions()]
        return "\n".join(f"{prefix} {line}" if prefix else line for line in lines)

    def rule_definitions(self):
        """What the rule says, one text for each line, without ``-A CHAIN``."""
        raise NotImplementedError(f"{type(self).__name__} does not define rule_definitions")

    def __repr__(self):
        return f"<{type(self).__name__}: {list(self.rule_definitions())}>"


class CustomRule(AbstractRule):
    """A rule in your own words: what stands after ``-A CHAIN``."""

    def __init__(self, rule, comment=None):
        super().__init__(comment)
        self.rule = rule

    def rule_definitions(self):
        """The rule with its comment."""
        return [_core.custom_line(str(self.rule), self.comment)]


class CompositeRule(AbstractRule):
    """Several rules under one heading; ``rules`` is read when text is made."""

    def __init__(self, rules, comment=None):
        super().__init__(comment)
        # What can be read only once is kept.
        self._rules = rules if isinstance(rules, (list, tuple)) else list(rules)

    def rule_definitions(self):
        """What all the rules say."""
        found = []
        for rule in self._rules:
            if not hasattr(rule, "rule_definitions"):
                raise ArgumentTypeError(
                    f"a composite holds no rule but {type(rule).__name__}", place=self.debug_info()
                )
            found.extend(rule.rule_definitions())
        return found


class Rule(_core.RuleBase, AbstractRule):
    """A rule of named arguments: ``Rule(proto="tcp", dport=22, jump="ACCEPT")``.

    ``x=None`` is a flag, ``x__not`` an inverted option, a list several words; ``args`` holds matches. Calling a rule gives a plain
    rule with more arguments: those of the call win.
    """

    NONE = "NONE"
    ACCEPT = "ACCEPT"
    DROP = "DROP"
    REJECT = "REJECT"
    RETURN = "RETURN"
    REDIRECT = "REDIRECT"
    LOG = "LOG"

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    IGMP = "igmp"

    #: The options that have a place of their own, in order.
    _known_args = KNOWN_ARGS

    def __getstate__(self):
        names = ("filename", "lineno", "function", "comment", "arguments")
        return {**self.__dict__, **{name: getattr(self, name) for name in names}}

    def __setstate__(self, state):
        for name, value in state.items():
            if value is not None or name not in ("filename", "lineno", "function"):
                setattr(self, name, value)


Accept = Rule(jump=Rule.ACCEPT)
Drop = Rule(jump=Rule.DROP)
Reject = Rule(jump=Rule.REJECT)
Return = Rule(jump=Rule.RETURN)
Redirect = Rule(jump=Rule.REDIRECT)
Log = Rule(jump=Rule.LOG)
