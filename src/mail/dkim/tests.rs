use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::canonical::{relaxed_body, relaxed_field, sha256};
use super::*;

/// The seed of RFC 8463, A.2, in PKCS#8.
fn ed25519() -> PrivateKey {
    let seed = BASE64.decode(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap();
    PrivateKey::Ed25519(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap())
}

fn rsa() -> PrivateKey {
    PrivateKey::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|l| str::from_utf8(l).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn pkcs8(key: &PrivateKey) -> Vec<u8> {
    let der = match key {
        PrivateKey::Rsa(pair) => pair.as_der().unwrap().as_ref().to_vec(),
        PrivateKey::Ed25519(pair) => pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
    };
    PrivatePkcs8KeyDer::from(der).secret_pkcs8_der().to_vec()
}

fn signed(signer: &Signer) -> String {
    let names = names(&SIGNED_FIELDS);
    let covered = Covered { names: &names, fields: b"from:a@b.cc\r\n", body_hash: sha256(b"") };
    let at = "2026-11-21T08:00:00+08:00".parse().unwrap();
    let fields = signer.signature(&covered, at);
    assert_eq!(fields, signer.signature(&covered, at), "equal input, equal bytes");
    String::from_utf8(fields).unwrap()
}

#[test]
fn the_example_of_the_standard_is_signed_as_there() {
    // RFC 8463, appendix A.3.
    let body = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
    let hash = BASE64.encode(sha256(&relaxed_body(body)).as_ref());
    assert_eq!(hash, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    let mut text = Vec::new();
    for (name, value) in [
        ("From", " Joe SixPack <joe@football.example.com>"),
        ("To", " Suzie Q <suzie@shopping.example.net>"),
        ("Subject", " Is dinner ready?"),
        ("Date", " Fri, 11 Jul 2003 21:00:37 -0700 (PDT)"),
        ("Message-ID", " <20030712040037.46341.5F8J@football.example.com>"),
        (
            "DKIM-Signature",
            " v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; \
             i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
             subject : date : message-id : from : subject : date;\r\n \
             bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=",
        ),
    ] {
        relaxed_field(name, value.as_bytes(), &mut text);
    }
    text.truncate(text.len() - 2);
    assert_eq!(
        BASE64.encode(&sign(&ed25519(), &text)),
        "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
    );
}

#[test]
fn a_signature_is_one_field_for_each_key_within_78_columns() {
    let signer = Signer::new("press.example.org".into(), "tidings".into(), rsa())
        .and("tidings-ed".into(), ed25519());
    let fields = signed(&signer);
    let lines: Vec<&str> = fields.split_terminator("\r\n").collect();
    assert!(lines.iter().all(|line| line.len() <= 78), "{fields}");
    let fold = "\r\n  ";
    let text = fields.replace(fold, "").replace("\r\n ", " ");
    let [rsa, ed25519] = &text.split_terminator("\r\n").collect::<Vec<_>>()[..] else { panic!() };
    let names = SIGNED_FIELDS.join(":");
    for (field, kind, selector) in [(rsa, "rsa", "tidings"), (ed25519, "ed25519", "tidings-ed")] {
        let start = format!(
            "DKIM-Signature: v=1; a={kind}-sha256; c=relaxed/relaxed; d=press.example.org; \
             s={selector}; t=1795219200; h={names}; \
             bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b="
        );
        assert!(field.starts_with(&start), "{field}\n{start}");
    }
}

#[test]
fn both_signatures_hold_for_the_published_keys_and_no_other_text() {
    let signer =
        Signer::new("press.example.org".into(), "a".into(), rsa()).and("b".into(), ed25519());
    let fields = signed(&signer);
    let records = signer.records();
    assert_eq!(records[0].0, "a._domainkey.press.example.org");
    assert_eq!(records[1].1, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    let mut texts = Vec::new();
    for field in fields.split("DKIM-Signature:").skip(1) {
        let at = field.rfind(" b=").unwrap() + 3;
        let signature: String = field[at..].split_whitespace().collect();
        let mut text = b"from:a@b.cc\r\n".to_vec();
        relaxed_field("DKIM-Signature", &field.as_bytes()[..at], &mut text);
        text.truncate(text.len() - 2);
        texts.push((text, BASE64.decode(signature.as_bytes()).unwrap()));
    }
    let public = |record: usize| {
        BASE64.decode(records[record].1.split("p=").nth(1).unwrap().as_bytes()).unwrap()
    };
    let rsa = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public(0));
    let ed25519 = UnparsedPublicKey::new(&ED25519, public(1));
    let (text, signature) = &texts[0];
    rsa.verify(text, signature).unwrap();
    rsa.verify(&[text, &b" "[..]].concat(), signature).unwrap_err();
    let (text, signature) = &texts[1];
    ed25519.verify(sha256(text).as_ref(), signature).unwrap();
}

#[test]
fn keys_are_read_from_both_forms_of_pem() {
    let key = rsa();
    let der = pkcs8(&key);
    // RFC 5208, 5: the PKCS#1 key is the octet string at the end; before it stand a sequence,
    // a version and the algorithm.
    let forms = [pem("PRIVATE KEY", &der), pem("RSA PRIVATE KEY", &der[26..])];
    for text in forms {
        let read = PrivateKey::from_pem(Kind::Rsa, text.as_bytes()).unwrap();
        assert_eq!(public_half(&read), public_half(&key));
    }
    let text = pem("PRIVATE KEY", &pkcs8(&ed25519()));
    let read = PrivateKey::from_pem(Kind::Ed25519, text.as_bytes()).unwrap();
    assert_eq!(public_half(&read), public_half(&ed25519()));
}

#[test]
fn a_key_that_cannot_sign_is_refused_with_the_reason() {
    let refused = |kind, text: &str| PrivateKey::from_pem(kind, text.as_bytes()).unwrap_err();
    let short = include_str!("../../../tests/fixtures/dkim/rsa_of_1024_bits.pem");
    assert_eq!(refused(Kind::Rsa, short), DkimKeyError::TooShort);
    let rsa = pem("PRIVATE KEY", &pkcs8(&rsa()));
    assert_eq!(refused(Kind::Ed25519, &rsa), DkimKeyError::Rejected(Kind::Ed25519));
    let ed25519 = pem("PRIVATE KEY", &pkcs8(&ed25519()));
    assert_eq!(refused(Kind::Rsa, &ed25519), DkimKeyError::Rejected(Kind::Rsa));
    let locked = rsa.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let public = rsa.replace("PRIVATE KEY", "PUBLIC KEY");
    for text in ["", "key", &locked, &public] {
        assert_eq!(refused(Kind::Rsa, text), DkimKeyError::Form);
    }
    let cut = pem("PRIVATE KEY", &pkcs8(&self::rsa())[..200]);
    assert_eq!(refused(Kind::Rsa, &cut), DkimKeyError::Rejected(Kind::Rsa));
}

#[test]
fn no_key_is_ever_printed() {
    assert_eq!(format!("{:?}", rsa()), "PrivateKey(rsa, …)");
    let signer = Signer::new("press.example.org".into(), "tidings".into(), ed25519());
    assert_eq!(format!("{signer:?}"), "Signer(tidings._domainkey.press.example.org)");
}
