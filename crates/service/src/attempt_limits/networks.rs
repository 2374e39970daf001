//! Which networks an address lies in, and how many times what one address may each of them may.
//!
//! Whoever has an IPv6 address has a network of 64 bits, most providers give 56 or 48 bits to anyone, and a provider has 32. So
//! every attempt counts for all of them.

use std::net::{IpAddr, Ipv6Addr};

/// A network, and its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    /// The address in IPv6, cut to the length; an IPv4 address is mapped.
    pub(super) prefix: u128,
    pub(super) length: u32,
    /// How many times the attempts of one address are allowed to it.
    pub(super) factor: u32,
}

/// How long networks are, and their factors.
type Scale = &'static [(u32, u32)];

/// For attempts of everyone at an address: a /48 may be a whole company.
const ADDRESS_V6: Scale = &[(64, 1), (56, 4), (48, 16)];
const ADDRESS_V4: Scale = &[(128, 1)];

/// For attempts on one person, who has [`EVERYWHERE`] times as many from all networks together. No network may use that up.
const PERSON_V6: Scale = &[(64, 1), (56, 2), (48, 4), (32, 8)];
const PERSON_V4: Scale = &[(128, 1), (120, 2), (112, 4)];

/// How many times the attempts from one network a person has from all networks together.
pub(super) const EVERYWHERE: u32 = 10;

pub(super) fn of_address(address: IpAddr) -> impl Iterator<Item = Network> {
    networks(address, ADDRESS_V4, ADDRESS_V6)
}

pub(super) fn of_person(address: IpAddr) -> impl Iterator<Item = Network> {
    networks(address, PERSON_V4, PERSON_V6)
}

/// Whether one person may have both addresses: they are one IPv4 address, or lie in one IPv6 network of 64 bits.
pub(crate) fn is_one_network(one: IpAddr, other: IpAddr) -> bool {
    of_person(one).next() == of_person(other).next()
}

fn networks(address: IpAddr, v4: Scale, v6: Scale) -> impl Iterator<Item = Network> {
    let (bits, scale) = match plain(address) {
        IpAddr::V4(v4_address) => (v4_address.to_ipv6_mapped().to_bits(), v4),
        IpAddr::V6(v6_address) => (v6_address.to_bits(), v6),
    };
    scale.iter().map(move |(length, factor)| {
        let prefix = bits & u128::MAX.checked_shl(128 - length).unwrap_or(0);
        Network { prefix, length: *length, factor: *factor }
    })
}

/// NAT64's networks (RFC 6052, RFC 8215) hold every IPv4 address in one network of 64 bits.
const NAT64: [u128; 2] = [0x0064_ff9b << 96, 0x0064_ff9b_0001 << 80];

/// The IPv4 address that is meant, if the address only wraps one.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let (prefix, low) = (v6.to_bits() >> 32 << 32, v6.to_bits() & u128::from(u32::MAX));
    match v6.to_ipv4_mapped() {
        Some(v4) => v4.into(),
        None if NAT64.contains(&prefix) => Ipv6Addr::from_bits((0xffff << 32) | low).to_canonical(),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(networks: impl Iterator<Item = Network>) -> Vec<String> {
        let text = |network: Network| {
            format!("{}/{} x{}", Ipv6Addr::from_bits(network.prefix), network.length, network.factor)
        };
        networks.map(text).collect()
    }

    #[test]
    fn an_address_lies_in_its_networks() {
        let address = |text: &str| text.parse().unwrap();
        let v6 = address("2001:db8:1234:5678:9abc::1");
        assert_eq!(
            listed(of_address(v6)),
            ["2001:db8:1234:5678::/64 x1", "2001:db8:1234:5600::/56 x4", "2001:db8:1234::/48 x16"]
        );
        assert_eq!(listed(of_person(v6)).last().unwrap(), "2001:db8::/32 x8");
        assert_eq!(listed(of_address(address("192.0.2.1"))), ["::ffff:192.0.2.1/128 x1"]);
        for same in ["192.0.2.1", "::ffff:192.0.2.1", "64:ff9b::192.0.2.1", "64:ff9b:1::192.0.2.1"] {
            let expected = ["::ffff:192.0.2.1/128 x1", "::ffff:192.0.2.0/120 x2", "::ffff:192.0.0.0/112 x4"];
            assert_eq!(listed(of_person(address(same))), expected, "{same}");
        }
    }

    #[test]
    fn no_network_may_use_up_what_a_person_has_everywhere() {
        assert!(PERSON_V4.iter().chain(PERSON_V6).all(|(_, factor)| *factor < EVERYWHERE));
    }
}
