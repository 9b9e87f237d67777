"""Arguments of rules, one by one and in lists."""

import copy
from collections import namedtuple

from .. import _core, errors


def _split(name):
    """The name without ``__not``, and whether that stood there."""
    if name.count("__") > 1:
        raise errors.ArgumentError(f"badly formatted argument name: `{name}`")
    name, separator, suffix = name.partition("__")
    if separator and suffix != "not":
        raise errors.ArgumentError(f"Only 'not' is supported behind `__`: `{name}__{suffix}`")
    return name, bool(separator)


class UnboundArgument:
    """An option that has a place of its own in a rule, without a value."""

    #: A name, taken apart.
    ParseResult = namedtuple("ParseResult", ["name", "inverse"])

    def __init__(self, short_name, long_name, type=str, invertable=False):
        self.short_name = short_name
        self.long_name = long_name
        self.type = type
        self.invertable = invertable

    def matches(self, name):
        """Whether a named argument means this option."""
        return bool(self._parse_name(name))

    def _parse_name(self, name):
        name, inverse = _split(name)
        return name in (self.short_name, self.long_name) and self.ParseResult(name, inverse)

    def bind(self, name, value):
        """The option with a value. Raises ValueError if the name is another's, or the value of another type."""
        found = self._parse_name(name)
        if not found:
            raise errors.ArgumentError(f"name does not match: `{name}` is not {self.help()}")
        if found.inverse and not self.invertable:
            raise errors.ArgumentError(f"This argument is not invertable: `{name}`")
        if not isinstance(value, self.type):
            raise errors.ArgumentError(f"Argument must be of type {self.type}: `{name}` is {type(value).__name__}")
        return BoundArgument(self, value, found.inverse)

    def help(self):
        """One line about the option."""
        return f"{self.short_name}, {self.long_name} (type: {self.type.__name__}{', invertable' if self.invertable else ''})"


#: The options that have a place of their own in every rule, in the order in which they print.
KNOWN_ARGS = tuple(UnboundArgument(short, long, str, inverted) for short, long, inverted in _core.known_options())


class Argument:
    """An option with its value: None is a bare flag, a list several words."""

    def __init__(self, value):
        self.value = value

    def _parse_value(self, values):
        if isinstance(values, (list, tuple)):
            return " ".join(_core.quote(str(value)) for value in values)
        return _core.quote(str(values))

    def get_name(self):
        """The name of the option."""
        raise NotImplementedError

    def has_name(self, name):
        """Whether this is one of its names."""
        raise NotImplementedError

    def get_argument(self):
        """The option as it is printed."""
        name = self.get_name()
        return f"{'-' if len(name) == 1 else '--'}{name.replace('_', '-')}"

    def _option(self):
        return self.get_name(), getattr(self, "inverse", False), self.value

    def __repr__(self):
        return f"<{type(self).__name__}: {self.get_name()}={self.value}>"


class BoundArgument(Argument):
    """An option that has a place of its own, with its value."""

    def __init__(self, argument, value, inverse):
        super().__init__(value)
        self.argument = argument
        self.inverse = inverse

    def get_name(self):
        """Its short name, or the long one if it has no other."""
        return self.argument.short_name or self.argument.long_name

    def has_name(self, name):
        """Whether this is one of its names."""
        return name in (self.argument.short_name, self.argument.long_name)

    def to_iptables(self):
        """Its text."""
        return _core.arguments_text([self])


class CustomArgument(Argument):
    """Any other option, by its name; ``__not`` behind it inverts it."""

    def __init__(self, name, value):
        super().__init__(value)
        self.name, self.inverse = _split(name)

    def get_name(self):
        """Its name."""
        return self.name

    def has_name(self, name):
        """Whether this is its name."""
        return name == self.name

    def to_iptables(self):
        """Its text."""
        return _core.arguments_text([self])


class ArgumentList:
    """Options and further lists of them, in the order in which they print.

    First the known ones in their order, then the others as they came, then those of ``args``. Calling it gives a list with more.
    """

    def __init__(self, known_args=(), args=(), **kwargs):
        self.known_args = list(known_args)
        self.args = args if isinstance(args, (list, tuple)) else list(args)
        self.kwargs = kwargs

    @classmethod
    def _of(cls, known_args, args, kwargs):
        made = cls.__new__(cls)
        ArgumentList.__init__(made, known_args, () if args is None else args)
        made.kwargs = {} if kwargs is None else kwargs
        return made

    def __call__(self, args=(), **kwargs):
        return ArgumentList._of(self.known_args, *self._update_args(args, kwargs))

    def _update_args(self, args, kwargs):
        """The arguments of a call and these: those of the call stand first, and win."""
        own = {self._canonical(name): value for name, value in kwargs.items()}
        merged = dict(kwargs)
        for name, value in self.kwargs.items():
            given = own.get(self._canonical(name), self)
            if given is self:
                merged[name] = value
            elif name not in kwargs or given != value:
                errors._warn_derived(name, given, value)
        return [*(_adopted(arg, self.known_args) for arg in args), *self.args], merged

    def _canonical(self, name):
        for known in self.known_args:
            if known.matches(name):
                return known
        return _split(name)[0]

    def __iter__(self):
        rest = dict(self.kwargs)
        for known in self.known_args:
            name = next((name for name in rest if known.matches(name)), None)
            if name is not None:
                yield known.bind(name, rest.pop(name))
        for name, value in rest.items():
            yield CustomArgument(name, value)
        for arguments in self.args:
            yield from arguments

    def __getitem__(self, key):
        for argument in self:
            if argument.has_name(key):
                return argument
        raise KeyError(f'no argument "{key}" in this list')

    def __contains__(self, key):
        return any(argument.has_name(key) for argument in self)

    def to_iptables(self):
        """The text of all arguments."""
        return _core.arguments_text(self)

    def __str__(self):
        return self.to_iptables()

    def __repr__(self):
        return f"<{type(self).__name__}: {self.to_iptables()}>"


def _adopted(arguments, known):
    """A list that also knows what the list knows that takes it; the caller's own stays as it is."""
    if not hasattr(arguments, "known_args"):
        return arguments
    adopted = copy.copy(arguments)
    adopted.known_args = [*arguments.known_args, *known]
    return adopted
