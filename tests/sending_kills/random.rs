//! `kill -9` at random, over and over.
//!
//! Each cycle starts `publish-now` or the daemon, kills it when a random number of things have
//! happened at the relay, and looks up in the store how each delivery stands. A seed that is
//! set by `TIDINGS_SEED` gives the same choices, though not the same race; `TIDINGS_KILLS` is
//! the number of kills of each policy.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::relay::{Keep, Phase, Relay, Settings, checker};
use super::trap::{Stage, Trap};
use super::{Case, Policy, Row, count, settled, was_killed};

const READERS: usize = 80;
const CONNECTIONS: usize = 8;

/// With fewer deliveries left a run is let go to its end.
const FEWEST: usize = 4;

/// Every mail makes at least so many things happen at the relay.
const EVENTS: usize = 3;

/// With so many kills of a policy, chance leaves none of the states out.
const MANY: usize = 300;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 1.
    fn up_to(&mut self, most: usize) -> u64 {
        1 + self.next() % u64::try_from(most).unwrap()
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

/// How a delivery stood when its process was killed: in the store, and at the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Pending,
    ClaimedUnnamed,
    ClaimedNamed,
    ClaimedGoAhead,
    /// A refusal that was not recorded.
    ClaimedRefused,
    /// Nothing of it came in.
    IntentGoAhead,
    IntentBody,
    IntentDot,
    IntentLogged,
    /// A result that was not recorded.
    IntentAnswered,
    IntentRefused,
    Accepted,
    Deferred,
    Rejected,
    UncertainWaiting,
    ClaimedAgain,
    IntentAgain,
    /// What the crash rules do not know.
    Other,
}

impl Standing {
    /// Nothing where an earlier process brought it to its end.
    fn of(row: &Row, stage: Stage) -> Option<Self> {
        let is_over = !row.is_due && stage == Stage::Unnamed;
        (!is_over).then(|| Self::of_open(row, stage))
    }

    fn of_open(row: &Row, stage: Stage) -> Self {
        match (row.state.as_str(), stage) {
            ("claimed", _) if row.unknowns > 0 => Self::ClaimedAgain,
            ("intent", _) if row.unknowns > 0 => Self::IntentAgain,
            ("uncertain", _) if row.is_due => Self::UncertainWaiting,
            ("pending", Stage::Refused) => Self::Deferred,
            ("pending", _) => Self::Pending,
            ("claimed", Stage::Unnamed) => Self::ClaimedUnnamed,
            ("claimed", Stage::Named) => Self::ClaimedNamed,
            ("claimed", Stage::GoAhead) => Self::ClaimedGoAhead,
            ("claimed", Stage::Refused) => Self::ClaimedRefused,
            ("intent", Stage::GoAhead) => Self::IntentGoAhead,
            ("intent", Stage::Body) => Self::IntentBody,
            ("intent", Stage::Dot) => Self::IntentDot,
            ("intent", Stage::Logged) => Self::IntentLogged,
            ("intent", Stage::Answered) => Self::IntentAnswered,
            ("intent", Stage::Refused) => Self::IntentRefused,
            ("accepted", _) => Self::Accepted,
            ("rejected", _) => Self::Rejected,
            _ => Self::Other,
        }
    }

    fn words(self) -> [&'static str; 3] {
        match self {
            Self::Pending => ["pending", "not named", "pending"],
            Self::ClaimedUnnamed => ["claimed", "not named", "pending"],
            Self::ClaimedNamed => ["claimed", "RCPT", "pending"],
            Self::ClaimedGoAhead => ["claimed", "354", "pending"],
            Self::ClaimedRefused => ["claimed", "4yz or 5yz, not recorded", "pending"],
            Self::IntentGoAhead => ["intent", "354", "uncertain"],
            Self::IntentBody => ["intent", "first line of the message", "uncertain"],
            Self::IntentDot => ["intent", "dot, not in the log", "uncertain"],
            Self::IntentLogged => ["intent", "in the log, 250 not out", "uncertain"],
            Self::IntentAnswered => ["intent", "250 out, not recorded", "uncertain"],
            Self::IntentRefused => ["intent", "4yz after the dot, not recorded", "uncertain"],
            Self::Accepted => ["accepted", "250, recorded", "accepted"],
            Self::Deferred => ["pending", "4yz, recorded", "pending"],
            Self::Rejected => ["rejected", "5yz, recorded", "rejected"],
            Self::UncertainWaiting => ["uncertain", "waits for its resend", "uncertain"],
            Self::ClaimedAgain => ["claimed", "any, for its resend", "uncertain"],
            Self::IntentAgain => ["intent", "any, for its resend", "uncertain, and held"],
            Self::Other => ["?", "?", "?"],
        }
    }

    /// What a run under this policy must come by.
    fn expected(policy: Policy) -> Vec<Self> {
        let mut expected = vec![
            Self::ClaimedUnnamed,
            Self::ClaimedNamed,
            Self::ClaimedGoAhead,
            Self::ClaimedRefused,
            Self::IntentGoAhead,
            Self::IntentBody,
            Self::IntentDot,
            Self::IntentLogged,
            Self::IntentAnswered,
            Self::IntentRefused,
            Self::Accepted,
            Self::Deferred,
            Self::Rejected,
        ];
        if policy == Policy::Resend {
            expected.extend([Self::ClaimedAgain, Self::IntentAgain]);
        }
        expected
    }
}

#[derive(Default)]
struct Table(BTreeMap<Standing, usize>);

impl Table {
    /// Counts the deliveries of the open run.
    fn count(&mut self, rows: &[Row], stages: &HashMap<i64, Stage>) {
        for row in rows {
            let stage = stages.get(&row.subscriber_id).copied().unwrap_or(Stage::Unnamed);
            if let Some(standing) = Standing::of(row, stage) {
                *self.0.entry(standing).or_default() += 1;
            }
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| store | relay | after the start | deliveries |")?;
        writeln!(f, "| --- | --- | --- | ---: |")?;
        for (standing, count) in &self.0 {
            let [store, relay, after] = standing.words();
            writeln!(f, "| {store} | {relay} | {after} | {count} |")?;
        }
        Ok(())
    }
}

/// The relay of these tests: three readers are not known to it, and every third attempt is
/// deferred, by turns at RCPT and after the dot.
async fn relay(trap: &Trap) -> Relay {
    let trap = trap.clone();
    let settings = Settings { keep: Keep::Nothing, ..Settings::default() };
    Relay::start(settings, move |moment| {
        let number: usize = moment
            .recipient
            .trim_start_matches("reader")
            .split('@')
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or_default();
        let turn = number + 7 * moment.tries;
        let refusal = match moment.phase {
            Phase::Rcpt if (1..=3).contains(&number) => Some("550 5.1.1 no such user"),
            Phase::Rcpt if turn % 6 == 2 => Some("450 4.2.0 later"),
            Phase::Dot if turn % 6 == 5 => Some("450 4.2.0 later"),
            _ => None,
        };
        trap.pass(moment, refusal)
    })
    .await
}

async fn kill_at_random(policy: Policy) {
    let kills = from_environment("TIDINGS_KILLS").map_or(10, |n| usize::try_from(n).unwrap());
    let seed = from_environment("TIDINGS_SEED")
        .unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("TIDINGS_SEED={seed} TIDINGS_KILLS={kills} {policy:?}");
    let mut random = Random(seed);
    let trap = Trap::default();
    let relay = relay(&trap).await;
    let case = Case::new(&relay, READERS, policy, CONNECTIONS);
    let people = case.people().await;
    let mut table = Table::default();
    let (mut killed, mut news, mut most_intents) = (0, 1, 0);
    while killed < kills {
        let open = open(&case.rows().await, policy, &mut news, &case);
        if open < FEWEST {
            drain(&case, &trap, &relay).await;
            continue;
        }
        case.let_pauses_pass().await;
        // The daemon does not end by itself, so it must come to its kill.
        let (arguments, most): (&[&str], usize) = if random.next() % 2 == 0 {
            (&["daemon"], open)
        } else {
            (&["publish-now", "--yes"], 2 * READERS)
        };
        trap.set(Some(random.up_to(most * EVENTS)));
        let child = case.start(arguments, None);
        trap.watch(&child);
        let status = case.end_of(child).await;
        settled(&relay).await;
        let Some(stages) = trap.at_kill().filter(|_| was_killed(status)) else {
            assert!(status.code().is_some_and(|code| code == 0 || code == 5), "{}", case.said());
            continue;
        };
        killed += 1;
        let stages = stages.into_iter().map(|(address, stage)| (people[&address], stage)).collect();
        let rows = case.rows().await;
        let newest = rows.last().map(|row| row.run_id);
        let of_run: Vec<Row> =
            rows.iter().filter(|row| Some(row.run_id) == newest).cloned().collect();
        table.count(&of_run, &stages);
        let intents = count(&rows, "intent");
        assert!(intents <= CONNECTIONS, "{intents} are unknown: more than one of a connection");
        most_intents = most_intents.max(intents);
        assert_eq!(case.findings(&relay, &people, true).await, [], "after kill {killed}");
    }
    drain(&case, &trap, &relay).await;

    assert_eq!(case.findings(&relay, &people, false).await, []);
    assert_eq!(relay.faults(), [""; 0]);
    let rows = case.rows().await;
    let lines = relay.lines();
    let copies = checker::copies(&lines);
    let unknowns: i64 = rows.iter().map(|row| row.unknowns).sum();
    let [accepted, rejected, held] =
        ["accepted", "rejected", "uncertain"].map(|state| count(&rows, state));
    println!("{table}");
    println!(
        "{killed} kills, {news} runs, {} deliveries: {accepted} accepted, {rejected} rejected, \
         {held} held as uncertain, of which {} had arrived; {unknowns} times unknown, at most \
         {most_intents} at once; {} messages at the relay, {copies} of them sent again",
        rows.len(),
        // Those who are rejected here never had one.
        lines.len() - copies - accepted,
        lines.len(),
    );
    assert_eq!(accepted + rejected + held, rows.len());
    assert!(i64::try_from(copies).unwrap() <= unknowns);
    if policy == Policy::Hold {
        assert_eq!(copies, 0);
    }
    assert!(!table.0.contains_key(&Standing::Other));
    if kills >= MANY {
        for standing in Standing::expected(policy) {
            let count = table.0.get(&standing).copied().unwrap_or_default();
            assert!(count >= 10, "{standing:?} only {count} times: kill more often");
        }
    }
}

/// Deliveries that are to go out; where there are none, news is written for all readers.
fn open(rows: &[Row], policy: Policy, news: &mut usize, case: &Case) -> usize {
    // Of those that are unknown by now, these are sent again.
    let is_resent = |row: &Row| policy == Policy::Resend && row.unknowns == 0;
    let goes_out = |row: &&Row| row.is_due && (row.state != "intent" || is_resent(row));
    let open = rows.iter().filter(goes_out).count();
    if rows.is_empty() {
        return READERS;
    }
    if open == 0 {
        *news += 1;
        case.office.news(&format!("bridge-{news}"), "One more bridge opens.");
        return READERS;
    }
    open
}

/// Lets everything go out.
async fn drain(case: &Case, trap: &Trap, relay: &Relay) {
    trap.set(None);
    for _ in 0..30 {
        case.let_pauses_pass().await;
        let status = case.publish(None).await;
        assert!(status.code().is_some_and(|code| code == 0 || code == 5), "{}", case.said());
        settled(relay).await;
        if case.rows().await.iter().all(|row| !row.is_due) {
            return;
        }
    }
    panic!("it does not come to an end: {:?}", case.states().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_at_random_lose_nobody_and_repeat_only_what_is_unknown() {
    kill_at_random(Policy::Resend).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_at_random_repeat_nothing_where_the_unknown_is_held() {
    kill_at_random(Policy::Hold).await;
}
