"""``python -m pyptables [--color] [--line-numbers]``: prints an example."""

import argparse
import sys

from . import Accept, CustomRule, Drop, Jump, UserChain, add_line_numbers, colorize, default_tables
from ._apply import guard


def example():
    """A small firewall for a web server."""
    tables = default_tables()
    incoming = tables["filter"]["INPUT"]
    incoming.policy = "DROP"
    incoming.append(Accept(in_interface="lo"))
    incoming.append(Accept(match="conntrack", ctstate="ESTABLISHED,RELATED"))
    web = tables["filter"].append(UserChain("web", comment="the web server"))
    incoming.append(Jump(web, proto="tcp"))
    web.append(Drop(source="192.0.2.0/24", comment='the "bad" network'))
    web.append(Accept(proto="tcp", match="multiport", dports="80,443"))
    web.append(CustomRule("-p tcp --dport 8080 -j REJECT", comment="not here"))
    return tables


def main(arguments=None):
    """Prints the example; with ``--guard``, which `Tables.apply` calls, guards an application."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["--guard"]:
        guard(arguments[1:])
        return
    parser = argparse.ArgumentParser(prog="python -m pyptables", description="Prints an example of rules.")
    parser.add_argument("--color", "--colorize", action="store_true", help="in ANSI colours")
    parser.add_argument("--line-numbers", action="store_true", help="with numbers before the lines")
    options = parser.parse_args(arguments)
    text = example().to_iptables()
    if options.color:
        text = colorize(text)
    if options.line_numbers:
        text = add_line_numbers(text)
    print(text)


if __name__ == "__main__":
    main()
