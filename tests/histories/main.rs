//! Generated histories of a press office: entries come, wait, change and go, people join, switch
//! and leave, digests are paused, the host sleeps, the relay is away, the process dies. Whatever
//! happened, everybody got what they follow exactly once, corrections reached those who had the
//! old text, and nothing was told before its embargo ended.
//!
//! `TIDINGS_HISTORIES` sets how many histories there are, `TIDINGS_SEED` which, and
//! `TIDINGS_SHRINKS` how many shorter ones are tried once one failed. How often each kind of act
//! occurred is printed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "how often each act occurred is part of what it shows")]

#[path = "../support/mod.rs"]
mod support;

mod act;
mod check;
mod corrections;
mod embargo;
mod item;
mod office;
mod operator;
mod people;
mod relay;
mod runs;
mod zone;

use std::collections::BTreeMap;
use std::sync::Mutex;

use act::{Act, history};
use office::PressOffice;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use zone::Setting;

/// So many that each kind of act occurs often enough.
const LONG: usize = 120;
/// In a run among all other tests.
const SHORT: usize = 12;
/// Of each kind of act, over a long run; a shorter one has its share.
const LEAST: usize = 100;
const THREADS: usize = 2;

type Counts = Mutex<BTreeMap<&'static str, usize>>;

fn number(variable: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "it is the test that is set up")]
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn everybody_gets_what_they_follow_exactly_once() {
    let seed = number("TIDINGS_SEED").unwrap_or(5);
    let histories =
        number("TIDINGS_HISTORIES").map_or(SHORT, |asked| usize::try_from(asked).unwrap());
    println!("seed {seed}, {histories} histories");
    let counts = Counts::default();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let start = |n: usize| {
            let (share, counts) = ((histories + n) / THREADS, &counts);
            scope.spawn(move || run(seed, u8::try_from(n).unwrap(), share, counts))
        };
        let shares: Vec<_> = (0..THREADS).map(start).collect();
        shares.into_iter().filter_map(|share| share.join().unwrap().err()).collect()
    });
    let counts = counts.into_inner().unwrap();
    for (kind, count) in &counts {
        println!("{kind:<20}{count:>6}");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // A few are more unlike each other than many.
    let least = if histories < LONG { LEAST * histories / LONG / 2 } else { LEAST };
    for kind in Act::KINDS {
        let count = counts.get(kind).copied().unwrap_or_default();
        assert!(count >= least, "`{kind}` occurred {count} times, not {least}");
    }
}

/// A share of the histories, one after the other.
fn run(seed: u64, thread: u8, histories: usize, counts: &Counts) -> Result<(), String> {
    let mut bytes = [thread; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config {
        cases: u32::try_from(histories).unwrap(),
        failure_persistence: None,
        // Each step of shrinking is another history.
        max_shrink_iters: number("TIDINGS_SHRINKS").map_or(0, |n| u32::try_from(n).unwrap()),
        ..Config::default()
    };
    let ran = TestRunner::new_with_rng(config, rng).run(&history(), |(setting, acts)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let happened = runtime.block_on(live(&setting, &acts)).map_err(TestCaseError::fail)?;
        let mut counts = counts.lock().unwrap();
        for kind in happened {
            *counts.entry(kind).or_default() += 1;
        }
        Ok(())
    });
    ran.map_err(|fault| match fault {
        TestError::Fail(reason, (setting, acts)) => format!("{reason}\n{setting:?} {acts:?}"),
        TestError::Abort(reason) => reason.to_string(),
    })
}

/// Lives through a history and a quiet fortnight after it; what happened, by kind.
async fn live(setting: &Setting, acts: &[Act]) -> Result<Vec<&'static str>, String> {
    let mut office = PressOffice::open(setting.place()).await;
    for act in acts {
        office.carry_out(act).await?;
    }
    office.come_to_rest().await?;
    check::deliveries(&office).await?;
    corrections::arrived(&office).await?;
    Ok(office.happened)
}
