//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address behind `peer`, whose word is taken where it is a trusted proxy: of the addresses
/// in `X-Forwarded-For` the last that is none. What stands before it, anybody may have written.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let hops = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    for hop in hops {
        if !is_trusted(client, trusted) {
            break;
        }
        // What is no address was not written by a proxy of ours.
        let Some(hop) = address_in(hop.trim()) else { break };
        client = hop.to_canonical();
    }
    client
}

/// Some proxies write the port too.
fn address_in(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()))
}

/// Whether an address is that of a proxy of ours.
pub(super) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(&address))
}

/// What one household or office has of the address space: 24 bits of an IPv4 address, 48 of an
/// IPv6 one.
pub(super) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, lines: &[&str], trusted: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let found = client(peer.parse().unwrap(), &headers, &trusted);
        assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {lines:?} {trusted:?}");
    }

    #[test]
    fn only_named_proxies_say_where_a_request_comes_from() {
        let proxies = ["127.0.0.0/8", "10.1.0.0/16"];
        check("203.0.113.7", &["198.51.100.1"], &proxies, "203.0.113.7");
        check("127.0.0.1", &["198.51.100.1"], &[], "127.0.0.1");
        check("127.0.0.1", &["198.51.100.1"], &proxies, "198.51.100.1");
        check("127.0.0.1", &["198.51.100.1:4711"], &proxies, "198.51.100.1");
        check("127.0.0.1", &["[2001:db8::1]:4711"], &proxies, "2001:db8::1");
        check("::ffff:127.0.0.1", &["2001:db8::1"], &proxies, "2001:db8::1");
        check("127.0.0.1", &[], &proxies, "127.0.0.1");
        // The first was sent by the reader, who may lie.
        check("127.0.0.1", &["192.0.2.1, 198.51.100.1, 10.1.2.3"], &proxies, "198.51.100.1");
        check("127.0.0.1", &["192.0.2.1", "198.51.100.1"], &proxies, "198.51.100.1");
        check("127.0.0.1", &["192.0.2.1, unknown"], &proxies, "127.0.0.1");
    }

    #[test]
    fn neighbours_share_the_beginning_of_their_address() {
        let of = |address: &str| neighbourhood(address.parse().unwrap()).to_string();
        assert_eq!(of("198.51.100.77"), "198.51.100.0");
        assert_eq!(of("2001:db8:1:2:3::4"), "2001:db8:1::");
    }
}
