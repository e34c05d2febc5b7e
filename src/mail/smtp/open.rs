//! From the socket to the first MAIL: greeting, EHLO, STARTTLS, AUTH.

use std::io;
use std::time::Duration;

use data_encoding::BASE64;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::commands::{Auth, Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::RelayError;
use super::offer::Offer;
use super::tls::TlsSettings;
use super::wire::{Stream, Wire};
use super::{Connection, State, Timeouts, is_done};
use crate::config::{Relay, Security, SmtpRelay};
use crate::mail::verdict::Phase;

impl Connection {
    /// Connects, greets, starts TLS and authenticates, as the config says.
    pub async fn open(
        relay: &SmtpRelay,
        timeouts: Timeouts,
        tls: &TlsSettings,
    ) -> Result<Self, RelayError> {
        let connect = async {
            let stream = TcpStream::connect((bare_host(relay), relay.port)).await?;
            // Without it the second write of a message waits for the first one's delayed
            // acknowledgement: 44 ms for each message.
            stream.set_nodelay(true)?;
            let peer = stream.peer_addr()?;
            io::Result::Ok((stream, peer.ip().is_loopback()))
        };
        let (stream, is_loopback) = match timeout(timeouts.connect, connect).await {
            Ok(Ok(connected)) => connected,
            Ok(Err(source)) => {
                return Err(RelayError::Connect { relay: name(relay), source });
            }
            Err(_) => return Err(RelayError::Silent { relay: name(relay), phase: Phase::Connect }),
        };
        Self::over(Box::new(stream), is_loopback, relay, timeouts, tls).await
    }

    /// Opens the conversation over a stream that is connected.
    pub(super) async fn over(
        stream: Box<dyn Stream>,
        is_loopback: bool,
        relay: &SmtpRelay,
        timeouts: Timeouts,
        tls: &TlsSettings,
    ) -> Result<Self, RelayError> {
        let host = bare_host(relay);
        let stream = match relay.security {
            Security::Tls => handshake(stream, host, tls, relay, timeouts.tls).await?,
            Security::Plain | Security::StartTls => stream,
        };
        let mut connection = Self {
            wire: Wire::new(stream),
            relay: name(relay),
            offer: Offer::default(),
            timeouts,
            state: State::Busy,
            is_secure: relay.security == Security::Tls,
            messages: 0,
            commands: String::new(),
        };
        connection.greeting().await?;
        let needs_auth = relay.credentials.as_ref().map(|_| "AUTH");
        let needs_tls = (relay.security == Security::StartTls).then_some("STARTTLS");
        connection.hello(needs_tls.or(needs_auth)).await?;
        if relay.security == Security::StartTls {
            connection.start_tls().await?;
            let Some(stream) = connection.wire.into_stream() else {
                return Err(RelayError::Injected { relay: connection.relay });
            };
            let stream = handshake(stream, host, tls, relay, timeouts.tls).await?;
            connection.wire = Wire::new(stream);
            connection.is_secure = true;
            connection.hello(needs_auth).await?;
        }
        if let Some((user, password)) = &relay.credentials {
            if relay.security == Security::Plain && !is_loopback {
                return Err(RelayError::Exposed { relay: connection.relay });
            }
            connection.authenticate(user, password.reveal()).await?;
        }
        connection.state = State::Ready;
        Ok(connection)
    }

    async fn greeting(&mut self) -> Result<(), RelayError> {
        let reply = self
            .wire
            .reply(self.timeouts.greeting)
            .await
            .map_err(|fault| RelayError::from_fault(&self.relay, Phase::Greeting, fault))?;
        match reply.code {
            220 => Ok(()),
            _ => Err(RelayError::unexpected(&self.relay, Phase::Greeting, reply)),
        }
    }

    /// Says EHLO; where that is refused, HELO, and goes on without extensions (RFC 5321, 3.2 and
    /// 4.1.1.1), unless the config asks for one.
    async fn hello(&mut self, needed: Option<&'static str>) -> Result<(), RelayError> {
        self.offer = Offer::default();
        let limit = self.timeouts.hello;
        let hello = Ehlo::new(ClientId::default());
        self.send(Phase::Hello, &[&hello], limit).await?;
        let reply = self
            .wire
            .reply(limit)
            .await
            .map_err(|fault| RelayError::from_fault(&self.relay, Phase::Hello, fault))?;
        match (reply.code, needed) {
            (code, _) if is_done(code) => {
                self.offer = Offer::read(reply.lines());
                Ok(())
            }
            (500.., None) => {
                let refusal = RelayError::unexpected(&self.relay, Phase::Hello, reply);
                self.plain_hello(refusal).await
            }
            (500.., Some(missing)) => {
                let (relay, reply) = (self.relay.clone(), reply.to_reply());
                Err(RelayError::NoExtensions { relay, missing, reply })
            }
            _ => Err(RelayError::unexpected(&self.relay, Phase::Hello, reply)),
        }
    }

    /// A relay that takes HELO no more than it took EHLO has given its reason already.
    async fn plain_hello(&mut self, refusal: RelayError) -> Result<(), RelayError> {
        let limit = self.timeouts.hello;
        // lettre has no command for it.
        let hello = format!("HELO {}\r\n", ClientId::default());
        if self.send(Phase::Hello, &[&hello], limit).await.is_err() {
            return Err(refusal);
        }
        match self.wire.reply(limit).await {
            Ok(reply) if is_done(reply.code) => Ok(()),
            _ => Err(refusal),
        }
    }

    /// Asks for TLS (RFC 3207, section 4).
    async fn start_tls(&mut self) -> Result<(), RelayError> {
        if !self.offer.has_starttls {
            return Err(RelayError::NoTls { relay: self.relay.clone() });
        }
        let limit = self.timeouts.tls;
        self.send(Phase::StartTls, &[&Starttls], limit).await?;
        let reply = self
            .wire
            .reply(limit)
            .await
            .map_err(|fault| RelayError::from_fault(&self.relay, Phase::StartTls, fault))?;
        match reply.code {
            220 => Ok(()),
            _ => Err(RelayError::unexpected(&self.relay, Phase::StartTls, reply)),
        }
    }

    /// Logs in (RFC 4954).
    async fn authenticate(&mut self, user: &str, password: &str) -> Result<(), RelayError> {
        let Some(mechanism) = self.offer.auth.first().copied() else {
            return Err(RelayError::NoAuth { relay: self.relay.clone() });
        };
        let credentials = Credentials::new(user.to_owned(), password.to_owned());
        let plain = format!("\0{user}\0{password}");
        let encoded = [plain.as_str(), user, password].map(|text| BASE64.encode(text.as_bytes()));
        let secrets = [user, password, &encoded[0], &encoded[1], &encoded[2]];
        let limit = self.timeouts.auth;
        let mut challenge = None;
        // PLAIN has one step, LOGIN the command and two answers.
        for _ in 0..3 {
            let answer = Auth::new(mechanism, credentials.clone(), challenge.take());
            let Ok(answer) = answer else { break };
            self.send(Phase::Auth, &[&answer], limit).await?;
            let reply = self
                .wire
                .reply(limit)
                .await
                .map_err(|fault| RelayError::from_fault(&self.relay, Phase::Auth, fault))?;
            match reply.code {
                334 => {
                    let line = reply.lines().next().unwrap_or_default();
                    let decoded = BASE64.decode(line).ok().map(String::from_utf8);
                    let Some(Ok(asked)) = decoded else { break };
                    challenge = Some(asked);
                }
                code if is_done(code) => {
                    self.commands = String::new();
                    return Ok(());
                }
                400.. => {
                    let mut reply = reply.to_reply();
                    reply.conceal(&secrets);
                    return Err(RelayError::refused(&self.relay, Phase::Auth, reply));
                }
                _ => break,
            }
        }
        Err(self.out_of_step(Phase::Auth))
    }
}

async fn handshake(
    stream: Box<dyn Stream>,
    host: &str,
    tls: &TlsSettings,
    relay: &SmtpRelay,
    limit: Duration,
) -> Result<Box<dyn Stream>, RelayError> {
    match timeout(limit, tls.wrap(stream, host)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(source)) => Err(RelayError::Tls { relay: name(relay), source }),
        Err(_) => Err(RelayError::Silent { relay: name(relay), phase: Phase::StartTls }),
    }
}

/// The relay as errors name it.
fn name(relay: &SmtpRelay) -> String {
    Relay::Smtp(relay.clone()).to_string()
}

/// Without the brackets that a URL has around an IPv6 address.
fn bare_host(relay: &SmtpRelay) -> &str {
    relay.host.trim_start_matches('[').trim_end_matches(']')
}
