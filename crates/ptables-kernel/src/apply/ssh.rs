//! Whether somebody works over ssh: rules that cut them off must not stay.

use std::net::IpAddr;

use crate::kernel::Kernel;

/// The connection that somebody works over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SshSession {
    /// Where they are.
    pub client: (IpAddr, u16),
    /// Where they came in.
    pub server: (IpAddr, u16),
}

/// The ssh session of this process, as it or one of the processes that started it tells in `SSH_CONNECTION`: sudo takes that away from
/// what it starts, but its own parents have it.
pub fn ssh_session() -> Option<SshSession> {
    let mut process = std::process::id();
    // Nobody nests deeper.
    for _ in 0..64 {
        let folder = format!("/proc/{process}");
        let environment = std::fs::read(format!("{folder}/environ")).unwrap_or_default();
        let told = environment.split(|it| *it == 0).find_map(|it| it.strip_prefix(b"SSH_CONNECTION="));
        if let Some(session) = told.and_then(|it| parse(&String::from_utf8_lossy(it))) {
            return Some(session);
        }
        let status = std::fs::read_to_string(format!("{folder}/status")).ok()?;
        process = status.lines().find_map(|it| it.strip_prefix("PPid:"))?.trim().parse().ok()?;
        if process <= 1 {
            return None;
        }
    }
    None
}

impl Kernel {
    /// The interface through which an address is reached, as `ip route get` says; `None` if that cannot be told.
    pub fn route_device(&self, address: IpAddr) -> Option<String> {
        let output = self.run_program("ip", &["-o", "route", "get", &address.to_string()], b"").ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut words = text.split_whitespace().skip_while(|it| *it != "dev");
        words.nth(1).filter(|_| output.status.success()).map(str::to_owned)
    }
}

/// `CLIENT PORT SERVER PORT`.
fn parse(text: &str) -> Option<SshSession> {
    let words: Vec<&str> = text.split(' ').collect();
    let [client, client_port, server, server_port] = words.as_slice() else { return None };
    let address = |it: &str| it.split('%').next()?.parse::<IpAddr>().ok().map(|it| it.to_canonical());
    Some(SshSession {
        client: (address(client)?, client_port.parse().ok()?),
        server: (address(server)?, server_port.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_read() {
        let session = parse("::ffff:192.0.2.7 40000 198.51.100.2 22").unwrap();
        assert_eq!(session.client, ("192.0.2.7".parse().unwrap(), 40000));
        assert_eq!(parse("fe80::1%eth0 1 fe80::2 22").unwrap().server.1, 22);
        assert_eq!(parse("localhost"), None);
    }
}
