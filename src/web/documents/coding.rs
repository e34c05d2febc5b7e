//! Content codings, and what a reader accepts of them (RFC 9110, 12.5.3).

use axum::http::{HeaderMap, header};

/// How the bytes of a document are sent. In our order of preference: the smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
    Identity,
}

impl Coding {
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// Value of `Content-Encoding`.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// Ending of the file beside the document.
    pub(super) fn ending(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gz"),
            Self::Identity => None,
        }
    }
}

/// Weight of each coding in thousandths; 0 is "not acceptable".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted([u16; 3]);

/// What is not named but not refused either comes after all that is named.
const UNNAMED: u16 = 1;

impl Accepted {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut named: [Option<u16>; 3] = [None; 3];
        let mut others = None;
        for value in headers.get_all(header::ACCEPT_ENCODING) {
            for member in value.as_bytes().split(|byte| *byte == b',') {
                let (name, weight) = weighed(member);
                match name {
                    b"*" => others = Some(weight),
                    name => {
                        if let Some(coding) = named_by(name) {
                            named[coding as usize] = Some(weight);
                        }
                    }
                }
            }
        }
        Self(Coding::ALL.map(|coding| {
            let unnamed = if coding == Coding::Identity { UNNAMED } else { 0 };
            named[coding as usize].or(others).unwrap_or(unnamed)
        }))
    }

    pub(super) fn accepts(self, coding: Coding) -> bool {
        self.0[coding as usize] > 0
    }

    /// The best of those there are; of equal ones the smallest.
    pub(super) fn best(self, is_there: impl Fn(Coding) -> bool) -> Option<Coding> {
        let there = Coding::ALL.into_iter().rev().filter(|coding| is_there(*coding));
        there.filter(|coding| self.accepts(*coding)).max_by_key(|coding| self.0[*coding as usize])
    }
}

fn named_by(name: &[u8]) -> Option<Coding> {
    match name {
        name if name.eq_ignore_ascii_case(b"br") => Some(Coding::Brotli),
        // RFC 9110, 8.4.1.3: `x-gzip` means the same.
        name if name.eq_ignore_ascii_case(b"gzip") => Some(Coding::Gzip),
        name if name.eq_ignore_ascii_case(b"x-gzip") => Some(Coding::Gzip),
        name if name.eq_ignore_ascii_case(b"identity") => Some(Coding::Identity),
        _ => None,
    }
}

/// One member of an `Accept…` list with its weight in thousandths (RFC 9110, 12.4.2). A
/// weight that is none counts as refusal.
pub(super) fn weighed(member: &[u8]) -> (&[u8], u16) {
    let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| match part {
        [b'q' | b'Q', b'=', weight @ ..] => Some(thousandths(weight).unwrap_or(0)),
        _ => None,
    });
    (name, weight.unwrap_or(1000))
}

/// `0.25` is 250.
fn thousandths(weight: &[u8]) -> Option<u16> {
    let (whole, fraction) = match weight {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let digits = fraction.iter().chain([b'0', b'0', b'0'].iter()).take(3);
    let value = [whole].into_iter().chain(digits).try_fold(0, |value: u16, digit| {
        digit.is_ascii_digit().then(|| value * 10 + u16::from(digit - b'0'))
    })?;
    (value <= 1000).then_some(value)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::Coding::{Brotli, Gzip, Identity};
    use super::*;

    fn check(accepted: &[&'static str], expected: Option<Coding>) {
        let mut headers = HeaderMap::new();
        for value in accepted {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
        }
        assert_eq!(Accepted::of(&headers).best(|_| true), expected, "{accepted:?}");
    }

    #[test]
    fn the_smallest_of_what_is_accepted_alike_is_chosen() {
        check(&["gzip, deflate, br, zstd"], Some(Brotli));
        check(&["gzip"], Some(Gzip));
        check(&["x-gzip"], Some(Gzip));
        check(&["GZIP;Q=1"], Some(Gzip));
        check(&["deflate", "gzip"], Some(Gzip));
        check(&["*"], Some(Brotli));
    }

    #[test]
    fn a_weight_decides_before_size() {
        check(&["br;q=0.5, gzip;q=0.8"], Some(Gzip));
        check(&["br;q=0.999, gzip;q=1.000"], Some(Gzip));
        check(&["br; q=0.1 , identity; q=0.2"], Some(Identity));
        check(&["gzip;q=0.001"], Some(Gzip));
    }

    #[test]
    fn what_is_not_asked_for_is_not_sent() {
        check(&[], Some(Identity));
        check(&[""], Some(Identity));
        check(&["deflate, zstd"], Some(Identity));
        check(&["gzip;q=0, br;q=0.000"], Some(Identity));
        check(&["*;q=0, identity"], Some(Identity));
        check(&["br;q=0, *"], Some(Gzip));
        check(&["gzip;q=high"], Some(Identity));
        check(&["gzip;q=1.5, br;q=0.1234"], Some(Identity));
    }

    #[test]
    fn identity_can_be_refused() {
        check(&["identity;q=0"], None);
        check(&["*;q=0"], None);
        check(&["gzip, identity;q=0"], Some(Gzip));
        check(&["gzip, *;q=0"], Some(Gzip));
        check(&["identity;q=0, *"], Some(Brotli));
    }
}
