//! The caller's address: the connection's own, unless a trusted proxy names another.

use http::HeaderMap;
use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Reads addresses and networks, like `10.0.0.0/8` or `::1`.
    ///
    /// # Errors
    /// The first entry that is neither.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let parse = |entry: &str| {
            let network = entry.parse::<IpNet>().ok();
            network
                .or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from))
                .ok_or_else(|| format!("{entry} is neither an address nor a network like 10.0.0.0/8"))
        };
        let entries = entries.into_iter().map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether this is one of them.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: walking from the connection's peer towards the client, the first that is no trusted proxy.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if self.0.is_empty() {
            return peer;
        }
        let hops: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        let mut address = peer;
        for hop in hops.into_iter().rev() {
            if !self.trusts(address) {
                break;
            }
            let Some(named) = read_hop(hop.trim()) else { break };
            address = named.to_canonical();
        }
        address
    }
}

/// Some proxies write the port too, and then an IPv6 address in brackets.
fn read_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// What counts as one client address: an IPv6 network of 64 bits is one client's.
pub fn client_network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) if v6 == Ipv6Addr::LOCALHOST => v6.to_bits(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let proxies = TrustedProxies::parse(proxies.iter().copied()).unwrap();
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(client(&[], "203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
        assert_eq!(client(&["10.0.0.0/8"], "203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
    }

    #[test]
    fn the_last_hop_that_no_trusted_proxy_vouches_for_is_the_client() {
        let proxies = ["10.0.0.0/8", "::1"];
        assert_eq!(client(&proxies, "10.0.0.1", &["1.1.1.1, 203.0.113.7", "10.0.0.2"]), "203.0.113.7");
        assert_eq!(client(&proxies, "::1", &["garbage"]), "::1");
        assert_eq!(client(&proxies, "10.0.0.1", &["203.0.113.9:5123"]), "203.0.113.9");
        assert_eq!(client(&proxies, "10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client(&proxies, "10.0.0.1", &["[2001:db8::2]"]), "2001:db8::2");
        assert_eq!(client(&proxies, "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client(&["127.0.0.1"], "::ffff:127.0.0.1", &["203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn a_wrong_entry_is_named() {
        assert!(TrustedProxies::parse(["10.0.0.0/8", "proxy"]).unwrap_err().contains("proxy"));
    }
}
