from pyptables import default_tables, Rule, Match, Log
from pyptables.rules.input import InputRule
from pyptables.rules.forwarding import ForwardingRule
from pyptables.rules.forwarding.zones import Zone
from pyptables.rules.forwarding.ipsets import IPSet
from pyptables.rules.forwarding.locations import Location
from pyptables.rules.forwarding.hosts import Hosts, HostList, HostRange
from pyptables.rules.forwarding.channels import Channel, StatefulChannel, PortChannel, TCPChannel, UDPChannel, ICMPChannel
from pyptables.rules.marks import Mark, Marked, DropMarked, AcceptMarked

lan, wan = Zone('lan', 'eth0'), Zone('wan', 'eth1', physdev='p1')
office = HostList(['1.1.1.1', '2.2.2.2'])
hq = Location('hq', lan, office)
tables = default_tables()
f, i = tables['filter']['FORWARD'], tables['filter']['INPUT']
f.append(ForwardingRule('ACCEPT', [lan, wan], [wan, hq], [TCPChannel(dports='22'), UDPChannel(sports='1', dports='53', states='NEW')], log=True, log_id='LID', log_cls=Log, comment='hello'))
f.append(ForwardingRule('drop', [lan], [], [ICMPChannel(), ICMPChannel('8', states='NEW')], args=[Match('limit', limit='3/s')]))
f.append(ForwardingRule('none', [lan], [wan], log=True, log_cls=Rule(jump='NFLOG')))
f.append(ForwardingRule('Reject', [IPSet('s')], [IPSet('d')], [Channel(p='udp', dport='9'), PortChannel('1', '2', proto='tcp')], comment='c'))
f.append(ForwardingRule('ACCEPT', [HostRange('1.1.1.1-1.1.1.9')], [Location('all', wan), Location('no zone', None, office)]))
f.append(ForwardingRule('ACCEPT', [], [], [StatefulChannel('NEW', proto='tcp')]))
i.append(InputRule('ACCEPT', [lan, office, hq], [TCPChannel(dports='22')], True, 'x', Log, 'comm'))
i.append(InputRule('ACCEPT'))
i.append(InputRule('reject', Hosts.from_ip_list('1.1.1.1, 2.2.2.2,3.3.3.3-4.4.4.4'), comment='q'))
i.append(InputRule('reject', Location.from_ip_list('l', lan, '1.1.1.1,3.3.3.3-4.4.4.4')))
mark = Mark('0x1', comment='m', proto='tcp')
tables['mangle']['INPUT'].extend([mark, Mark(7), mark(dport='3'), Marked(mark), DropMarked(mark, 'c'), AcceptMarked(mark)(dport='1')])
