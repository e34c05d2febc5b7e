//! What a relay offers in its reply to EHLO (RFC 5321, 4.1.1.1).

use lettre::transport::smtp::authentication::Mechanism;

/// The extensions that we use. What was offered before TLS is forgotten (RFC 3207, 4.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// RFC 2920.
    pub(super) has_pipelining: bool,
    /// RFC 3207.
    pub(super) has_starttls: bool,
    /// RFC 1870: MAIL may say how large the message is.
    pub(super) has_size: bool,
    /// The largest message, where the relay has a fixed limit.
    pub(super) size_limit: Option<u64>,
    /// Those of RFC 4954 that we speak, in the order we prefer them.
    pub(super) auth: Vec<Mechanism>,
}

impl Offer {
    /// Reads the texts of the reply's lines, of which the first is the relay's name.
    pub(super) fn read<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut offer = Self::default();
        for line in lines.skip(1) {
            let Ok(line) = str::from_utf8(line) else { continue };
            // Some relays of old write `AUTH=LOGIN`.
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "PIPELINING" => offer.has_pipelining = true,
                "STARTTLS" => offer.has_starttls = true,
                "SIZE" => {
                    offer.has_size = true;
                    // RFC 1870, section 4: 0 is no fixed limit.
                    offer.size_limit =
                        words.next().and_then(|n| n.parse().ok()).filter(|limit| *limit > 0);
                }
                "AUTH" => offer.add_mechanisms(&words),
                _ => {}
            }
        }
        offer
    }

    fn add_mechanisms<'a>(&mut self, words: &(impl Iterator<Item = &'a str> + Clone)) {
        for (name, mechanism) in [("PLAIN", Mechanism::Plain), ("LOGIN", Mechanism::Login)] {
            let is_offered = words.clone().any(|word| word.eq_ignore_ascii_case(name));
            if is_offered && !self.auth.contains(&mechanism) {
                self.auth.push(mechanism);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&[u8]]) -> Offer {
        Offer::read(lines.iter().copied())
    }

    #[test]
    fn extensions_are_read_in_any_case_and_unknown_ones_passed_over() {
        let offer = read(&[
            b"relay.example.org",
            b"pipelining",
            b"Size 10485760",
            b"STARTTLS",
            b"AUTH CRAM-MD5 login PLAIN",
            b"X\xff",
            b"",
        ]);
        assert!(offer.has_pipelining && offer.has_starttls && offer.has_size);
        assert_eq!(offer.size_limit, Some(10_485_760));
        assert_eq!(offer.auth, [Mechanism::Plain, Mechanism::Login]);
    }

    #[test]
    fn the_name_of_the_relay_is_no_extension() {
        assert_eq!(read(&[b"PIPELINING"]), Offer::default());
    }

    #[test]
    fn a_size_of_nought_or_none_is_no_limit() {
        for line in [&b"SIZE"[..], b"SIZE 0", b"SIZE much"] {
            let offer = read(&[b"relay.example.org", line]);
            assert_eq!((offer.has_size, offer.size_limit), (true, None));
        }
    }

    #[test]
    fn the_old_way_to_write_auth_is_understood_and_counts_once() {
        let offer = read(&[b"relay.example.org", b"AUTH=LOGIN", b"AUTH LOGIN"]);
        assert_eq!(offer.auth, [Mechanism::Login]);
    }
}
