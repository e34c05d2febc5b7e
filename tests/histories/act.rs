//! What can happen to a press office.

use proptest::collection::vec;
use proptest::prelude::*;

use super::zone::{Setting, Wish};

/// One thing that happens. Numbers choose among what is there, and wrap around.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Publish {
        /// An event begins so many hours from now.
        event: Option<i64>,
        category: usize,
        language: usize,
    },
    /// News that goes to everybody at once.
    Alert {
        category: usize,
        language: usize,
    },
    /// The same release in the other language.
    Translate(usize),
    Embargo(Wish),
    /// What waits is to come at another time.
    Move(usize, Wish),
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
    /// An event will not take place.
    CallOff(usize),
    /// What stands becomes urgent, with a note.
    Alarm(usize),
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
    /// By the link in the n-th of the mails that somebody got.
    Click(usize),
    /// Somebody leaves everything while the next mail to them is in hand.
    Waver,
    /// Who left last thinks better of it.
    Undo,
    /// A feed gets another name as soon as mail is on its way.
    Rename(usize),
    /// The same, a name that another has.
    Merge,
    Suppress(usize),
    /// A reader wants no mail for now.
    Rest(usize),
    Return(usize),
    Pause(usize),
    Resume,
    /// An operator's word for the oldest hold.
    Approve,
    /// An operator ends a run.
    Cancel(usize),
    /// The same, while another is about to begin, or to be expanded.
    Cross(usize),
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
    pub(crate) const KINDS: [&'static str; 47] = [
        "publish",
        "translate",
        "embargo",
        "by a change",
        "move",
        "expire",
        "edit",
        "update",
        "correct",
        "receivers told",
        "withdraw",
        "delete",
        "postpone",
        "call off",
        "alert",
        "alarm",
        "urgent told",
        "reminded",
        "join",
        "switch",
        "leave",
        "click",
        "waver",
        "undo",
        "rename",
        "merge",
        "suppress",
        "rest",
        "return",
        "passed by",
        "pause",
        "resume",
        "held",
        "too many issues",
        "let go",
        "other plan",
        "more issues let go",
        "cancel",
        "cross",
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
            Self::Embargo(_) => "embargo",
            Self::Move(..) => "move",
            Self::Expire { .. } => "expire",
            Self::Edit(_) => "edit",
            Self::Update(_) => "update",
            Self::Correct(_) => "correct",
            Self::Withdraw(_) => "withdraw",
            Self::Delete(_) => "delete",
            Self::Postpone(_) => "postpone",
            Self::CallOff(_) => "call off",
            Self::Alert { .. } => "alert",
            Self::Alarm(_) => "alarm",
            Self::Join { .. } => "join",
            Self::Switch { .. } => "switch",
            Self::Leave { .. } => "leave",
            Self::Click(_) => "click",
            Self::Waver => "waver",
            Self::Undo => "undo",
            Self::Rename(_) => "rename",
            Self::Merge => "merge",
            Self::Suppress(_) => "suppress",
            Self::Rest(_) => "rest",
            Self::Return(_) => "return",
            Self::Pause(_) => "pause",
            Self::Resume => "resume",
            Self::Approve => "approve",
            Self::Cancel(_) => "cancel",
            Self::Cross(_) => "cross",
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

    /// Whether nobody in the office looks up for it.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(
            self,
            Self::Join { .. }
                | Self::Switch { .. }
                | Self::Leave { .. }
                | Self::Click(_)
                | Self::Waver
                | Self::Undo
                | Self::Rename(_)
                | Self::Merge
                | Self::Suppress(_)
                | Self::Rest(_)
                | Self::Return(_)
                | Self::Pause(_)
                | Self::Cross(_)
                | Self::Outage
                | Self::Crash { .. }
                | Self::Lose
                | Self::Refuse
        )
    }
}

/// A place, and what happens there.
pub(crate) fn history() -> impl Strategy<Value = (Setting, Vec<Act>)> {
    let number = 0..1_000_usize;
    let setting = (number.clone(), 2026..2036_i32, 0..1_000_u32, number.clone(), number).prop_map(
        |(zone, year, day, daily_at, approve)| Setting { zone, year, day, daily_at, approve },
    );
    (setting, vec(act(), 180..220))
}

fn wish() -> impl Strategy<Value = Wish> {
    (4..200_i32, 0..4_usize, 0..1_000_usize, proptest::bool::weighted(0.8)).prop_map(
        |(quarters, spelling, zone, is_by_change)| Wish { quarters, spelling, zone, is_by_change },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let number = 0..1_000_usize;
    let hours = 1..60_i64;
    prop_oneof![
        16 => (proptest::option::of(50..200_i64), number.clone(), number.clone())
            .prop_map(|(event, category, language)| Act::Publish { event, category, language }),
        6 => (number.clone(), number.clone())
            .prop_map(|(category, language)| Act::Alert { category, language }),
        4 => number.clone().prop_map(Act::Translate),
        8 => wish().prop_map(Act::Embargo),
        7 => (number.clone(), wish()).prop_map(|(n, wish)| Act::Move(n, wish)),
        3 => hours.clone().prop_map(|hours| Act::Expire { hours }),
        4 => number.clone().prop_map(Act::Edit),
        5 => number.clone().prop_map(Act::Update),
        4 => number.clone().prop_map(Act::Correct),
        5 => number.clone().prop_map(Act::Withdraw),
        4 => number.clone().prop_map(Act::Delete),
        6 => number.clone().prop_map(Act::Postpone),
        4 => number.clone().prop_map(Act::CallOff),
        7 => number.clone().prop_map(Act::Alarm),
        16 => (number.clone(), number.clone(), number.clone(), number.clone())
            .prop_map(|(person, feed, digest, language)| Act::Join { person, feed, digest, language }),
        16 => (number.clone(), number.clone())
            .prop_map(|(person, digest)| Act::Switch { person, digest }),
        34 => (number.clone(), number.clone()).prop_map(|(person, feed)| Act::Leave { person, feed }),
        8 => number.clone().prop_map(Act::Click),
        10 => Just(Act::Waver),
        20 => Just(Act::Undo),
        8 => number.clone().prop_map(Act::Rename),
        8 => Just(Act::Merge),
        8 => number.clone().prop_map(Act::Suppress),
        8 => number.clone().prop_map(Act::Rest),
        10 => number.clone().prop_map(Act::Return),
        4 => number.clone().prop_map(Act::Pause),
        7 => Just(Act::Resume),
        28 => Just(Act::Approve),
        16 => number.clone().prop_map(Act::Cancel),
        8 => number.clone().prop_map(Act::Cross),
        6 => hours.prop_map(|hours| Act::Wait { hours }),
        3 => (20..90_i64).prop_map(|hours| Act::Sleep { hours }),
        3 => Just(Act::Outage),
        8 => (0..3_usize, any::<bool>())
            .prop_map(|(after, has_intent)| Act::Crash { after, has_intent }),
        4 => Just(Act::Lose),
        4 => Just(Act::Refuse),
        9 => Just(Act::ByHand { keeps_window: false }),
        10 => Just(Act::ByHand { keeps_window: true }),
    ]
}
