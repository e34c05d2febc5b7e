//! What `mail.dkim` may say.

use std::os::unix::fs::PermissionsExt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, RsaKeyPair};

use super::*;

/// An office with keys of its own, and `dkim` below `mail`.
fn office_with_keys(dkim: &str) -> TempDir {
    let folder = folder(&minimal_with("mail:", &format!("mail:\n  dkim:\n{dkim}")));
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let write = |name: &str, der: &[u8]| {
        let text = data_encoding::BASE64.encode(der);
        let path = folder.path().join("config").join(name);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        fs::write(&path, pem).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    };
    write("rsa.pem", rsa.as_der().unwrap().as_ref());
    write("ed25519.pem", ed25519.to_pkcs8v1().unwrap().as_ref());
    folder
}

const DKIM: &str = "    domain: Example.ORG
    selector: tidings
    key_file: config/rsa.pem
    ed25519: {selector: tidings-ed, key_file: config/ed25519.pem}
";

/// What is wrong with `dkim`, without the folder.
fn check_dkim(from: &str, to: &str, message: &str, hint: &str) {
    assert!(DKIM.contains(from), "{from}");
    let folder = office_with_keys(&DKIM.replace(from, to));
    let path = folder.path().join(DEFAULT_PATH);
    let error = load(&path, &Environment::default()).unwrap_err();
    let root = format!("{}/", folder.path().display());
    let said = error.to_string().replace(&root, "");
    assert_eq!(said, format!("`config/tidings.yaml` {message}"));
    assert_eq!(error.hint().replace(&root, ""), hint);
}

#[test]
fn an_office_may_sign_with_two_keys_that_are_never_printed() {
    let folder = office_with_keys(DKIM);
    let config = load(&folder.path().join(DEFAULT_PATH), &Environment::default()).unwrap();
    assert_eq!(config.warnings, [""; 0]);
    let signer = config.mail.dkim.as_ref().unwrap();
    assert_eq!((signer.domain(), signer.selector()), ("example.org", "tidings"));
    let names: Vec<String> = signer.records().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["tidings._domainkey.example.org", "tidings-ed._domainkey.example.org"]);
    assert_eq!(format!("{signer:?}"), "Signer(tidings._domainkey.example.org)");
}

#[test]
fn a_signature_that_dmarc_does_not_count_and_an_open_key_are_warnings() {
    let folder = office_with_keys(&DKIM.replace("Example.ORG", "ample.org"));
    let key = folder.path().join("config/ed25519.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let config = load(&folder.path().join(DEFAULT_PATH), &Environment::default()).unwrap();
    let expected = [
        "`mail.dkim.domain` is neither the domain of `mail.from` nor above it: DMARC does not \
         count signatures of `ample.org` for mail from `example.org`"
            .to_owned(),
        format!(
            "`mail.dkim.ed25519.key_file`: everybody on this machine can read it: run \
             `chmod o= {}`",
            key.display()
        ),
    ];
    assert_eq!(config.warnings, expected);
    // A subdomain's mail may be signed by the domain above it.
    let text = DKIM.replace("Example.ORG", "org.example");
    let folder = office_with_keys(&text);
    let path = folder.path().join(DEFAULT_PATH);
    let config = fs::read_to_string(&path).unwrap().replace("@example.org", "@news.org.example");
    fs::write(&path, config).unwrap();
    assert_eq!(load(&path, &Environment::default()).unwrap().warnings, [""; 0]);
}

#[test]
fn what_is_wrong_with_signing_is_told_with_its_line_and_remedy() {
    let hint = "write the domain of `mail.from`, as `press.example.org`";
    for (name, shown) in [("localhost", "localhost"), ("exa mple.org", "exa mple.org")] {
        let message = format!("line 7: `mail.dkim.domain` is not a domain name: `{shown}`");
        check_dkim("Example.ORG", name, &message, hint);
    }
    check_dkim(
        "selector: tidings\n",
        "selector: a_b\n",
        "line 8: `mail.dkim.selector` cannot stand in the DNS: `a_b`",
        "use letters, digits and hyphens, as in `tidings`",
    );
    check_dkim(
        "tidings-ed",
        "tidings",
        "line 10: both keys of `mail.dkim` have the selector `tidings`",
        "give each a selector of its own: each is a record of its own in the DNS",
    );
    check_dkim(
        "config/rsa.pem",
        "config/no.pem",
        "line 9: `mail.dkim.key_file` cannot be read: `config/no.pem`: \
         No such file or directory (os error 2)",
        "make it readable to tidings, or make one with `openssl genrsa -out config/no.pem 2048`",
    );
    check_dkim(
        "config/ed25519.pem",
        "config/rsa.pem",
        "line 10: `mail.dkim.ed25519.key_file` cannot sign: `config/rsa.pem`: \
         its key is not a good ed25519 key",
        "make one with `openssl genpkey -algorithm ed25519 -out config/dkim-new.pem`, \
         name it there, and publish its public half",
    );
    check_dkim(
        "config/rsa.pem",
        "config/tidings.yaml",
        "line 9: `mail.dkim.key_file` cannot sign: `config/tidings.yaml`: \
         it holds no private key in PEM that is free of a passphrase",
        "make one with `openssl genrsa -out config/dkim-new.pem 2048`, \
         name it there, and publish its public half",
    );
    check_dkim(
        "    key_file: config/rsa.pem\n",
        "",
        "line 7: `mail.dkim.key_file` is missing",
        "add `key_file:` with its value",
    );
    check_dkim(
        "    selector:",
        "    selektor: a\n    selector:",
        "line 8: unknown key `selektor`",
        "did you mean `selector`?",
    );
}
