//! The audit ledger: lines that name the line before them by its hash.
//!
//! There is a chain for each kind of line and day; a day's first line carries the hash of the
//! kind's last line before it, so that neither a line nor a day can be changed or dropped without
//! the next one telling. The newest line is kept a second time, apart from the chain, which tells
//! of a last line that is gone. Who can write both can write a whole new ledger: that is found by
//! the heads that `verify` prints, noted down elsewhere.
//!
//! Pure. People stand in it by the store's number only.

mod said;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::hash::hash;
pub use said::{Consents, Ended, Held, Opened, Quiet, Said, Totals};

/// What a chain tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Runs that were held or opened, and due moments at which nothing was sent.
    Plan,
    /// What operators, or the program in their place, decided: holds let go, brakes overridden,
    /// pauses and their ends, runs cancelled or superseded, deliveries of unknown fate.
    Approval,
    /// Totals of runs at their end.
    Run,
    /// Subscriptions requested, confirmed, changed and ended.
    Consent,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Plan, Self::Approval, Self::Run, Self::Consent];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Approval => "approval",
            Self::Run => "run",
            Self::Consent => "consent",
        }
    }
}

/// Place of a line in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// In UTC.
    pub day: NaiveDate,
    /// From 1 on each day.
    pub number: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.day, self.number)
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub kind: Kind,
    pub place: Place,
    pub at: DateTime<Utc>,
    /// Canonical JSON of a [`Said`].
    pub said: String,
    pub hash: String,
}

/// The newest line of a kind, as it is kept apart from the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    #[serde(flatten)]
    pub place: Place,
    pub hash: String,
}

impl Head {
    pub fn to_fact(&self) -> String {
        format!("{} {} {}", self.place.day, self.place.number, self.hash)
    }

    /// `None` for what is none.
    pub fn from_fact(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let day = parts.next()?.parse().ok()?;
        let number = parts.next()?.parse().ok()?;
        let hash = parts.next()?.to_owned();
        parts.next().is_none().then_some(Self { place: Place { day, number }, hash })
    }
}

impl Line {
    /// The line that comes behind `head`. A clock that was set back moves no line before another.
    pub fn after(head: Option<&Head>, at: DateTime<Utc>, said: &Said) -> Self {
        let today = at.date_naive();
        let place = match head {
            Some(head) if head.place.day >= today => {
                Place { day: head.place.day, number: head.place.number + 1 }
            }
            _ => Place { day: today, number: 1 },
        };
        let previous = head.map_or("", |head| &head.hash);
        let mut line =
            Self { kind: said.kind(), place, at, said: canonical(said), hash: String::new() };
        line.hash = line.hash_after(previous);
        line
    }

    pub fn head(&self) -> Head {
        Head { place: self.place, hash: self.hash.clone() }
    }

    fn hash_after(&self, previous: &str) -> String {
        let Self { kind, place: Place { day, number }, at, said, .. } = self;
        let (kind, at) = (kind.as_str(), at.timestamp());
        hash(format!("{previous}\n{kind}\n{day}\n{number}\n{at}\n{said}").as_bytes())
    }
}

/// JSON with keys in their order and no blanks: equal values give equal bytes.
fn canonical(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("what is said is always JSON");
    value.to_string()
}

/// Why a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("{kind} {place}: the line before it is missing", kind = kind.as_str())]
    Gap { kind: Kind, place: Place },
    #[error(
        "{kind} {place}: its hash is not that of what it says behind the line before it",
        kind = kind.as_str()
    )]
    Hash { kind: Kind, place: Place },
    #[error("{kind} {place}: the newest line is missing", kind = kind.as_str())]
    Cut { kind: Kind, place: Place },
    #[error(
        "{kind} {place}: the newest line is not the one that was noted when it was written",
        kind = kind.as_str()
    )]
    Head { kind: Kind, place: Place },
    #[error("{kind}: a line has `{day}` for its day", kind = kind.as_str())]
    Day { kind: Kind, day: String },
    #[error("{kind} {place}: it tells otherwise than the store: {what}", kind = kind.as_str())]
    Rows { kind: Kind, place: Place, what: String },
    #[error("run {run}: no line of the ledger tells of it")]
    Unknown { run: i64 },
}

/// A chain as its lines are checked one after the other.
#[derive(Debug)]
pub struct Chain {
    kind: Kind,
    newest: Option<Head>,
    pub lines: u64,
    pub days: u64,
}

impl Chain {
    pub fn new(kind: Kind) -> Self {
        Self { kind, newest: None, lines: 0, days: 0 }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Checks the next line: its place behind the one before it, and its hash.
    pub fn add(&mut self, line: &Line) -> Result<(), Broken> {
        let (kind, place) = (self.kind, line.place);
        let is_next = match &self.newest {
            Some(newest) if newest.place.day == place.day => {
                place.number == newest.place.number + 1
            }
            Some(newest) => newest.place.day < place.day && place.number == 1,
            None => place.number == 1,
        };
        if !is_next {
            return Err(Broken::Gap { kind, place });
        }
        let previous = self.newest.as_ref().map_or("", |newest| &newest.hash);
        if line.kind != kind || line.hash != line.hash_after(previous) {
            return Err(Broken::Hash { kind, place });
        }
        self.lines += 1;
        self.days += u64::from(place.number == 1);
        self.newest = Some(line.head());
        Ok(())
    }

    /// Checks that the chain ends where the newest line was noted to be.
    pub fn end(self, noted: Option<&Head>) -> Result<Option<Head>, Broken> {
        let kind = self.kind;
        match (&self.newest, noted) {
            (newest, noted) if newest.as_ref() == noted => Ok(self.newest),
            (Some(newest), Some(noted)) if newest.place >= noted.place => {
                Err(Broken::Head { kind, place: newest.place })
            }
            (_, Some(noted)) => Err(Broken::Cut { kind, place: noted.place }),
            (Some(newest), None) => Err(Broken::Head { kind, place: newest.place }),
            (None, None) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
