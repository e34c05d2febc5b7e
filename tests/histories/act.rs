//! What can happen to a press office.

use proptest::collection::vec;
use proptest::prelude::*;

/// One thing that happens. Numbers choose among what is there, and wrap around.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Publish {
        is_event: bool,
        category: usize,
        language: usize,
    },
    /// The same release in the other language.
    Translate(usize),
    Embargo {
        hours: i64,
    },
    /// A release that goes again by itself.
    Expire {
        hours: i64,
    },
    Edit(usize),
    Update(usize),
    Correct(usize),
    Withdraw(usize),
    Delete(usize),
    Postpone(usize),
    Join {
        person: usize,
        feed: usize,
        digest: usize,
        language: usize,
    },
    Switch {
        person: usize,
        digest: usize,
    },
    Leave {
        person: usize,
        feed: usize,
    },
    Suppress(usize),
    Pause(usize),
    Resume,
    Wait {
        hours: i64,
    },
    /// Time passes and nobody is awake.
    Sleep {
        hours: i64,
    },
    /// The relay is away for a while.
    Outage,
    /// The process dies with so many messages out.
    Crash {
        after: usize,
        has_intent: bool,
    },
    /// The next message gets no reply.
    Lose,
    /// The next recipient is refused.
    Refuse,
    ByHand {
        keeps_window: bool,
    },
}

impl Act {
    pub(crate) const KINDS: [&'static str; 24] = [
        "publish",
        "translate",
        "embargo",
        "expire",
        "edit",
        "update",
        "correct",
        "withdraw",
        "delete",
        "postpone",
        "join",
        "switch",
        "leave",
        "suppress",
        "pause",
        "resume",
        "wait",
        "sleep",
        "outage",
        "crash",
        "lose",
        "refuse",
        "by hand",
        "keep window",
    ];

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Publish { .. } => "publish",
            Self::Translate(_) => "translate",
            Self::Embargo { .. } => "embargo",
            Self::Expire { .. } => "expire",
            Self::Edit(_) => "edit",
            Self::Update(_) => "update",
            Self::Correct(_) => "correct",
            Self::Withdraw(_) => "withdraw",
            Self::Delete(_) => "delete",
            Self::Postpone(_) => "postpone",
            Self::Join { .. } => "join",
            Self::Switch { .. } => "switch",
            Self::Leave { .. } => "leave",
            Self::Suppress(_) => "suppress",
            Self::Pause(_) => "pause",
            Self::Resume => "resume",
            Self::Wait { .. } => "wait",
            Self::Sleep { .. } => "sleep",
            Self::Outage => "outage",
            Self::Crash { .. } => "crash",
            Self::Lose => "lose",
            Self::Refuse => "refuse",
            Self::ByHand { keeps_window: false } => "by hand",
            Self::ByHand { keeps_window: true } => "keep window",
        }
    }
}

/// Zones with and without clock changes; each history begins shortly before one.
const ZONES: [&str; 6] = [
    "Asia/Singapore",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
];

/// A zone, and what happens in it.
pub(crate) fn history() -> impl Strategy<Value = (String, Vec<Act>)> {
    (proptest::sample::select(ZONES.as_slice()).prop_map(str::to_owned), vec(act(), 130..170))
}

fn act() -> impl Strategy<Value = Act> {
    let number = 0..1_000_usize;
    let hours = 1..60_i64;
    prop_oneof![
        8 => (any::<bool>(), number.clone(), number.clone())
            .prop_map(|(is_event, category, language)| Act::Publish { is_event, category, language }),
        4 => number.clone().prop_map(Act::Translate),
        3 => hours.clone().prop_map(|hours| Act::Embargo { hours }),
        3 => hours.clone().prop_map(|hours| Act::Expire { hours }),
        4 => number.clone().prop_map(Act::Edit),
        5 => number.clone().prop_map(Act::Update),
        4 => number.clone().prop_map(Act::Correct),
        3 => number.clone().prop_map(Act::Withdraw),
        5 => number.clone().prop_map(Act::Delete),
        6 => number.clone().prop_map(Act::Postpone),
        10 => (number.clone(), number.clone(), number.clone(), number.clone())
            .prop_map(|(person, feed, digest, language)| Act::Join { person, feed, digest, language }),
        20 => (number.clone(), number.clone())
            .prop_map(|(person, digest)| Act::Switch { person, digest }),
        15 => (number.clone(), number.clone()).prop_map(|(person, feed)| Act::Leave { person, feed }),
        6 => number.clone().prop_map(Act::Suppress),
        8 => number.clone().prop_map(Act::Pause),
        9 => Just(Act::Resume),
        10 => hours.prop_map(|hours| Act::Wait { hours }),
        3 => (20..90_i64).prop_map(|hours| Act::Sleep { hours }),
        3 => Just(Act::Outage),
        12 => (0..6_usize, any::<bool>())
            .prop_map(|(after, has_intent)| Act::Crash { after, has_intent }),
        4 => Just(Act::Lose),
        8 => Just(Act::Refuse),
        9 => Just(Act::ByHand { keeps_window: false }),
        7 => Just(Act::ByHand { keeps_window: true }),
    ]
}
