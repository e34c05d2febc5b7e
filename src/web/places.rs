//! How many connections there are at once, in all and from one host; one more is closed before
//! anything is read from it.
//!
//! Without it a few programs that say their part slowly, or not at all, would keep everybody else
//! out. Trusted proxies carry many people and count in all alone.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

const MOST: usize = 4_096;
const MOST_OF_ONE: usize = 256;

/// Files that a process should be allowed: half of them for connections, the others for the
/// store, the relay and the documents.
const FILES: u64 = 2 * MOST as u64;

/// Places of connections, and who has them.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<Taken>,
    was_told: AtomicBool,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_host: HashMap<IpAddr, usize>,
}

/// Where one connection is; dropping it makes room for another.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    host: Option<IpAddr>,
}

impl Places {
    /// As many as there should be, or as the files that this process may open leave room for.
    pub(super) fn new() -> Arc<Self> {
        let files = usize::try_from(allowed_files()).unwrap_or(usize::MAX);
        Self::of(MOST.min(files / 2))
    }

    fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default(), was_told: AtomicBool::new(false) })
    }

    /// A place for a connection from `peer`; `None` where all, or all for this host, are taken.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, is_trusted: bool) -> Option<Place> {
        let host = (!is_trusted).then(|| host(peer));
        let mut taken = self.taken();
        let of_host = host.and_then(|host| taken.by_host.get(&host)).copied().unwrap_or_default();
        if taken.all >= self.most || of_host >= MOST_OF_ONE {
            self.tell_once(of_host);
            return None;
        }
        taken.all += 1;
        if let Some(host) = host {
            taken.by_host.insert(host, of_host + 1);
        }
        Some(Place { places: Arc::clone(self), host })
    }

    /// The operator, who may have forgotten to name a proxy.
    fn tell_once(&self, of_host: usize) {
        if !self.was_told.swap(true, Ordering::Relaxed) {
            warn!(
                of_host,
                "there are more connections than are carried at once: further ones are closed; if \
                 they come from a proxy, name it in `web.trusted_proxies`"
            );
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nobody panics while holding it.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        let Some(host) = self.host else { return };
        match taken.by_host.get_mut(&host) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.by_host.remove(&host)),
        }
    }
}

/// What one machine has of the address space: an IPv4 address, or the 64 bits of an IPv6 one of
/// which it chooses the rest as it likes.
fn host(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Files that this process may have open, after asking for as many as it should have.
fn allowed_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(FILES, |maximum| maximum.min(FILES));
    match current {
        Some(current) if current < wanted => {
            let more = Rlimit { current: Some(wanted), maximum };
            setrlimit(Resource::Nofile, more).map_or(current, |()| wanted)
        }
        current => current.unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    #[test]
    fn one_host_has_so_many_connections_and_a_trusted_proxy_more() {
        let places = Places::of(1_000);
        let mut taken: Vec<Place> =
            (0..256).map(|_| places.take(from(1), false).unwrap()).collect();
        assert!(places.take(from(1), false).is_none());
        let mapped = from(1).to_string().parse::<std::net::Ipv4Addr>().unwrap().to_ipv6_mapped();
        assert!(places.take(mapped.into(), false).is_none(), "the same host");
        taken.push(places.take(from(2), false).unwrap());
        taken.extend((0..300).map(|_| places.take(from(1), true).unwrap()));
        taken.remove(0);
        assert!(places.take(from(1), false).is_some(), "one was given back");
        drop(taken);
        let Taken { all, by_host } = &*places.taken();
        assert_eq!((*all, by_host.len()), (0, 0), "nothing is remembered");
    }

    #[test]
    fn all_together_have_so_many_and_proxies_count() {
        let places = Places::of(300);
        let taken: Vec<Place> = (0..300).map_while(|n| places.take(from(n), n % 2 == 0)).collect();
        assert_eq!(taken.len(), 300);
        assert!(places.take(from(1_000), false).is_none());
        assert!(places.take(from(1_000), true).is_none());
        assert!(Places::new().most >= MOST_OF_ONE, "the system allows few files");
        assert!(Places::new().most <= MOST);
    }

    #[test]
    fn an_ipv6_host_is_one_whatever_address_it_takes() {
        let host = |text: &str| host(text.parse().unwrap()).to_string();
        assert_eq!(host("2001:db8:1:2:3::4"), host("2001:db8:1:2:ffff::1"));
        assert_ne!(host("2001:db8:1:2::1"), host("2001:db8:1:3::1"));
    }
}
