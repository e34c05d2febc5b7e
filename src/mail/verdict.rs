//! What a refusal means: the one table that tells a recipient's fault from the relay's.
//!
//! The enhanced code (RFC 3463, the IANA registry behind RFC 5248) counts before the basic
//! code (RFC 5321, 4.2.3), and the phase decides where both are silent. Texts are never
//! looked at. In doubt a refusal is transient, and in doubt it is not the address that is
//! bad: a wrong retry costs a message, a wrong suppression costs a reader.

use std::fmt;

use chrono::TimeDelta;

use super::reply::{Enhanced, Reply};

/// Where in the conversation something came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Connect,
    Greeting,
    Hello,
    StartTls,
    Auth,
    /// MAIL.
    Sender,
    /// RCPT.
    Recipient,
    /// DATA, up to the go-ahead.
    Data,
    /// The message, its final dot, and the reply to it.
    Dot,
    /// No reply is owed.
    Between,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "the connection",
            Self::Greeting => "the greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Sender => "MAIL",
            Self::Recipient => "RCPT",
            Self::Data => "DATA",
            Self::Dot => "the message",
            Self::Between => "the idle connection",
        })
    }
}

/// Whose a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This recipient's delivery is charged with it.
    Recipient(Recipient),
    /// Nobody is charged; the lane slows down, pauses or alerts.
    Relay(Trouble),
}

/// What a refusal means for one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// Final: the address is bad. The only class that may lead to suppression.
    Gone,
    /// Final for this person and message.
    Refused,
    /// Final for this delivery, but by a rule (5.7.x, 554, content): where everybody meets it,
    /// it is the relay's or ours, so it counts towards the breaker.
    Policy,
    /// Over quota for now: later, after a long pause.
    Full,
    /// Deferred to see whether we come back (RFC 6647): minutes.
    Greylisted,
    /// Any other 4yz.
    Later,
}

impl Recipient {
    /// Pause after the attempt with this number, from 1; absent where the class is final.
    ///
    /// RFC 5321, 4.5.4.1 asks for half an hour, and less for the first tries. Greylisting
    /// keeps a newcomer out for a few minutes, five by custom (RFC 6647, 5.3).
    pub fn back_off(self, attempt: u32) -> Option<TimeDelta> {
        let (first, last) = match self {
            Self::Gone | Self::Refused | Self::Policy => return None,
            Self::Greylisted => (TimeDelta::minutes(6), TimeDelta::hours(1)),
            Self::Later => (TimeDelta::minutes(5), TimeDelta::hours(4)),
            Self::Full => (TimeDelta::hours(2), TimeDelta::hours(8)),
        };
        let doublings = attempt.saturating_sub(1).min(6);
        Some((first * (1 << doublings)).min(last))
    }
}

/// What is the matter with the relay, or with us in its eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It wants less: halve the lane.
    Throttled,
    /// It ends this connection (RFC 5321, 3.8): open another.
    Closing,
    /// User or password: pause and alert.
    Credentials,
    /// It does not take mail from `mail.from`: pause and alert.
    Sender,
    /// The message is larger than it takes: pause the run.
    TooLarge,
    /// Not to be used now: the breaker's matter.
    Down,
}

impl Trouble {
    /// Another try without a person's hand would fail the same way.
    pub fn needs_operator(self) -> bool {
        matches!(self, Self::Credentials | Self::Sender | Self::TooLarge)
    }
}

/// Decides what a 4yz or 5yz reply in `phase` means.
pub fn classify(phase: Phase, reply: &Reply) -> Verdict {
    let (code, enhanced) = (reply.code, reply.enhanced);
    // RFC 5321, 3.8: 421 may come at any time and ends the connection. With 4.7.x and 4.3.2
    // large receivers say "too much" that way.
    if code == 421 {
        let is_throttle = matches!(about(enhanced), Some((7, _) | (3, 2) | (4, 5)));
        return Verdict::Relay(if is_throttle { Trouble::Throttled } else { Trouble::Closing });
    }
    // RFC 2034, section 4 has both codes agree. Where they do not, the milder one counts.
    let is_permanent = code >= 500 && enhanced.is_none_or(|enhanced| enhanced.class == 5);
    match phase {
        Phase::Auth if is_permanent => Verdict::Relay(Trouble::Credentials),
        Phase::Sender if is_permanent => Verdict::Relay(refused_sender(code, enhanced)),
        Phase::Recipient | Phase::Data | Phase::Dot if is_permanent => {
            permanent(phase, code, enhanced)
        }
        Phase::Recipient | Phase::Data | Phase::Dot => transient(phase, code, enhanced),
        // 432 4.7.12: a password must be set anew first (RFC 4954, 4.7.1).
        Phase::Auth if code == 432 => Verdict::Relay(Trouble::Credentials),
        // 454 4.7.0: temporary authentication failure (RFC 4954, section 6); 450, 451 and 452
        // at MAIL are about the relay's load or room (Postfix: 452 4.3.1).
        Phase::Auth | Phase::Sender => Verdict::Relay(Trouble::Throttled),
        Phase::Greeting | Phase::Hello
            if !is_permanent && matches!(about(enhanced), Some((7, _))) =>
        {
            Verdict::Relay(Trouble::Throttled)
        }
        Phase::Connect | Phase::Greeting | Phase::Hello | Phase::StartTls | Phase::Between => {
            Verdict::Relay(Trouble::Down)
        }
    }
}

/// Subject and detail.
fn about(enhanced: Option<Enhanced>) -> Option<(u16, u16)> {
    enhanced.map(|enhanced| (enhanced.subject, enhanced.detail))
}

/// The relay wants another log-in, or one at all (RFC 4954, section 6; RFC 5248: 523, 524, 525
/// and 538 are about encryption and disabled accounts).
fn is_about_credentials(code: u16, enhanced: Option<Enhanced>) -> bool {
    matches!(code, 523..=525 | 530 | 534 | 535 | 538)
        || matches!(about(enhanced), Some((7, 8..=14 | 57)))
}

fn refused_sender(code: u16, enhanced: Option<Enhanced>) -> Trouble {
    if is_about_credentials(code, enhanced) {
        return Trouble::Credentials;
    }
    match about(enhanced) {
        // RFC 1870, section 6.1: 552 where SIZE= is over the limit.
        Some((3, 4) | (2, 3)) => Trouble::TooLarge,
        None if code == 552 => Trouble::TooLarge,
        // RFC 7504: a host that takes no mail.
        Some((3, 2)) => Trouble::Down,
        None if code == 521 => Trouble::Down,
        // Out of order, or not known: a conversation that went wrong, not a sender.
        None | Some((5, 0..=2)) if matches!(code, 500 | 502 | 503) => Trouble::Down,
        _ => Trouble::Sender,
    }
}

/// 5yz at RCPT, DATA or the dot.
fn permanent(phase: Phase, code: u16, enhanced: Option<Enhanced>) -> Verdict {
    use Recipient::{Gone, Policy, Refused};
    if is_about_credentials(code, enhanced) {
        return Verdict::Relay(Trouble::Credentials);
    }
    let person = match about(enhanced) {
        // The sender's address, which some relays look at only now; 5.7.27 is its null MX.
        Some((1, 7 | 8) | (7, 27)) => return Verdict::Relay(Trouble::Sender),
        // No such mailbox, system or syntax, moved, null MX (RFC 7505); disabled.
        Some((1, 1..=4 | 6 | 10) | (2, 1)) => Gone,
        Some((1, 0)) if phase == Phase::Recipient => Gone,
        // RFC 5321, 4.5.3.1.10: the old code for too many recipients, to be read as 452.
        Some((5, 3)) => return Verdict::Relay(Trouble::Throttled),
        // Out of order: with one recipient accepted before, the relay has lost its place.
        None | Some((5, 0..=2)) if matches!(code, 500 | 502 | 503) => {
            return Verdict::Relay(Trouble::Down);
        }
        // The system, the content, security and policy: the same for everybody, or ours.
        Some((3 | 6 | 7, _)) => Policy,
        Some((1 | 2 | 4 | 5, _)) => Refused,
        // Without a code that says more (also X.0.0): RFC 5321, 4.2.3.
        _ => match (phase, code) {
            (Phase::Recipient, 550) | (_, 556) => Gone,
            // 552 is "mailbox full", for Exim among others; 553 is also qmail's word for
            // "relaying denied": not the address for certain.
            (_, 551 | 553)
            | (Phase::Recipient | Phase::Dot, 552)
            | (Phase::Recipient, 501 | 504 | 521 | 555) => Refused,
            // 550 once the message was seen, 554 anywhere, and what nobody defined.
            _ => Policy,
        },
    };
    Verdict::Recipient(person)
}

/// 4yz at RCPT, DATA or the dot, and contradictory codes.
fn transient(phase: Phase, code: u16, enhanced: Option<Enhanced>) -> Verdict {
    use Recipient::{Full, Greylisted, Later};
    let person = match about(enhanced) {
        Some((2, 2)) => Full,
        // The system is full, closed or busy; too many recipients on one connection; 4.7.0.
        Some((3, _) | (4, 5) | (5, 3) | (7, 0)) => return Verdict::Relay(Trouble::Throttled),
        // SES says "454 Throttling failure".
        _ if code == 454 => return Verdict::Relay(Trouble::Throttled),
        // "451 4.7.1", and Postgrey's "450 4.2.0".
        Some((7, _) | (2, 0)) => Greylisted,
        Some((1 | 2 | 4 | 5 | 6, _)) => Later,
        _ => match (phase, code) {
            // The relay's own room is asked about at MAIL; at RCPT it is the mailbox.
            (Phase::Recipient, 452 | 552) | (Phase::Dot, 552) => Full,
            (_, 452) => return Verdict::Relay(Trouble::Throttled),
            (Phase::Recipient, 450 | 451) => Greylisted,
            _ => Later,
        },
    };
    Verdict::Recipient(person)
}

#[cfg(test)]
mod tests;
