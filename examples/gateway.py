# A gateway: the Internet, a network inside, a web server beside it, and guests. IPv4 with one public address, IPv6 with a prefix.
from pyptables import Firewall

fw = Firewall()

fw.zone('wan', 'eth0')
fw.zone('lan', 'eth1', '192.168.1.0/24 2001:db8:0:1::/64')
fw.zone('dmz', 'eth2', '192.168.2.0/24 2001:db8:0:2::/64')
fw.zone('guest', 'eth3', '192.168.3.0/24 2001:db8:0:3::/64')

fw.allow('lan', 'wan dmz')
fw.allow('dmz guest', 'wan', 'domain http https ntp')
fw.publish('wan', 'http https', '192.168.2.80 2001:db8:0:2::80', address='203.0.113.5', hairpin=True)

fw.allow('lan guest', 'host', 'domain dhcp ntp ping')
fw.allow('lan', 'host', 'ssh')
fw.allow('wan', 'host', 'ssh', limit='4/minute')
fw.allow('wan', 'host', 'ping', limit='10/second')
fw.policy('lan', 'host', 'REJECT')

fw.syn_limit('wan', '100/second')
fw.masquerade('wan', 'lan dmz guest')

tables = fw.tables()

if __name__ == '__main__':
    print(tables.to_iptables())     # restore(tables) gives them to the kernel
