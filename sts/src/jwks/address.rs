//! Where keys may be read.
//!
//! The address is an operator's, but the names in it are resolved by somebody else's servers, so
//! what counts is the IP address that is connected to. Private ranges are allowed: clusters and the
//! identity providers of companies are there. What is never the publisher of keys is refused: this
//! machine (unless for development), the link (the metadata services of clouds, 169.254.169.254),
//! multicast, and the unspecified address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether keys may be read from an address.
pub(super) fn is_allowed(address: IpAddr, loopback: bool) -> bool {
    let address = embedded(address.to_canonical());
    if address.is_loopback() {
        return loopback;
    }
    !(address.is_unspecified() || address.is_multicast() || is_special(address))
}

/// The IPv4 address that a translator (RFC 6052 §2.1) would connect to.
fn embedded(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6.segments().starts_with(&[0x64, 0xff9b, 0, 0, 0, 0]) => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        address => address,
    }
}

fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.octets().starts_with(&[0]),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || is_metadata(v6),
    }
}

/// Where one cloud serves the credentials of its machines inside a private range.
fn is_metadata(v6: Ipv6Addr) -> bool {
    v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_where_keys_can_be_and_nowhere_else() {
        for (address, always, in_development) in [
            ("203.0.113.7", true, true),
            ("10.0.0.1", true, true),
            ("192.168.1.1", true, true),
            ("fd12::1", true, true),
            ("2001:db8::1", true, true),
            ("127.0.0.1", false, true),
            ("127.8.8.8", false, true),
            ("::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("64:ff9b::7f00:1", false, true),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("64:ff9b::a9fe:a9fe", false, false),
            ("fd00:ec2::254", false, false),
            ("fe80::1", false, false),
            ("0.0.0.0", false, false),
            ("0.1.2.3", false, false),
            ("::", false, false),
            ("224.0.0.1", false, false),
            ("ff02::1", false, false),
            ("255.255.255.255", false, false),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(is_allowed(address, false), always, "{address}");
            assert_eq!(is_allowed(address, true), in_development, "{address}");
        }
    }
}
