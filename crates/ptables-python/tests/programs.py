"""Programs by chance, in the part of the language that both packages have."""

import random

HEAD = """
import functools
from pyptables import default_tables, UserChain, Rule, CustomRule, Accept, Drop, Jump, Return, Log, Match
from pyptables.rules import CompositeRule, Reject
from pyptables.rules.marks import Mark, Marked, DropMarked
from pyptables.rules.input import InputRule
from pyptables.rules.forwarding import ForwardingRule
from pyptables.rules.forwarding.hosts import Hosts, HostList
from pyptables.rules.forwarding.zones import Zone
from pyptables.rules.forwarding.ipsets import IPSet
from pyptables.rules.forwarding.locations import Location
from pyptables.rules.forwarding.channels import TCPChannel, UDPChannel, ICMPChannel, Channel
tables = default_tables()
lan, wan = Zone("lan", "eth0"), Zone("wan", "eth1", physdev="p1")
office = Hosts.from_ip_list("192.0.2.1,192.0.2.128/25")[0]
hq, guests = Location("hq", lan, office), Location("guests", wan)
ssh, web = TCPChannel(dports="22"), TCPChannel(dports="80,443", states="NEW")
dns, ping = UDPChannel(dports="53"), ICMPChannel("8")
"""


class Maker:
    """Writes one program."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.chains = []

    def program(self):
        lines = [HEAD]
        for number in range(self.random.randint(0, 3)):
            name = f"chain{number}"
            comment = self.random.choice(["", ", comment='the \"%s\" chain'" % name, f", 'number {number}'"])
            lines.append(f"{name} = tables['filter'].append(UserChain('{name}'{comment}))")
            self.chains.append(name)
        for _ in range(self.random.randint(1, 12)):
            lines.append(self.statement())
        return "\n".join(lines)

    def statement(self):
        chance = self.random.random()
        if chance < 0.08:
            return f"tables['filter']['{self.builtin()}'].policy = {self.random.choice(['Rule.DROP', repr('ACCEPT')])}"
        if chance < 0.14:
            return "tables['mangle']['PREROUTING'].append(%s)" % self.random.choice(
                [
                    f"Mark('{self.random.randint(1, 99)}'{self.comment()})",
                    f"Marked(Mark('7'), jump='ACCEPT'{self.comment()})",
                    f"DropMarked(Mark('{self.random.randint(1, 9)}'), dport='{self.port()}', proto='tcp')",
                    "functools.partial(Marked, jump='RETURN')(Mark('3'))",
                ]
            )
        if chance < 0.2:
            return f"for port in {[self.port() for _ in range(3)]}: tables['filter']['INPUT'].append(Accept(proto='tcp', dport=port))"
        if chance < 0.32:
            return f"tables['filter']['FORWARD'].append({self.forwarding()})"
        if chance < 0.4:
            return f"tables['filter']['INPUT'].append({self.incoming()})"
        if chance < 0.46 and self.chains:
            chain = self.random.choice(self.chains)
            return f"tables['filter']['{self.builtin()}'].extend([Jump({chain}{self.arguments()}), Jump('{chain}')])"
        if chance < 0.5:
            return f"template = {self.simple()}\ntables['filter']['INPUT'].append(template(comment='again'))"
        if chance < 0.54:
            return f"tables['filter']['INPUT'].insert(0, {self.rule()})"
        target = self.random.choice(self.chains) if self.chains and self.random.random() < 0.4 else None
        place = target or f"tables['filter']['{self.builtin()}']"
        return f"{place}.append({self.rule()})"

    def builtin(self):
        return self.random.choice(["INPUT", "FORWARD", "OUTPUT"])

    def port(self):
        return str(self.random.randint(1, 65535))

    def address(self):
        return f"198.51.{self.random.randint(0, 255)}.0/24"

    def comment(self):
        words = ["", "one", "two words", 'a "quoted" word', "it's", "-j DROP", "# no", "a (b) c", "ünï"]
        word = self.random.choice(words)
        return f", comment={word!r}" if word else ""

    def arguments(self):
        found = []
        if self.random.random() < 0.6:
            proto = self.random.choice(["tcp", "udp"])
            found.append(f"{self.random.choice(['p', 'proto'])}='{proto}'")
            if self.random.random() < 0.7:
                inverted = self.random.choice(["", "", "__not"])
                found.append(f"{self.random.choice(['dport', 'sport'])}{inverted}='{self.port()}'")
            if proto == "tcp" and self.random.random() < 0.2:
                found.append(self.random.choice(["syn=None", "tcp_flags=['SYN,ACK', 'SYN']"]))
        if self.random.random() < 0.4:
            name = self.random.choice(["s", "source", "d", "destination", "source__not"])
            found.append(f"{name}='{self.address()}'")
        if self.random.random() < 0.2:
            found.append("f=''")
        if self.random.random() < 0.2:
            found += ["match='conntrack'", "ctstate='NEW,RELATED'"]
        self.random.shuffle(found)
        if "match='conntrack'" in found:
            # The original prints options as they come: only in this order iptables takes them.
            found.remove("ctstate='NEW,RELATED'")
            found.append("ctstate='NEW,RELATED'")
        if self.random.random() < 0.25:
            match = self.random.choice(["'limit', limit='3/sec'", "'mark', mark__not='0x1'", "'length', length='0:99'"])
            found.append(f"args=[Match({match})]")
        return "".join(f", {it}" for it in found) + self.comment()

    def rule(self):
        chance = self.random.random()
        if chance < 0.08:
            return f"CustomRule('-p icmp -j ACCEPT'{self.comment()})"
        if chance < 0.16:
            return f"CompositeRule([{self.simple()}, {self.simple()}]{self.comment()})"
        return self.simple()

    def simple(self):
        target = self.random.choice(["Accept", "Drop", "Reject", "Return", "Log", "Rule"])
        arguments = self.arguments()[2:]
        if target == "Log":
            arguments = f"log_prefix='in: '{self.arguments()}"
        if target == "Rule":
            arguments = f"jump='{self.random.choice(['ACCEPT', 'DROP'])}'{self.arguments()}"
        return f"{target}({arguments})"

    def several(self, names, least=0):
        return "[%s]" % ", ".join(self.random.sample(names, self.random.randint(least, 2)))

    def forwarding(self):
        policy = self.random.choice(["ACCEPT", "drop", "REJECT"])
        log = self.random.choice([""] * 9 + [", log=True, log_id='x', log_cls=Log"])
        plus = self.random.choice(["", "", ", args=[Match('limit', limit='5/min')]"])
        places = ["lan", "hq", "guests", "office"]
        sources, destinations = self.several(places), self.several(places)
        channels = self.several(["ssh", "web", "dns", "ping", "Channel(proto='tcp')"])
        return f"ForwardingRule('{policy}', {sources}, {destinations}, {channels}{log}{plus}{self.comment()})"

    def incoming(self):
        log = self.random.choice([""] * 9 + [", log=True, log_cls=Log"])
        channels = self.several(["ssh", "web", "dns", "ping"])
        return f"InputRule('{self.random.choice(['ACCEPT', 'Drop'])}', {self.several(['lan', 'office', 'hq'])}, {channels}{log}{self.comment()})"
