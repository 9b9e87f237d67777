from pyptables import Tables, Table, BuiltinChain, UserChain, restore
from pyptables.rules import Accept, Drop, Jump, Log, Return

tables = Tables(Table('filter',
                      BuiltinChain('INPUT', 'DROP'),
                      BuiltinChain('FORWARD', 'DROP'),
                      BuiltinChain('OUTPUT', 'ACCEPT'),
                      ),
                )
guests = tables['filter'].append(UserChain('guests', 'what guests may do'))
for port in [53, 80, 443]:
    guests.append(Accept(proto='tcp', dport=str(port)))
guests += [Log(log_prefix='guest ', match='limit', limit='3/minute'), Drop('the rest', in_interface__not='lo')]
tables['filter']['FORWARD'].append(Jump(guests, in_interface='wlan0'))
tables['filter']['INPUT'].extend([Accept(i='lo'), Return(s='10.0.0.0/8', f__not='x') if False else Return(s='10.0.0.0/8')])
