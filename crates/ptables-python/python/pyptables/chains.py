"""Chains: lists of rules."""

from collections import namedtuple

from . import _core
from ._options import family_name
from .base import DebugObject
from .errors import ArgumentTypeError


class AbstractChain(DebugObject, list):
    """A list of rules with a name and a comment; base of both sorts of chains.

    ``family`` is 4 or 6 if only one family has it, in tables for both.
    """

    family = None

    #: What `to_iptables` gives: the line that declares the chain, and its remarks and rules.
    Result = namedtuple("ChainResult", ["header_content", "rules"])

    def __init__(self, name, comment=None, rules=(), *, family=None):
        super().__init__(rules)
        self.family = family_name(family)
        self.comment = comment
        self.name = name

    def insert(self, index, rule):
        """Puts a rule at a place: ``insert(index, rule)`` as lists do, or ``insert(rule, index)``."""
        if hasattr(index, "to_iptables"):
            index, rule = rule, index
        super().insert(index, rule)

    def to_iptables(self):
        """The text of the chain: ``(header_content, rules)``."""
        texts = _core.chain_text(self)
        if texts is None:
            # A class that makes text of its own is asked for it.
            texts = (self._chain_definition(), "\n".join([self._comment(), *self._rule_texts()]))
        return self.Result(*texts)

    def _rule_texts(self):
        for at, rule in enumerate(self):
            if not hasattr(rule, "to_iptables"):
                message = f"item {at} of chain `{self.name}` is no rule but {type(rule).__name__}"
                raise ArgumentTypeError(message, place=self.debug_info())
            yield rule.to_iptables(f"-A {self.name}")
        if not self:
            yield "# No rules"

    def _chain_definition(self):
        raise NotImplementedError("a chain is a BuiltinChain or a UserChain, or defines _chain_definition")

    def _comment(self):
        lines = [f'# {self._type_name()} "{_core.visible(str(self.name))}" ({_core.visible(self.debug_info())})"']
        if self.comment:
            lines.append(f"# {_core.visible(self.comment)}")
        return "\n".join(lines)

    def _type_name(self):
        name = type(self).__name__
        start = next((at for at, letter in enumerate(name) if letter.isupper()), len(name))
        return "".join(f" {letter}" if letter.isupper() else letter for letter in name[start:]).lstrip()

    def __repr__(self):
        shown = [repr(rule) for rule in self[:3]] + ["..."] * (len(self) > 3)
        return f"<{type(self).__name__}: {self.name} - [{', '.join(shown)}]>"


class BuiltinChain(AbstractChain):
    """A chain of the kernel; ``policy`` (``ACCEPT`` or ``DROP``) is read when text is made."""

    def __init__(self, name, policy, *args, **kwargs):
        super().__init__(name, *args, **kwargs)
        self.policy = policy

    def _chain_definition(self):
        return f":{self.name} {self.policy} [0:0]"


class UserChain(AbstractChain):
    """A chain that rules jump to."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    def _chain_definition(self):
        return f":{self.name} - [0:0]"
