//! Readers who leave while their mail is under way.

use super::relay::checker::{Known, Left, check};
use super::relay::{Act, Gate, Phase, Relay};
use super::{Case, reader};

impl Case {
    /// Publishes, and removes a reader while their mail waits at the gate: all others get theirs.
    pub(super) async fn publish_without(&self, n: usize, relay: &Relay, gate: &Gate) {
        let (done, answered_at) = tokio::join!(self.publish(), async {
            gate.wait_until_held(1).await;
            let removed = self.office.run_async(&["subscribers", "remove", &reader(n)]).await;
            assert_eq!(removed.code, 0, "{removed:?}");
            let answered_at = relay.mark();
            gate.release();
            answered_at
        });
        assert_eq!(done.code, 0, "{done:?}");
        let known = self.known().await;
        let left = vec![Left { subscriber: known.people[&reader(n)], answered_at }];
        assert_eq!(check(&self.store(), &relay.lines(), &Known { left, ..known }).await, []);
        assert_eq!(relay.lines().len(), self.readers - 1);
        assert_eq!(self.states().await["cancelled"], 1);
        assert_eq!(relay.faults(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_before_the_go_ahead_gets_no_mail() {
    let gate = Gate::new();
    let held = gate.clone();
    let relay = Relay::playing(move |moment| {
        let is_it = moment.is(Phase::Data) && moment.recipient == reader(3);
        if is_it { Act::usual().held_by(&held) } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, 10);
    case.publish_without(3, &relay, &gate).await;
}
