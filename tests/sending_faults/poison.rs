//! One delivery at which the relay always fails: the others go out, whatever it does.

use super::relay::{Act, Phase, Relay};
use super::{Case, reader};

/// Everybody but the third has the mail; that one is laid aside, and the relay is not held down.
async fn poison(phase: Phase, act: fn() -> Act) {
    let relay = Relay::playing(move |moment| {
        let is_it = moment.is(phase) && moment.recipient == reader(3);
        if is_it { act() } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, 30);
    let done = case.publish().await;
    assert_eq!(relay.lines().len(), 29, "{phase:?}: {done:?}");
    assert_eq!(case.findings(&relay, true).await, [], "{phase:?}");
    let aside = "select state, next_at - changed_at from delivery
        where state = 'pending' and next_at > changed_at";
    assert_eq!(case.query(aside).await.len(), 1, "{phase:?}: {done:?}");
    assert_eq!(case.charged().await, 29, "{phase:?}");
    assert!(!done.stderr.contains("could not send"), "{phase:?}: {done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_at_whom_the_relay_hangs_up_is_laid_aside() {
    poison(Phase::Rcpt, Act::close).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_at_whom_the_relay_says_421_is_laid_aside() {
    for phase in [Phase::Rcpt, Phase::Data, Phase::Dot] {
        poison(phase, || Act::reply("421 4.3.0 going down").and_close()).await;
    }
}
