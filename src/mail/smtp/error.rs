//! What can go wrong with a relay, and what each step of a transaction comes to.

use std::io;

use tokio_rustls::rustls::{self, CertificateError};

use super::wire::Fault;
use crate::mail::reply::{RawReply, Reply, ReplyError};
use crate::mail::verdict::{Phase, Recipient, Trouble, Verdict, classify};

/// The relay cannot be used now, or not as the config has it; no recipient is to blame.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("could not reach relay `{relay}`")]
    Connect { relay: String, source: io::Error },
    #[error("relay `{relay}` did not answer in time: {phase}")]
    Silent { relay: String, phase: Phase },
    #[error("relay `{relay}` refused {phase}: {reply}")]
    Refused { relay: String, phase: Phase, reply: Reply, trouble: Trouble },
    #[error("relay `{relay}` hung up on the idle connection")]
    HungUp { relay: String },
    #[error("the conversation with relay `{relay}` broke off: {phase}")]
    Broken { relay: String, phase: Phase, source: io::Error },
    #[error("relay `{relay}` sent something that is no reply: {phase}")]
    Unreadable { relay: String, phase: Phase, source: ReplyError },
    #[error("relay `{relay}` is out of step: {phase} got an answer that does not belong to it")]
    OutOfStep { relay: String, phase: Phase },
    #[error("relay `{relay}` offers no TLS, and the config asks for it")]
    NoTls { relay: String },
    #[error(
        "relay `{relay}` refused EHLO, without which it has no {missing}, and the config asks for \
         that: {reply}"
    )]
    NoExtensions { relay: String, missing: &'static str, reply: Reply },
    #[error("somebody added to what relay `{relay}` says before TLS began")]
    Injected { relay: String },
    #[error("TLS with relay `{relay}` failed")]
    Tls { relay: String, source: io::Error },
    #[error("relay `{relay}` offers neither AUTH PLAIN nor LOGIN, and the config has a user")]
    NoAuth { relay: String },
    #[error("the password for relay `{relay}` would go over the network without TLS")]
    Exposed { relay: String },
    #[error("a message of {size_bytes} bytes is larger than relay `{relay}` takes: {limit_bytes}")]
    TooLarge { relay: String, size_bytes: u64, limit_bytes: u64 },
}

impl RelayError {
    pub(super) fn from_fault(relay: &str, phase: Phase, fault: Fault) -> Self {
        let relay = relay.to_owned();
        match fault {
            Fault::Silent => Self::Silent { relay, phase },
            Fault::Broken(source) => Self::Broken { relay, phase, source },
            Fault::Unreadable(source) => Self::Unreadable { relay, phase, source },
        }
    }

    /// A reply where it refuses, whoever the table says it is about.
    pub(super) fn refused(relay: &str, phase: Phase, reply: Reply) -> Self {
        let trouble = match classify(phase, &reply) {
            Verdict::Relay(trouble) => trouble,
            Verdict::Recipient(_) => Trouble::Down,
        };
        Self::Refused { relay: relay.to_owned(), phase, reply, trouble }
    }

    /// A reply that is not the expected one: a refusal, or one that belongs elsewhere.
    pub(super) fn unexpected(relay: &str, phase: Phase, reply: RawReply<'_>) -> Self {
        if reply.code >= 400 {
            Self::refused(relay, phase, reply.to_reply())
        } else {
            Self::OutOfStep { relay: relay.to_owned(), phase }
        }
    }

    /// What the sending lanes do about it.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Refused { trouble, .. } => *trouble,
            Self::HungUp { .. } => Trouble::Closing,
            Self::NoAuth { .. } | Self::Exposed { .. } => Trouble::Credentials,
            Self::TooLarge { .. } => Trouble::TooLarge,
            Self::Connect { .. }
            | Self::Silent { .. }
            | Self::Broken { .. }
            | Self::Unreadable { .. }
            | Self::OutOfStep { .. }
            | Self::NoTls { .. }
            | Self::NoExtensions { .. }
            | Self::Injected { .. }
            | Self::Tls { .. } => Trouble::Down,
        }
    }

    /// Whether it came while one recipient's mail was under way: that may be the cause.
    pub fn is_in_transaction(&self) -> bool {
        match self {
            Self::Silent { phase, .. }
            | Self::Refused { phase, .. }
            | Self::Broken { phase, .. }
            | Self::Unreadable { phase, .. }
            | Self::OutOfStep { phase, .. } => {
                matches!(phase, Phase::Recipient | Phase::Data | Phase::Dot)
            }
            _ => false,
        }
    }

    /// What an operator can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoTls { .. } => {
                "use `smtps://` with the port where the relay begins with TLS (usually 465), or \
                 ask its operator for STARTTLS"
            }
            Self::Tls { source, .. } => tls_hint(source),
            Self::NoExtensions { .. } => {
                "ask the relay's operator for EHLO (RFC 5321), or name another relay; nothing is \
                 lost, the mail goes out with the next run"
            }
            Self::Injected { .. } => {
                "use `smtps://`, and find out who sits between here and the relay"
            }
            Self::NoAuth { .. } => {
                "take the user out of `mail.relay`, or ask the relay's operator for PLAIN over TLS"
            }
            Self::Exposed { .. } => "use `smtps://`, or take the user out of `mail.relay`",
            _ => match self.trouble() {
                Trouble::Credentials => {
                    "check the user in `mail.relay` and the password with the relay's operator"
                }
                Trouble::Sender => "check the sender `mail.from` with the relay's operator",
                Trouble::TooLarge => {
                    "ask the relay's operator for a higher limit, or shorten the digest"
                }
                Trouble::Throttled => {
                    "ask the relay's operator how much it takes; nothing is lost, \
                     the rest goes out more slowly"
                }
                Trouble::Closing | Trouble::Down => {
                    "check `mail.relay` and that the server runs; nothing is lost, \
                     the mail goes out with the next run"
                }
            },
        }
    }
}

/// What can be done about a handshake that failed.
fn tls_hint(error: &io::Error) -> &'static str {
    match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidMessage(_)) => {
            "the port does not begin with TLS: use `smtp+starttls://`, or the port that does \
             (usually 465)"
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "if the relay has an authority of its own, name the file with its certificate in \
             `SSL_CERT_FILE`"
        }
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "use the name in `mail.relay` that the certificate is for",
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "ask the relay's operator to renew the certificate, and check the clock here",
        _ => "check the relay's name, port and certificate with its operator",
    }
}

/// A refusal that one delivery is charged with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub class: Recipient,
    pub reply: Reply,
}

/// Why a transaction did not reach the go-ahead. Whether the connection goes on says
/// [`super::Connection::is_usable`].
#[derive(Debug)]
pub enum BeginError {
    /// The relay refused this recipient.
    Recipient(Refusal),
    /// The relay's matter, or ours: charge nobody.
    Relay(RelayError),
}

impl From<RelayError> for BeginError {
    fn from(error: RelayError) -> Self {
        Self::Relay(error)
    }
}

/// What came of a message.
#[derive(Debug)]
pub enum Finish {
    /// 2yz after the dot, with the relay's text.
    Accepted(String),
    /// The relay refused this message for this recipient.
    Refused(Refusal),
    /// Certainly not taken, and the relay's matter: charge nobody. Either not all of the
    /// message went out, or the relay refused it for reasons of its own.
    Unsent(RelayError),
    /// The dot may have gone out, and no reply came.
    Lost(RelayError),
}

/// Sorts a refusal in a transaction.
pub(super) fn refusal(relay: &str, phase: Phase, reply: Reply) -> Result<Refusal, RelayError> {
    match classify(phase, &reply) {
        Verdict::Recipient(class) => Ok(Refusal { class, reply }),
        Verdict::Relay(trouble) => {
            Err(RelayError::Refused { relay: relay.to_owned(), phase, reply, trouble })
        }
    }
}
