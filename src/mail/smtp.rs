//! Speaks SMTP (RFC 5321) with a relay, over connections of our own.
//!
//! lettre gives commands, replies, TLS and `AsyncSmtpConnection`; its pool is not used. A
//! connection is used again only after an exchange that finished: whatever else happens to
//! it, it is thrown away, because it could be out of step and report a false success.

mod tls;

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::reply::{Reply, masked};
use crate::config::{Security, SmtpRelay};
use crate::model::Address;

/// How long each phase may take (RFC 5321, 4.5.3.2, the reply to the dot in full).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    pub connect: Duration,
    pub command: Duration,
    pub reply_to_dot: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_mins(5),
            reply_to_dot: Duration::from_mins(10),
        }
    }
}

/// The relay cannot be used now; no recipient is to blame.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("could not reach relay `{relay}`")]
    Connect { relay: String, source: io::Error },
    #[error("relay `{relay}` did not answer in time")]
    Silent { relay: String },
    #[error("relay `{relay}` refused {what}: {reply}")]
    Refused { relay: String, what: &'static str, reply: Reply },
    #[error("the conversation with relay `{relay}` broke off: {reason}")]
    Broken { relay: String, reason: String },
    #[error("relay `{relay}` offers no TLS, and the config asks for it")]
    NoTls { relay: String },
    #[error("TLS with relay `{relay}` failed: {reason}")]
    Tls { relay: String, reason: String },
}

impl RelayError {
    /// What an operator can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Connect { .. } | Self::Silent { .. } | Self::Broken { .. } => {
                "check `mail.relay` and that the server runs; nothing is lost, \
                 the mail goes out with the next run"
            }
            Self::Refused { .. } => {
                "check the sender `mail.from` and the password with the relay's operator"
            }
            Self::NoTls { .. } | Self::Tls { .. } => {
                "check the relay's certificate and name, or use `smtps://`"
            }
        }
    }
}

/// Why a transaction did not reach the go-ahead.
#[derive(Debug)]
pub enum BeginError {
    /// The relay refused this recipient; the connection is still in step.
    Recipient(Reply),
    /// The relay failed before it took the sender: charge nobody.
    Relay(RelayError),
}

/// What came after the dot.
#[derive(Debug)]
pub enum Finish {
    Accepted(String),
    /// Refused with a reply; the connection is still in step.
    Refused(Reply),
    /// The dot may have gone out, and no reply came.
    Lost(RelayError),
}

/// One conversation with a relay.
pub struct Connection {
    inner: AsyncSmtpConnection,
    relay: String,
    has_pipelining: bool,
    timeouts: Timeouts,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.relay)
    }
}

/// MAIL, RCPT and DATA in one write (RFC 2920).
struct Pipelined<'a>(&'a Mail, &'a Rcpt);

impl fmt::Display for Pipelined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.0, self.1, Data)
    }
}

impl Connection {
    /// Connects, greets, starts TLS and authenticates, as the config says.
    pub async fn open(relay: &SmtpRelay, timeouts: Timeouts) -> Result<Self, RelayError> {
        let name = crate::config::Relay::Smtp(relay.clone()).to_string();
        match timeout(timeouts.connect, Self::open_without_limit(relay, &name, timeouts)).await {
            Ok(result) => result,
            Err(_) => Err(RelayError::Silent { relay: name }),
        }
    }

    async fn open_without_limit(
        relay: &SmtpRelay,
        name: &str,
        timeouts: Timeouts,
    ) -> Result<Self, RelayError> {
        let connect = |source| RelayError::Connect { relay: name.to_owned(), source };
        let host = relay.host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, relay.port)).await.map_err(connect)?;
        // Without it the second write of a message waits for the first one's delayed
        // acknowledgement: 44 ms for each message.
        stream.set_nodelay(true).map_err(connect)?;
        let client = ClientId::default();
        let wrong = |error| relay_error(name, "the greeting", &error);
        let mut inner = if relay.security == Security::Tls {
            let stream = tls::wrap(stream, host).await.map_err(|error| RelayError::Tls {
                relay: name.to_owned(),
                reason: error.to_string(),
            })?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &client)
                .await
                .map_err(wrong)?
        } else {
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &client)
                .await
                .map_err(wrong)?
        };
        if relay.security == Security::StartTls {
            if !inner.can_starttls() {
                return Err(RelayError::NoTls { relay: name.to_owned() });
            }
            let tls_error = |error: lettre::transport::smtp::Error| RelayError::Tls {
                relay: name.to_owned(),
                reason: chain(&error),
            };
            let parameters =
                TlsParameters::builder(host.to_owned()).build_rustls().map_err(tls_error)?;
            inner.starttls(parameters, &client).await.map_err(tls_error)?;
        }
        // lettre keeps only some of the extensions, so the list is asked for once more.
        let offer = inner.command(Ehlo::new(client)).await.map_err(wrong)?;
        let has_pipelining =
            offer.message().any(|line| line.trim().eq_ignore_ascii_case("PIPELINING"));
        if let Some((user, password)) = &relay.credentials {
            let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
            inner
                .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
                .await
                .map_err(|error| relay_error(name, "the user and password", &error))?;
        }
        Ok(Self { inner, relay: name.to_owned(), has_pipelining, timeouts })
    }

    /// Takes one transaction up to the go-ahead for the message (354).
    ///
    /// After `Ok` the next call is [`Connection::finish`], or the connection is dropped.
    /// After [`BeginError::Relay`] it is dropped.
    pub async fn begin(&mut self, from: &Address, to: &Address) -> Result<(), BeginError> {
        let limit = self.timeouts.command;
        match timeout(limit, self.begin_without_limit(from, to)).await {
            Ok(result) => result,
            Err(_) => Err(BeginError::Relay(RelayError::Silent { relay: self.relay.clone() })),
        }
    }

    async fn begin_without_limit(
        &mut self,
        from: &Address,
        to: &Address,
    ) -> Result<(), BeginError> {
        let envelope = |address: &Address| {
            address.as_str().parse().expect("our addresses are narrower than lettre's")
        };
        let mail = Mail::new(Some(envelope(from)), vec![]);
        let rcpt = Rcpt::new(envelope(to), vec![]);
        let sender_refused =
            |name: &str, error| BeginError::Relay(relay_error(name, "the sender", &error));
        let refusal = if self.has_pipelining {
            let sender = self.inner.command(Pipelined(&mail, &rcpt)).await;
            let recipient = self.inner.read_response().await;
            let go_ahead = self.inner.read_response().await;
            sender.map_err(|error| sender_refused(&self.relay, error))?;
            match (recipient, go_ahead) {
                (Ok(_), Ok(_)) => return Ok(()),
                // A refused recipient and a go-ahead all the same: only closing is safe.
                (Err(error), Ok(_)) => {
                    return Err(match reply_of(&error) {
                        Some(reply) if !self.inner.has_broken() => {
                            self.inner.abort().await;
                            BeginError::Recipient(reply)
                        }
                        _ => BeginError::Relay(relay_error(&self.relay, "a recipient", &error)),
                    });
                }
                (Err(error), Err(_)) | (Ok(_), Err(error)) => error,
            }
        } else {
            self.inner.command(mail).await.map_err(|error| sender_refused(&self.relay, error))?;
            match self.inner.command(rcpt).await {
                Ok(_) => match self.inner.command(Data).await {
                    Ok(_) => return Ok(()),
                    Err(error) => error,
                },
                Err(error) => error,
            }
        };
        let Some(reply) = reply_of(&refusal) else {
            return Err(BeginError::Relay(relay_error(&self.relay, "a recipient", &refusal)));
        };
        // 421 closes the channel: it is about the relay, not about this recipient.
        if reply.code == "421" {
            return Err(BeginError::Relay(relay_error(&self.relay, "the connection", &refusal)));
        }
        if self.inner.command(Rset).await.is_err() {
            self.inner.abort().await;
        }
        Err(BeginError::Recipient(reply))
    }

    /// Sends the message and its final dot, and waits for the reply.
    pub async fn finish(&mut self, message: &[u8]) -> Finish {
        let text = stuffed(message);
        match timeout(self.timeouts.reply_to_dot, self.inner.command(text)).await {
            Ok(Ok(response)) => {
                Finish::Accepted(masked(&response.message().collect::<Vec<_>>().join(" ")))
            }
            Ok(Err(error)) => match reply_of(&error) {
                Some(reply) => Finish::Refused(reply),
                None => Finish::Lost(relay_error(&self.relay, "the message", &error)),
            },
            Err(_) => Finish::Lost(RelayError::Silent { relay: self.relay.clone() }),
        }
    }

    /// Whether another transaction may begin on it.
    pub fn is_usable(&self) -> bool {
        !self.inner.has_broken()
    }

    /// Says good-bye; a relay that does not answer is left.
    pub async fn quit(mut self) {
        let _ = timeout(Duration::from_secs(2), self.inner.quit()).await;
    }
}

/// The message with its dots doubled at line beginnings, and the final dot
/// (RFC 5321, 4.5.2). Messages are 7-bit, so the text is whole.
fn stuffed(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let mut stuffed = String::with_capacity(text.len() + 64);
    for line in text.split_inclusive("\r\n") {
        if line.starts_with('.') {
            stuffed.push('.');
        }
        stuffed.push_str(line);
    }
    if !stuffed.ends_with("\r\n") {
        stuffed.push_str("\r\n");
    }
    stuffed.push_str(".\r\n");
    stuffed
}

/// The relay's reply, where the error is one.
fn reply_of(error: &lettre::transport::smtp::Error) -> Option<Reply> {
    let code = error.status()?.to_string();
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    Some(Reply { code, text: masked(&text) })
}

fn relay_error(
    relay: &str,
    what: &'static str,
    error: &lettre::transport::smtp::Error,
) -> RelayError {
    let relay = relay.to_owned();
    match reply_of(error) {
        Some(reply) => RelayError::Refused { relay, what, reply },
        None => RelayError::Broken { relay, reason: chain(error) },
    }
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_that_begins_a_line_is_doubled_and_the_final_dot_stands_alone() {
        assert_eq!(stuffed(b".a\r\nb.\r\n..\r\n"), "..a\r\nb.\r\n...\r\n.\r\n");
        assert_eq!(stuffed(b"a"), "a\r\n.\r\n");
    }
}
