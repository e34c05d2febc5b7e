//! Where mail goes: a Maildir for rehearsals, or an SMTP server.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use url::Url;

/// A password. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `mail.relay`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relay {
    /// Messages are written as files: the rehearsal a new installation starts in.
    Maildir(PathBuf),
    Smtp(SmtpRelay),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpRelay {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// User and password (RFC 4954), where the relay wants them.
    pub credentials: Option<(String, Secret)>,
    /// A user whose password is not at hand: only who sends needs it, and it may be the daemon's
    /// alone.
    pub lacks_password_of: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Nothing hidden: loopback, or where `mail.allow_plain` says so.
    Plain,
    /// RFC 3207.
    StartTls,
    /// Implicit TLS (RFC 8314, section 3.3).
    Tls,
}

impl Relay {
    /// Whether the relay cannot be logged in to from here: the user whose password is missing.
    pub fn lacks_password_of(&self) -> Option<&str> {
        match self {
            Self::Maildir(_) => None,
            Self::Smtp(relay) => relay.lacks_password_of.as_deref(),
        }
    }

    /// A Maildir, or a server on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Maildir(_) => true,
            Self::Smtp(relay) => is_loopback(&relay.host),
        }
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Maildir(path) => write!(f, "maildir:{}", path.display()),
            Self::Smtp(relay) => {
                let scheme = match relay.security {
                    Security::Plain => "smtp",
                    Security::StartTls => "smtp+starttls",
                    Security::Tls => "smtps",
                };
                write!(f, "{scheme}://{}:{}", relay.host, relay.port)
            }
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Reads `mail.relay`; an error is a message and its remedy.
pub(super) fn parse(
    text: &str,
    base: &Path,
    allow_plain: bool,
    password: Option<Secret>,
) -> Result<Relay, (String, String)> {
    if let Some(path) = text.strip_prefix("maildir:") {
        return Ok(Relay::Maildir(base.join(path)));
    }
    let forms = "write `maildir:var/mail`, `smtps://HOST`, `smtp+starttls://HOST` \
                 or, on this machine, `smtp://127.0.0.1:25`";
    let (scheme, _) = text.split_once("://").unwrap_or(("", text));
    let (security, default_port) = match scheme {
        "smtp" => (Security::Plain, 25),
        "smtp+starttls" => (Security::StartTls, 587),
        "smtps" => (Security::Tls, 465),
        _ => return Err((format!("`mail.relay` is not known: `{text}`"), forms.into())),
    };
    let url = Url::parse(text)
        .map_err(|_| (format!("`mail.relay` is not an address: `{text}`"), forms.to_owned()))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    if url.password().is_some() {
        return Err((
            "`mail.relay` holds a password".into(),
            "take it out and set `TIDINGS_SMTP_PASSWORD`, or `mail.password_file`".into(),
        ));
    }
    if host.is_empty() || !matches!(url.path(), "" | "/") || url.query().is_some() {
        return Err((format!("`mail.relay` is not an address: `{text}`"), forms.into()));
    }
    if security == Security::Plain && !is_loopback(&host) && !allow_plain {
        return Err((
            format!("`mail.relay` would send in the clear: `{text}`"),
            "use `smtps://` or `smtp+starttls://`, or set `mail.allow_plain: true`".into(),
        ));
    }
    let user = Some(url.username().replace("%40", "@")).filter(|user| !user.is_empty());
    let (credentials, lacks_password_of) = match (user, password) {
        (Some(user), Some(password)) => (Some((user, password)), None),
        (user, _) => (None, user),
    };
    let port = url.port().unwrap_or(default_port);
    Ok(Relay::Smtp(SmtpRelay { host, port, security, credentials, lacks_password_of }))
}
