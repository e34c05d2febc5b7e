//! The outbox: takes each delivery to a recorded outcome.
//!
//! [`next_step`] is pure and holds the whole retry policy; `sender` keeps the connections and
//! `lane` says when a relay that failed is tried again. Nothing in here decides *whether*
//! somebody gets a mail: that was planned, and is checked again by the store before the dot.

pub mod lane;
pub mod progress;
pub mod sender;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Uncertain;
use crate::mail::reply::Reply;

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 250 after the dot, with the relay's text.
    Accepted(String),
    /// The relay refused this recipient or this message.
    Refused(Reply),
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
    pub uncertain: Uncertain,
}

/// A recipient deferred for longer than this is given up (RFC 5321, 4.5.4.1: 4 to 5 days).
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(5);

/// Decides what an outcome means.
///
/// 5yz is final, 4yz is tried again after a pause that doubles from 5 minutes to 4 hours
/// (RFC 5321, 4.2.1 and 4.5.4.1). A lost reply is sent again once, the same bytes.
pub fn next_step(attempt: Attempt, outcome: Outcome, now: DateTime<Utc>) -> Step {
    match outcome {
        Outcome::Accepted(reply) => Step::Accepted { reply },
        Outcome::Rehearsed(path) => Step::Rehearsed { path },
        Outcome::Lost => {
            let may_resend = attempt.uncertain == Uncertain::Resend && attempt.unknowns == 0;
            Step::Uncertain { resend_at: may_resend.then_some(now) }
        }
        Outcome::Refused(reply) if reply.is_permanent() => {
            Step::Rejected { code: reply.code, reply: reply.text }
        }
        Outcome::Refused(reply) if now - attempt.created_at >= GIVE_UP_AFTER => {
            Step::Expired { code: reply.code, reply: reply.text }
        }
        Outcome::Refused(reply) => Step::Retry {
            at: now + retry_pause(attempt.number),
            code: reply.code,
            reply: reply.text,
        },
    }
}

/// 5 minutes, doubled with each attempt up to 4 hours.
fn retry_pause(attempt: u32) -> TimeDelta {
    let doublings = attempt.saturating_sub(1).min(6);
    TimeDelta::minutes(5 << doublings).min(TimeDelta::hours(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T00:00:00Z".parse().unwrap()
    }

    fn attempt(number: u32) -> Attempt {
        Attempt { number, unknowns: 0, created_at: now(), uncertain: Uncertain::Resend }
    }

    fn refused(code: &str) -> Outcome {
        Outcome::Refused(Reply { code: code.into(), text: "no".into() })
    }

    #[test]
    fn a_permanent_refusal_is_final() {
        let step = next_step(attempt(1), refused("550"), now());
        assert_eq!(step, Step::Rejected { code: "550".into(), reply: "no".into() });
    }

    #[test]
    fn a_transient_refusal_is_tried_again_after_a_pause_that_doubles() {
        for (number, minutes) in [(1, 5), (2, 10), (3, 20), (7, 240), (60, 240)] {
            let step = next_step(attempt(number), refused("451"), now());
            let at = now() + TimeDelta::minutes(minutes);
            assert_eq!(step, Step::Retry { at, code: "451".into(), reply: "no".into() });
        }
    }

    #[test]
    fn a_recipient_deferred_for_five_days_is_given_up() {
        let step = next_step(attempt(30), refused("451"), now() + TimeDelta::days(5));
        assert_eq!(step, Step::Expired { code: "451".into(), reply: "no".into() });
    }

    #[test]
    fn a_lost_reply_is_sent_again_once() {
        let first = next_step(attempt(1), Outcome::Lost, now());
        assert_eq!(first, Step::Uncertain { resend_at: Some(now()) });
        let second = next_step(Attempt { unknowns: 1, ..attempt(2) }, Outcome::Lost, now());
        assert_eq!(second, Step::Uncertain { resend_at: None });
    }

    #[test]
    fn a_lost_reply_is_not_sent_again_where_the_digest_holds_it() {
        let hold = Attempt { uncertain: Uncertain::Hold, ..attempt(1) };
        assert_eq!(next_step(hold, Outcome::Lost, now()), Step::Uncertain { resend_at: None });
    }
}
