//! Generated histories of a press office: entries come, change, wait and go, people join, switch
//! and leave, digests are paused, the host sleeps, the relay is away, the process dies. Whatever
//! happened, everybody got what they follow exactly once.
//!
//! `TIDINGS_HISTORIES` sets how many histories there are, `TIDINGS_SEED` which, and `TIDINGS_SHRINKS`
//! how many shorter ones are tried once one failed. How often each kind of act occurred is printed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "../support/mod.rs"]
mod support;

mod act;
mod check;
mod office;

use std::collections::BTreeMap;

use act::{Act, history};
use office::PressOffice;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

const HISTORIES: u32 = 40;
/// Of each kind of act, over all histories.
const LEAST: usize = 100;

fn number(variable: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "it is the test that is set up")]
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn everybody_gets_what_they_follow_exactly_once() {
    let seed = number("TIDINGS_SEED").unwrap_or(20_261_121);
    let asked = number("TIDINGS_HISTORIES");
    let cases = asked.map_or(HISTORIES, |asked| u32::try_from(asked).unwrap());
    println!("seed {seed}, {cases} histories");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    // Each step of shrinking is another history.
    let shrinks = number("TIDINGS_SHRINKS").map_or(0, |n| u32::try_from(n).unwrap());
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: shrinks, ..Config::default() };
    let counts = std::cell::RefCell::new(BTreeMap::<&str, usize>::new());
    let ran = TestRunner::new_with_rng(config, rng).run(&history(), |(zone, acts)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let done = runtime.block_on(live(&zone, &acts)).map_err(TestCaseError::fail)?;
        for kind in done {
            *counts.borrow_mut().entry(kind).or_default() += 1;
        }
        Ok(())
    });
    let counts = counts.into_inner();
    for (kind, count) in &counts {
        println!("{kind:<16}{count:>6}");
    }
    ran.unwrap();
    if cases >= HISTORIES {
        for kind in Act::KINDS {
            let count = counts.get(kind).copied().unwrap_or_default();
            assert!(count >= LEAST, "`{kind}` occurred {count} times");
        }
    }
}

/// Lives through a history and a quiet fortnight after it; what happened, by kind.
async fn live(zone: &str, acts: &[Act]) -> Result<Vec<&'static str>, String> {
    let mut office = PressOffice::open(zone).await;
    for act in acts {
        office.carry_out(act).await;
        check::embargoes(&office).await?;
    }
    office.come_to_rest().await;
    check::deliveries(&office).await?;
    Ok(office.happened)
}
