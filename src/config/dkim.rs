//! Checks `mail.dkim`: whose signature it is, and the keys it is made with.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use super::check::Checker;
use super::error::ConfigError;
use super::mail::is_open_to_all;
use super::{Sender, file};
use crate::mail::dkim::{Kind, PrivateKey, Signer};

impl Checker<'_> {
    pub(super) fn dkim(
        &self,
        section: file::DkimSection,
        from: &Sender,
        base: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<Arc<Signer>, ConfigError> {
        let domain = section.domain.to_ascii_lowercase();
        if !is_name(&domain) || !domain.contains('.') {
            return Err(self.wrong(
                &["mail", "dkim", "domain"],
                format!("`mail.dkim.domain` is not a domain name: `{}`", section.domain),
                "write the domain of `mail.from`, as `press.example.org`",
            ));
        }
        let from = from.address.domain();
        // RFC 7489, 3.1.1: a signature of another domain is good, and worth nothing to DMARC.
        if from != domain && !from.ends_with(&format!(".{domain}")) {
            warnings.push(format!(
                "`mail.dkim.domain` is neither the domain of `mail.from` nor above it: \
                 DMARC does not count signatures of `{domain}` for mail from `{from}`"
            ));
        }
        let rsa = file::DkimKey { selector: section.selector, key_file: section.key_file };
        let second = section.ed25519;
        let private = self.private_key(&["mail", "dkim"], Kind::Rsa, &rsa, base, warnings)?;
        let signer = Signer::new(domain, rsa.selector.clone(), private);
        let Some(second) = second else { return Ok(Arc::new(signer)) };
        let key = ["mail", "dkim", "ed25519"];
        // RFC 6376, 3.6.2.2: what two records of one name mean is not said.
        if second.selector == rsa.selector {
            return Err(self.wrong(
                &["mail", "dkim", "ed25519", "selector"],
                format!("both keys of `mail.dkim` have the selector `{}`", rsa.selector),
                "give each a selector of its own: each is a record of its own in the DNS",
            ));
        }
        let private = self.private_key(&key, Kind::Ed25519, &second, base, warnings)?;
        Ok(Arc::new(signer.and(second.selector, private)))
    }

    fn private_key(
        &self,
        section: &[&str],
        kind: Kind,
        key: &file::DkimKey,
        base: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<PrivateKey, ConfigError> {
        let name = section.join(".");
        let wrong = |key: &str, message: String, hint: String| {
            self.wrong(&[section, &[key]].concat(), message, hint)
        };
        if !is_name(&key.selector) {
            return Err(wrong(
                "selector",
                format!("`{name}.selector` cannot stand in the DNS: `{}`", key.selector),
                "use letters, digits and hyphens, as in `tidings`".into(),
            ));
        }
        let path = base.join(&key.key_file);
        let make = |path: &Path| match kind {
            Kind::Rsa => format!("openssl genrsa -out {} 2048", path.display()),
            Kind::Ed25519 => {
                format!("openssl genpkey -algorithm ed25519 -out {}", path.display())
            }
        };
        let (pem, is_open) = read(&path).map_err(|error| {
            wrong(
                "key_file",
                format!("`{name}.key_file` cannot be read: `{}`: {error}", path.display()),
                format!("make it readable to tidings, or make one with `{}`", make(&path)),
            )
        })?;
        if is_open {
            warnings.push(format!(
                "`{name}.key_file`: everybody on this machine can read it: run `chmod o= {}`",
                path.display()
            ));
        }
        PrivateKey::from_pem(kind, &pem).map_err(|error| {
            wrong(
                "key_file",
                format!("`{name}.key_file` cannot sign: `{}`: {error}", path.display()),
                // What lies there may be a key in use, and nobody's command is to write over it.
                format!(
                    "make one with `{}`, name it there, and publish its public half",
                    make(&path.with_file_name("dkim-new.pem"))
                ),
            )
        })
    }
}

/// What a key file holds, and whether others than owner and group may read it.
fn read(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    Ok((fs::read(path)?, is_open_to_all(path)))
}

/// Labels of a host name (RFC 6376, 3.1 and 3.5).
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.len() <= 200 && text.split('.').all(is_label)
}
