"""Text for terminals."""

import re

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_WORDS = re.compile(r"(?<!\S)(--?[A-Za-z][\w-]*|!)(?!\S)")


def make_colorizer(code):
    """A function that puts text in this ANSI colour, such as ``"1;32"``."""

    def colorizer(text):
        return f"\x1b[{code}m{text}\x1b[0m"

    return colorizer


_TITLE, _REMARK = make_colorizer("1;32"), make_colorizer("32")
_TABLE, _CHAIN = make_colorizer("1;36"), make_colorizer("36")
_OPTION, _NOT = make_colorizer("33"), make_colorizer("1;31")


def colorize(string):
    """The text of tables in ANSI colours."""
    return "\n".join(_line(line) for line in string.split("\n"))


def _line(line):
    if line.startswith("#"):
        return _TITLE(line) if line.endswith("#") else _REMARK(line)
    if line.startswith("*"):
        return _TABLE(line)
    if line.startswith(":") or line == "COMMIT":
        return _CHAIN(line)
    return _WORDS.sub(lambda found: (_NOT if found[0] == "!" else _OPTION)(found[0]), line)


def uncolorize(string):
    """The text without ANSI colours."""
    return _ANSI.sub("", string)


def add_line_numbers(string, start=1):
    """The text with a number before each line."""
    lines = string.split("\n")
    width = len(str(len(lines)))
    return "\n".join(f"{number:>{width}} | {line}" for number, line in enumerate(lines, start))
