//! The outbox: takes each delivery to a recorded outcome.
//!
//! [`next_step`] is pure and holds the whole retry policy. `sender` keeps the connections, each a
//! `carrier` with its `results`; `supply` feeds them lane by lane, `letter` makes the messages.
//! `pace`, `window` and `rate` say how many and how fast, `breaker` when a relay that failed is
//! tried again, `failures` with which delivery; `canary` whether a run goes on, `refusals` who is
//! tried again when it was paused; `ballast` keeps room on the disk for results. Nothing in here
//! decides *whether* somebody gets a mail: that was planned, and is checked again by the store
//! before the dot.

pub mod ballast;
pub mod breaker;
pub mod canary;
mod carrier;
pub mod failures;
pub mod lane;
mod letter;
pub mod limits;
pub mod pace;
pub mod progress;
pub mod rate;
mod refusals;
mod results;
pub mod sender;
mod signing;
mod supply;
pub mod window;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Uncertain;
use crate::mail::smtp::Refusal;

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 250 after the dot, with the relay's text.
    Accepted(String),
    /// The relay refused this recipient or this message.
    Refused(Refusal),
    /// Certainly not taken, and not the recipient's fault.
    Unsent { why: String, rest: TimeDelta },
    /// The same, again and again, while the relay takes others.
    LaidAside { why: String, rest: TimeDelta },
    /// The dot may have gone out and no reply came.
    Lost,
    /// Written to the Maildir, at this path.
    Rehearsed(String),
}

/// What is recorded, and with it what happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Accepted {
        reply: String,
    },
    Rejected {
        code: String,
        reply: String,
    },
    Retry {
        at: DateTime<Utc>,
        code: String,
        reply: String,
    },
    /// As before the attempt, and why.
    Unsent {
        at: DateTime<Utc>,
        reply: String,
    },
    /// The same, and the others do not wait for it.
    LaidAside {
        at: DateTime<Utc>,
        reply: String,
    },
    /// `resend_at` is absent where it is not sent again.
    Uncertain {
        resend_at: Option<DateTime<Utc>>,
    },
    Rehearsed {
        path: String,
    },
    /// Tried for too long.
    Expired {
        code: String,
        reply: String,
    },
}

/// The delivery that was tried, as far as the policy asks.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Outcomes that were never known, before this one.
    pub unknowns: u32,
    pub created_at: DateTime<Utc>,
    pub expires_after: TimeDelta,
    pub uncertain: Uncertain,
}

/// Mail is given up after this (RFC 5321, 4.5.4.1: 4 to 5 days).
pub const EXPIRES_AFTER: TimeDelta = TimeDelta::days(5);

/// Mail of a daily digest is given up sooner: the next one brings its news.
pub const DAILY_EXPIRES_AFTER: TimeDelta = TimeDelta::hours(24);

/// When a delivery is due that waits for nothing: whatever the clock says, which may be set back.
pub const AT_ONCE: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// Decides what an outcome means.
///
/// What [`crate::mail::verdict`] calls final is final; else it is tried again after a pause
/// that grows (RFC 5321, 4.2.1 and 4.5.4.1). A lost reply is sent again once, the same bytes.
pub fn next_step(attempt: Attempt, outcome: Outcome, now: DateTime<Utc>) -> Step {
    match outcome {
        Outcome::Accepted(reply) => Step::Accepted { reply },
        Outcome::Rehearsed(path) => Step::Rehearsed { path },
        Outcome::Lost => {
            let may_resend = attempt.uncertain == Uncertain::Resend && attempt.unknowns == 0;
            Step::Uncertain { resend_at: may_resend.then_some(AT_ONCE) }
        }
        Outcome::Unsent { why, .. } | Outcome::LaidAside { why, .. }
            if is_expired(attempt.created_at, attempt.expires_after, now) =>
        {
            Step::Expired { code: String::new(), reply: why }
        }
        Outcome::Unsent { why, rest } if rest.is_zero() => Step::Unsent { at: AT_ONCE, reply: why },
        Outcome::Unsent { why, rest } => Step::Unsent { at: now + rest, reply: why },
        Outcome::LaidAside { why, rest } => Step::LaidAside { at: now + rest, reply: why },
        Outcome::Refused(Refusal { class, reply }) => {
            let (code, reply) = (reply.codes(), reply.text);
            match class.back_off(attempt.number) {
                None => Step::Rejected { code, reply },
                Some(_) if is_expired(attempt.created_at, attempt.expires_after, now) => {
                    Step::Expired { code, reply }
                }
                Some(pause) => Step::Retry { at: now + pause, code, reply },
            }
        }
    }
}

/// Whether mail of this age is not worth sending any more.
pub fn is_expired(created_at: DateTime<Utc>, after: TimeDelta, now: DateTime<Utc>) -> bool {
    now - created_at >= after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::reply::Reply;
    use crate::mail::verdict::Recipient;

    fn now() -> DateTime<Utc> {
        "2026-11-21T00:00:00Z".parse().unwrap()
    }

    fn attempt(number: u32) -> Attempt {
        Attempt {
            number,
            unknowns: 0,
            created_at: now(),
            expires_after: EXPIRES_AFTER,
            uncertain: Uncertain::Resend,
        }
    }

    fn refused(class: Recipient, code: u16) -> Outcome {
        let reply = Reply { code, enhanced: None, text: "no".into() };
        Outcome::Refused(Refusal { class, reply })
    }

    #[test]
    fn a_final_refusal_is_final() {
        let step = next_step(attempt(1), refused(Recipient::Gone, 550), now());
        assert_eq!(step, Step::Rejected { code: "550".into(), reply: "no".into() });
    }

    #[test]
    fn a_transient_refusal_is_tried_again_after_a_pause_that_doubles() {
        for (number, minutes) in [(1, 5), (2, 10), (3, 20), (7, 240), (60, 240)] {
            let step = next_step(attempt(number), refused(Recipient::Later, 451), now());
            let at = now() + TimeDelta::minutes(minutes);
            assert_eq!(step, Step::Retry { at, code: "451".into(), reply: "no".into() });
        }
    }

    #[test]
    fn a_recipient_deferred_for_too_long_is_given_up() {
        let expired = Step::Expired { code: "451".into(), reply: "no".into() };
        let later = |attempt, hours| {
            let now = now() + TimeDelta::hours(hours);
            next_step(attempt, refused(Recipient::Later, 451), now)
        };
        assert_eq!(later(attempt(30), 120), expired);
        let daily = Attempt { expires_after: DAILY_EXPIRES_AFTER, ..attempt(30) };
        assert_eq!(later(daily, 24), expired);
        assert_ne!(later(daily, 23), expired);
    }

    #[test]
    fn what_was_not_sent_for_a_fault_of_the_relays_rests_and_expires() {
        let rest = TimeDelta::minutes(1);
        let unsent = |now| next_step(attempt(1), Outcome::Unsent { why: "down".into(), rest }, now);
        let at = now() + rest;
        assert_eq!(unsent(now()), Step::Unsent { at, reply: "down".into() });
        let expired = Step::Expired { code: String::new(), reply: "down".into() };
        assert_eq!(unsent(now() + EXPIRES_AFTER), expired);
        let aside = Outcome::LaidAside { why: "down".into(), rest };
        let laid_aside = Step::LaidAside { at, reply: "down".into() };
        assert_eq!(next_step(attempt(1), aside.clone(), now()), laid_aside);
        assert_eq!(next_step(attempt(1), aside, now() + EXPIRES_AFTER), expired);
        let unsent = Outcome::Unsent { why: "down".into(), rest: TimeDelta::zero() };
        let at_once = Step::Unsent { at: AT_ONCE, reply: "down".into() };
        assert_eq!(next_step(attempt(1), unsent, now()), at_once, "however late it is");
    }

    #[test]
    fn a_lost_reply_is_sent_again_once() {
        let first = next_step(attempt(1), Outcome::Lost, now());
        assert_eq!(first, Step::Uncertain { resend_at: Some(AT_ONCE) });
        let second = next_step(Attempt { unknowns: 1, ..attempt(2) }, Outcome::Lost, now());
        assert_eq!(second, Step::Uncertain { resend_at: None });
    }

    #[test]
    fn a_lost_reply_is_not_sent_again_where_the_digest_holds_it() {
        let hold = Attempt { uncertain: Uncertain::Hold, ..attempt(1) };
        assert_eq!(next_step(hold, Outcome::Lost, now()), Step::Uncertain { resend_at: None });
    }
}
