from pyptables import default_tables
from pyptables.rules import Rule, Reject

tables = default_tables()
reject_ssh = Rule(proto='tcp', dport='22', jump='REJECT')
tables['filter']['INPUT'].append(reject_ssh)
tables['filter']['OUTPUT'].append(Reject(proto='tcp', dport='22'))

# a rule is a template of others
SSH = Rule(proto='tcp', dport='22')
tables['filter']['INPUT'].insert(SSH(jump='ACCEPT', source='1.1.1.1', comment='Allow SSH from my workstation'), 0)
tables['filter']['INPUT'].append(SSH(jump='REJECT', comment='Prevent any other access to local SSH'))
tables['filter']['FORWARD'].append(SSH(jump='REJECT', comment="Don't route any SSH traffic"))
