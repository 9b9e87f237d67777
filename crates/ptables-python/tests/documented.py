from pyptables import default_tables
from pyptables.rules import Rule, Accept
tables = default_tables()
forward = tables['filter']['FORWARD']
forward.append(Accept(match='conntrack', ctstate='ESTABLISHED'))
forward.append(Accept(proto='tcp', dport='53'))
forward.append(Accept(proto='tcp', dport='80'))
forward.append(Accept(proto='tcp', dport='443'))
forward.policy = Rule.DROP
#---
from pyptables import Tables, Table, BuiltinChain, UserChain
from pyptables.rules import Rule, Reject
tables = Tables(Table('filter', BuiltinChain('INPUT', 'ACCEPT'), BuiltinChain('FORWARD', 'ACCEPT'), BuiltinChain('OUTPUT', 'ACCEPT')))
tables['filter']['INPUT'].append(Rule(proto='tcp', dport='22', jump='REJECT'))
tables['filter']['INPUT'].append(Reject(proto='tcp', dport='22'))
#---
from pyptables import default_tables
from pyptables.rules import Rule
tables = default_tables()
SSH = Rule(proto='tcp', dport='22')
tables['filter']['INPUT'].append(SSH(jump='ACCEPT', source='1.1.1.1', comment='Allow SSH from my workstation'))
tables['filter']['INPUT'].append(SSH(jump='REJECT', comment='Prevent any other access to local SSH'))
tables['filter']['FORWARD'].append(SSH(jump='REJECT', comment="Don't route any SSH traffic"))
#---
from pyptables import Tables
tables = Tables()
#---
from pyptables import Tables, Table, UserChain
tables = Tables(Table('empty'), Table('mangle', UserChain('none')))
#---
from pyptables import default_tables
from pyptables.rules import AbstractRule
class Two(AbstractRule):
    def rule_definitions(self):
        yield '-p tcp -j ACCEPT'
        yield '-p udp -j ACCEPT'
tables = default_tables()
tables['filter']['INPUT'].extend([Two('both'), Two()])
#---
from pyptables import default_tables
from pyptables.rules import CompositeRule, CustomRule, Accept, Drop
tables = default_tables()
tables['filter']['INPUT'].append(CompositeRule([CompositeRule([Accept(), Drop(proto='udp')]), CustomRule('-j DROP', comment='in')], 'out'))
tables['filter']['INPUT'].append(CompositeRule([]))
late = []
tables['filter']['OUTPUT'].append(CompositeRule(late, comment='late'))
late.append(Accept(comment='a'))
#---
from pyptables import default_tables, CustomRule
tables = default_tables()
tables['filter']['INPUT'].extend([CustomRule('a b'), CustomRule('-m comment --comment "zz"'), CustomRule('', 'c "d" e')])
#---
from pyptables import default_tables, UserChain, Jump, BuiltinChain
class MyUserChain(UserChain):
    pass
class XMLChain(BuiltinChain):
    pass
class lower_case(UserChain):
    pass
tables = default_tables()
chain = tables['filter'].append(MyUserChain('mine', 'a chain of mine'))
tables['filter'].append(XMLChain('xml', 'DROP'))
tables['filter'].append(lower_case('lower'))
tables['filter']['INPUT'].append(Jump(chain, proto='tcp'))
chain.comment, chain.name = 'changed', 'renamed'
tables['filter']['INPUT'].append(Jump(chain, 'own'))
#---
from pyptables import default_tables, UserChain, Accept
class Own(UserChain):
    def _chain_definition(self):
        return ':own ACCEPT [1:1]'
    def to_iptables(self):
        result = super().to_iptables()
        return self.Result(result.header_content, result.rules + '\n# and more')
class Commented(UserChain):
    def _comment(self):
        return '# a comment of its own'
class Typed(UserChain):
    def _type_name(self):
        return 'Type'
tables = default_tables()
tables['filter'].append(Own('own', rules=[Accept()]))
tables['nat'].append(Commented('commented', rules=[Accept()]))
tables['nat'].append(Typed('typed', comment='c'))
#---
from pyptables import default_tables, Rule
class Headed(Rule):
    def _header(self):
        return '# mine'
class Whole(Rule):
    def to_iptables(self, prefix=''):
        return prefix + ' -j DROP'
class Said(Rule):
    def rule_definitions(self):
        return [text + ' -g x' for text in super().rule_definitions()]
tables = default_tables()
tables['filter']['INPUT'].extend([Headed('c', proto='tcp'), Whole(), Said('x', dport='1')])
#---
from pyptables import default_tables, Rule
from pyptables.rules.arguments import UnboundArgument
class Known(Rule):
    _known_args = (UnboundArgument('z', 'zed', invertable=True),) + Rule._known_args
class Nothing(Rule):
    _known_args = ()
tables = default_tables()
tables['filter']['INPUT'].extend([Known(zed='3', proto='4', dport='a', j='X'), Known(zed__not='3')(proto='4', j='X'), Nothing(zed='3', proto='4', j='X')])
#---
from pyptables import default_tables, Rule, Match
from pyptables.rules.arguments import ArgumentList, CustomArgument
tables = default_tables()
add = tables['filter']['INPUT'].append
add(Rule('a', [Match('conntrack', ctstate='NEW')])('b', [Match('limit', limit='3/s')], proto='tcp'))
add(Rule(args=[Match('set', match_set__not=['x', 'src']), Match('tcp', syn=None)], p='tcp'))
add(Rule(args=[ArgumentList(jump='X', proto='udp', dport='3')], source='x'))
add(Rule()(args=[ArgumentList(jump='X', proto='udp', dport='3')], source='x'))
add(Rule(args=[[CustomArgument('x__not', ['a', 'b c'])]]))
add(Rule('c', (Match('a', args=[Match('b', c='d')]),), x=[]))
changed = Rule('x', proto='tcp')
changed.arguments.kwargs['dport'] = '7'
changed.comment = 'y'
changed.lineno = 99
add(changed)
add(changed(sport='1'))
#---
import copy, pickle
from pyptables import default_tables, Rule, UserChain, Accept
tables = default_tables()
rule = Rule('x', proto='tcp', dport='1')
tables['filter']['INPUT'].extend([copy.copy(rule), copy.deepcopy(rule), pickle.loads(pickle.dumps(rule)), pickle.loads(pickle.dumps(Accept))])
tables['filter'].append(copy.deepcopy(UserChain('y', 'z', [rule, rule(s='1.1.1.1')])))
#---
from pyptables import default_tables, Accept, Drop, Return
tables = default_tables()
chain = tables['filter']['INPUT']
chain.extend(Accept(dport=str(port)) for port in range(5))
chain.insert(0, Drop())
del chain[1]
chain[1:3] = [Return('r')]
chain.sort(key=lambda rule: rule.comment or '')
chain.reverse()
chain.remove(chain[0])
chain += chain[:1] * 2
tables['nat'].pop('OUTPUT')
del tables['mangle']
#---
import functools
from pyptables import default_tables, Rule
from pyptables.rules.marks import Mark, Marked, DropMarked, AcceptMarked
ReturnMarked = functools.partial(Marked, jump='RETURN')
tables = default_tables()
mark = Mark('0x1', comment='m', proto='tcp')
tables['mangle']['INPUT'].extend([mark, Mark(7), mark(dport='3'), Marked(mark), DropMarked(mark, 'c'), AcceptMarked(mark)(dport='1'), ReturnMarked(mark)])
#---
from pyptables import default_tables, Log, Rule, Match
from pyptables.rules.input import InputRule
from pyptables.rules.forwarding import ForwardingRule
from pyptables.rules.forwarding.zones import Zone
from pyptables.rules.forwarding.ipsets import IPSet
from pyptables.rules.forwarding.locations import Location
from pyptables.rules.forwarding.hosts import Hosts, HostList, HostRange
from pyptables.rules.forwarding.channels import Channel, StatefulChannel, PortChannel, TCPChannel, UDPChannel, ICMPChannel
lan, wan = Zone('lan', 'eth0'), Zone('wan', 'eth1', physdev='p1')
office = HostList(['1.1.1.1', '2.2.2.2'])
hq = Location('hq', lan, office)
class Everybody(Hosts):
    def as_input(self):
        return Match('addrtype', src_type='UNICAST')
    def as_output(self):
        return Match('addrtype', dst_type='UNICAST')
    def __str__(self):
        return 'everybody'
class Mine(Channel):
    def __init__(self):
        super().__init__(dport='9', p='udp')
class Base(ForwardingRule):
    def _base_rules(self):
        return [Rule('bb', jump='X'), Log(comment='ll')]
tables = default_tables()
f, i = tables['filter']['FORWARD'], tables['filter']['INPUT']
f.append(ForwardingRule('ACCEPT', [lan, wan], [wan, hq], [TCPChannel(dports='22'), UDPChannel(sports='1', dports='53', states='NEW')], log=True, log_id='LID', log_cls=Log, comment='hello'))
f.append(ForwardingRule('drop', [lan], [], [ICMPChannel(), ICMPChannel('8', states='NEW')], args=[Match('limit', limit='3/s')]))
f.append(ForwardingRule('none', [lan], [wan], log=True, log_cls=Rule(jump='NFLOG')))
f.append(ForwardingRule('Reject', [Everybody(), IPSet('s')], [IPSet('d'), Everybody()], [Mine(), PortChannel('1', '2', proto='tcp')], comment='c'))
f.append(ForwardingRule('ACCEPT', [HostRange('1.1.1.1-1.1.1.9')], [Location('all', wan), Location('no zone', None, office)]))
f.append(ForwardingRule('ACCEPT', [], []))
f.append(ForwardingRule('none', [lan], [wan]))
f.append(Base('whatever', [lan], [wan], [StatefulChannel('NEW', proto='tcp')], comment='q'))
i.append(InputRule('ACCEPT', [lan, office, hq], [TCPChannel(dports='22')], True, 'x', Log, 'comm'))
i.append(InputRule('ACCEPT'))
i.append(InputRule('reject', Hosts.from_ip_list('1.1.1.1, 2.2.2.2,3.3.3.3-4.4.4.4'), comment='q'))
i.append(InputRule('reject', Location.from_ip_list('l', lan, '1.1.1.1,3.3.3.3-4.4.4.4')))
late = ForwardingRule('ACCEPT', [lan], [wan], comment='late')
f.append(late)
late.policy, late.comment, lan.interface = 'DROP', 'changed', 'eth9'
#---
from pyptables import default_tables, Rule
tables = default_tables()
def made():
    return Rule('in a function')
class Sub(Rule):
    def __init__(self):
        super().__init__(comment='by a class')
    @classmethod
    def make(cls):
        return cls()
tables['filter']['INPUT'].extend([made(), (lambda: Rule('l'))(), Sub(), Sub.make(), Sub()(), list(map(lambda x: Rule(), [1]))[0]])
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Rule(proto=3))
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Rule(f=None))
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Rule(a__b='x'))
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Rule(jump__not='x'))
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Rule(proto=['a']))
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Rule(3))
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Rule(args=[3]))
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Jump(None))
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Rule(args=[Match(3)]))
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(tables['nope'])
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(tables['filter']['nope'])
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Rule(proto='tcp').arguments['x'])
#---
from pyptables import default_tables, Rule, Jump, Match
tables = default_tables()
tables["filter"]["INPUT"].append(Jump('a', jump='b'))
