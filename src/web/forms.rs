//! Forms of pages that act for one person: what they carry, and how it is read.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use data_encoding::HEXLOWER;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use crate::subscribers::keys::Keys;

/// Octets of a seal: a guess is right once in 2^128.
const SEAL_LEN: usize = 16;

/// What only a page of ours can have put into a form, for this token and with this value: a site
/// that has a form of its own posted to us has none.
pub(super) fn seal(keys: &Keys, form: &str, token: &str, value: &str) -> String {
    let parts = [b"form", form.as_bytes(), token.as_bytes(), value.as_bytes()];
    let mac = keys.sign(keys.token_key(), &parts).expect("the newest key is there");
    HEXLOWER.encode(&mac.as_ref()[..SEAL_LEN])
}

pub(super) fn is_sealed(keys: &Keys, form: &str, token: &str, value: &str, given: &str) -> bool {
    bool::from(seal(keys, form, token, value).as_bytes().ct_eq(given.as_bytes()))
}

/// Whether a page of another site sent this, as browsers say (W3C Fetch Metadata, 2.4). Who says
/// nothing is no browser that others can lead here, or an old one.
pub(super) fn is_of_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

/// The fields of a form by name, of equal names the last.
pub(super) type Fields = BTreeMap<String, String>;

/// The value of a field; nothing where there is none.
pub(super) fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

/// `None` where the body is no form.
pub(super) fn fields(headers: &HeaderMap, body: &str) -> Option<Fields> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next()?.trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        .then(|| form_urlencoded::parse(body.as_bytes()).into_owned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_for_one_form_token_and_value() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let made = seal(&keys, "manage", "token", "7");
        assert!(is_sealed(&keys, "manage", "token", "7", &made));
        for (form, token, value, given) in [
            ("undo", "token", "7", &*made),
            ("manage", "other", "7", &made),
            ("manage", "token", "8", &made),
            ("manage", "token", "7", ""),
            ("manage", "token", "7", &made[1..]),
        ] {
            assert!(!is_sealed(&keys, form, token, value, given), "{form} {token} {value}");
        }
    }

    #[test]
    fn only_a_form_has_fields() {
        let headers =
            |kind: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        let form = headers("application/x-www-form-urlencoded; charset=utf-8");
        let fields = |headers: &HeaderMap| super::fields(headers, "a=1&b=x%20y&a=2");
        let expected = [("a", "2"), ("b", "x y")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(fields(&form), Some(BTreeMap::from(expected)));
        assert_eq!(fields(&headers("multipart/form-data; boundary=x")), None);
        assert_eq!(fields(&headers("application/json")), None);
        assert_eq!(fields(&HeaderMap::new()), None);
    }
}
