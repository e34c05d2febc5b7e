//! Speaks SMTP (RFC 5321) with a relay, over connections of our own.
//!
//! lettre gives addresses, commands and mechanisms; the conversation is ours. A connection is
//! used again only after an exchange that finished: whatever else happens to it, a dropped
//! future included, it is thrown away, because it could be out of step and report a false
//! success. What replies mean stands in [`super::verdict`].

mod error;
mod offer;
mod open;
mod tls;
mod wire;

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io::IoSlice;
use std::time::Duration;

use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::MailParameter;
use memchr::memmem;

pub use self::error::{BeginError, Finish, Refusal, RelayError};
use self::offer::Offer;
pub use self::tls::TlsSettings;
use self::wire::{Stray, Wire};
use super::verdict::Phase;
use crate::failpoint;
use crate::model::Address;

/// How long each phase may take (RFC 5321, 4.5.3.2). Each is for one reply or one write.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Name and socket.
    pub connect: Duration,
    pub greeting: Duration,
    pub hello: Duration,
    /// STARTTLS and the handshake.
    pub tls: Duration,
    pub auth: Duration,
    /// MAIL.
    pub sender: Duration,
    /// RCPT.
    pub recipient: Duration,
    /// The reply to DATA.
    pub data_go_ahead: Duration,
    /// Each block of a message.
    pub body: Duration,
    /// Short of it a relay may take a message that we send again.
    pub reply_to_dot: Duration,
    /// RSET after a refusal, and QUIT: nothing hangs on what they are answered.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let five_minutes = Duration::from_mins(5);
        Self {
            connect: Duration::from_secs(30),
            greeting: five_minutes,
            hello: five_minutes,
            tls: five_minutes,
            auth: five_minutes,
            sender: five_minutes,
            recipient: five_minutes,
            data_go_ahead: Duration::from_mins(2),
            body: Duration::from_mins(3),
            reply_to_dot: Duration::from_mins(10),
            quit: Duration::from_secs(10),
        }
    }
}

/// What may be said next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Another transaction.
    Ready,
    /// The transaction whose commands went out behind the last message.
    Begun,
    /// The message: the relay said 354.
    GoAhead,
    /// Nothing: an exchange began and has not finished.
    Busy,
}

/// Who a message is from and to.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    pub from: &'a Address,
    pub to: &'a Address,
    /// Octets as SIZE counts them (RFC 1870, 5).
    pub size_bytes: u64,
}

/// A line that lettre writes.
type Command<'a> = dyn fmt::Display + Sync + 'a;

/// One conversation with a relay.
pub struct Connection {
    wire: Wire,
    /// As the config writes it, without user and password.
    relay: String,
    offer: Offer,
    timeouts: Timeouts,
    state: State,
    is_secure: bool,
    messages: u64,
    /// Commands on their way, kept for its room.
    commands: String,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({}, {:?})", self.relay, self.state)
    }
}

impl Connection {
    /// Takes one transaction up to the go-ahead for its message (354).
    ///
    /// Where [`Connection::finish`] has sent its commands already, only the replies are awaited.
    /// After `Ok` the next call is `finish`, or the connection is dropped.
    pub async fn begin(&mut self, envelope: Envelope<'_>) -> Result<(), BeginError> {
        let is_begun = self.state == State::Begun;
        if !is_begun && self.state != State::Ready {
            return Err(self.out_of_step(Phase::Between).into());
        }
        // RFC 1870, section 6: what is certain to be refused need not be asked.
        let size_bytes = envelope.size_bytes;
        if let Some(limit_bytes) = self.offer.size_limit.filter(|limit| size_bytes > *limit) {
            let relay = self.relay.clone();
            return Err(RelayError::TooLarge { relay, size_bytes, limit_bytes }.into());
        }
        self.state = State::Busy;
        if !is_begun && let Some(error) = self.stray(Phase::Between).await {
            return Err(error.into());
        }
        let (mail, rcpt) = self.mail_and_rcpt(envelope);
        let steps: [(Phase, &Command<'_>, Duration); 3] = [
            (Phase::Sender, &mail, self.timeouts.sender),
            (Phase::Recipient, &rcpt, self.timeouts.recipient),
            (Phase::Data, &Data, self.timeouts.data_go_ahead),
        ];
        if self.offer.has_pipelining && !is_begun {
            // RFC 2920, 3.1: DATA may be the last of a group, and we wait for its reply.
            self.send(Phase::Sender, &[&mail, &rcpt, &Data], self.timeouts.sender).await?;
        }
        let mut refusal = None;
        let mut is_in_step = true;
        for (phase, command, limit) in steps {
            if !self.offer.has_pipelining {
                if refusal.is_some() {
                    break;
                }
                self.send(phase, &[command], limit).await?;
            }
            let reply = match self.wire.reply(limit).await {
                Ok(reply) => reply,
                // What was refused stays refused, even if the relay then hangs up.
                Err(_) if refusal.is_some() => {
                    is_in_step = false;
                    break;
                }
                Err(fault) => return Err(RelayError::from_fault(&self.relay, phase, fault).into()),
            };
            match reply.code {
                code if is_done(code) && phase != Phase::Data => {}
                300..400 if phase == Phase::Data => is_in_step = refusal.is_none(),
                400..600 => {
                    let is_closing = reply.code == 421;
                    refusal.get_or_insert_with(|| (phase, reply.to_reply()));
                    if is_closing {
                        is_in_step = false;
                        break;
                    }
                }
                _ => return Err(self.out_of_step(phase).into()),
            }
        }
        let Some((phase, reply)) = refusal else {
            // The reply to a message that is not sent yet is nobody's.
            if !self.wire.is_empty() {
                return Err(self.out_of_step(Phase::Data).into());
            }
            self.state = State::GoAhead;
            return Ok(());
        };
        // A go-ahead in spite of a refusal waits for a message: only hanging up is clean.
        if is_in_step {
            self.reset().await;
        }
        Err(match error::refusal(&self.relay, phase, reply) {
            Ok(refusal) => BeginError::Recipient(refusal),
            Err(error) => BeginError::Relay(error),
        })
    }

    /// Ends a transaction that was refused; where that fails the connection is not used again.
    async fn reset(&mut self) {
        let limit = self.timeouts.quit;
        if self.send(Phase::Between, &[&Rset], limit).await.is_ok()
            && matches!(self.wire.reply(limit).await, Ok(reply) if is_done(reply.code))
        {
            self.state = State::Ready;
        }
    }

    /// Sends the message and its final dot in one write, and waits for the reply.
    ///
    /// `message` is whole lines in pieces, ended with CRLF, dots doubled ([`dot_stuff`]). To a
    /// relay that offers PIPELINING the commands of the transaction that comes `next` go out in
    /// the same write (RFC 2920, 3.1: a message may be the first of a group), over TLS in one
    /// right behind it; then [`Connection::is_begun`] says so, and the next call is
    /// [`Connection::begin`] with the same envelope.
    pub async fn finish(&mut self, message: &[&[u8]], next: Option<Envelope<'_>>) -> Finish {
        if self.state != State::GoAhead {
            return Finish::Unsent(self.out_of_step(Phase::Dot));
        }
        self.state = State::Busy;
        if let Some(error) = self.stray(Phase::Dot).await {
            return Finish::Unsent(error);
        }
        let is_ended = message
            .iter()
            .rfind(|piece| !piece.is_empty())
            .is_none_or(|last| last.ends_with(b"\r\n"));
        let dot: &[u8] = if is_ended { b".\r\n" } else { b"\r\n.\r\n" };
        if failpoint::is_due("mid-body") {
            let half = message.first().map_or(&[][..], |piece| &piece[..piece.len() / 2]);
            let _ = self.wire.send_pieces(&mut [IoSlice::new(half)], self.timeouts.body).await;
            failpoint::die();
        }
        let length = message.iter().map(|piece| piece.len()).sum::<usize>() + dot.len();
        let next = next.filter(|next| self.may_be_ahead(next.size_bytes));
        self.commands.clear();
        if let Some(next) = next {
            let (mail, rcpt) = self.mail_and_rcpt(next);
            self.put(&[&mail, &rcpt, &Data]);
        }
        // What TLS has let through when a write fails, nobody says: there, the commands wait until
        // the dot is out, so that a record that broke off cannot have brought it.
        let (with_dot, behind_dot) = match self.commands.as_bytes() {
            commands if self.is_secure => (&[][..], commands),
            commands => (commands, &[][..]),
        };
        let mut pieces: Vec<IoSlice<'_>> = message
            .iter()
            .copied()
            .chain([dot, with_dot])
            .filter(|piece| !piece.is_empty())
            .map(IoSlice::new)
            .collect();
        let limit = self.timeouts.body;
        let mut sent = self.wire.send_pieces(&mut pieces, limit).await;
        if sent.is_ok() && !behind_dot.is_empty() {
            let behind = self.wire.send_pieces(&mut [IoSlice::new(behind_dot)], limit).await;
            sent = behind.map_err(|(fault, written)| (fault, length + written));
        }
        if let Err((fault, written)) = sent {
            let error = RelayError::from_fault(&self.relay, Phase::Dot, fault);
            // The dot may have gone out without what comes behind it.
            return if written < length { Finish::Unsent(error) } else { Finish::Lost(error) };
        }
        failpoint::reach("after-dot");
        let reply = match self.wire.reply(self.timeouts.reply_to_dot).await {
            Ok(reply) => reply,
            Err(fault) => {
                return Finish::Lost(RelayError::from_fault(&self.relay, Phase::Dot, fault));
            }
        };
        self.messages += 1;
        if reply.code != 421 {
            self.state = if next.is_some() { State::Begun } else { State::Ready };
        }
        match reply.code {
            code if is_done(code) => Finish::Accepted(reply.text()),
            400.. => match error::refusal(&self.relay, Phase::Dot, reply.to_reply()) {
                Ok(refusal) => Finish::Refused(refusal),
                Err(error) => Finish::Unsent(error),
            },
            _ => {
                self.state = State::Busy;
                Finish::Lost(self.out_of_step(Phase::Dot))
            }
        }
    }

    /// Whether another transaction may begin on it.
    pub fn is_usable(&self) -> bool {
        self.state == State::Ready
    }

    /// Whether the commands of the next transaction are on their way.
    pub fn is_begun(&self) -> bool {
        self.state == State::Begun
    }

    /// Messages that went out over it with an answer, for recycling.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Says good-bye; a relay that does not answer is left.
    pub async fn quit(mut self) {
        let limit = self.timeouts.quit;
        if self.is_usable() && self.send(Phase::Between, &[&Quit], limit).await.is_ok() {
            let _ = self.wire.reply(limit).await;
        }
    }

    async fn send(
        &mut self,
        phase: Phase,
        commands: &[&Command<'_>],
        limit: Duration,
    ) -> Result<(), RelayError> {
        self.commands.clear();
        self.put(commands);
        self.wire
            .send(&self.commands, limit)
            .await
            .map_err(|fault| RelayError::from_fault(&self.relay, phase, fault))
    }

    fn put(&mut self, commands: &[&Command<'_>]) {
        for command in commands {
            write!(self.commands, "{command}").expect("writing to a string does not fail");
        }
    }

    fn mail_and_rcpt(&self, envelope: Envelope<'_>) -> (Mail, Rcpt) {
        let size = usize::try_from(envelope.size_bytes).ok().filter(|_| self.offer.has_size);
        let parameters = size.map(MailParameter::Size).into_iter().collect();
        (
            Mail::new(Some(in_envelope(envelope.from)), parameters),
            Rcpt::new(in_envelope(envelope.to), vec![]),
        )
    }

    /// Whether a transaction may begin before the message before it is answered.
    fn may_be_ahead(&self, size_bytes: u64) -> bool {
        self.offer.has_pipelining && self.offer.size_limit.is_none_or(|limit| size_bytes <= limit)
    }

    /// What came unasked, as an error. RFC 5321, 3.8 lets a relay close an idle connection,
    /// with 421 or without; anything else means that replies and commands do not match.
    async fn stray(&mut self, phase: Phase) -> Option<RelayError> {
        let relay = &self.relay;
        Some(match self.wire.stray().await {
            Stray::Nothing => return None,
            Stray::Reply(reply) if reply.code == 421 => {
                RelayError::refused(relay, phase, reply.to_reply())
            }
            Stray::Reply(_) | Stray::Bytes => RelayError::OutOfStep { relay: relay.clone(), phase },
            Stray::End => RelayError::HungUp { relay: relay.clone() },
            Stray::Fault(fault) => RelayError::from_fault(relay, phase, fault),
        })
    }

    fn out_of_step(&self, phase: Phase) -> RelayError {
        RelayError::OutOfStep { relay: self.relay.clone(), phase }
    }
}

/// 2yz by its first digit (RFC 5321, 4.2.1), but for 220 and 221, which are about the
/// connection: as an answer to a command they belong to another one.
fn is_done(code: u16) -> bool {
    matches!(code, 200..220 | 230..300)
}

fn in_envelope(address: &Address) -> lettre::Address {
    address.as_str().parse().expect("our addresses are narrower than lettre's")
}

/// Doubles the dots that begin a line (RFC 5321, 4.5.2). `message` begins at the beginning of
/// a line; it is copied only where there is such a dot.
pub fn dot_stuff(message: &[u8]) -> Cow<'_, [u8]> {
    let mut stuffed = Vec::new();
    let mut copied = 0;
    // The dot of each "\r\n.", and one that begins the message.
    let first = message.first().is_some_and(|byte| *byte == b'.').then_some(0);
    for dot in first.into_iter().chain(memmem::find_iter(message, b"\r\n.").map(|at| at + 2)) {
        stuffed.extend_from_slice(&message[copied..=dot]);
        copied = dot;
    }
    if stuffed.is_empty() {
        return Cow::Borrowed(message);
    }
    stuffed.extend_from_slice(&message[copied..]);
    Cow::Owned(stuffed)
}

#[cfg(test)]
mod tests;
