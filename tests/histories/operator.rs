//! What operators do: pauses, runs by hand, a word for what is on hold, cancelled runs.

use tidings::pipeline::digests::approval::{Word, let_go};
use tidings::pipeline::digests::{DigestError, PlannedRun, plan_by_hand, start};
use tidings::store::{Cancellation, HoldRecord, NewPause, PauseScope};

use super::office::PressOffice;

const BY: &str = "mei";

impl PressOffice {
    /// Some are held, for their many issues before they are begun.
    pub(crate) async fn start(&mut self, runs: Vec<PlannedRun>) {
        if !runs.is_empty() {
            self.cross(0).await;
        }
        for run in &runs {
            match start(&self.desk.press, run).await {
                Ok(_) => {}
                Err(DigestError::TooMany { .. }) => self.happened.push("too many issues"),
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    pub(crate) async fn by_hand(&mut self, advances: bool) -> bool {
        let runs = plan_by_hand(&self.desk.press, &[], advances).await.unwrap();
        let is_any = !runs.is_empty();
        self.start(runs).await;
        is_any
    }

    pub(crate) async fn pause(&self, digest: &str) -> bool {
        let scope = PauseScope::Digest(digest.to_owned());
        let pause = NewPause { scope, reason: None, by: BY.to_owned() };
        self.desk.press.store.pause(&pause, self.desk.now()).await.unwrap().is_new
    }

    /// Ends one pause.
    pub(crate) async fn resume(&self) -> bool {
        let store = &self.desk.press.store;
        let Some(pause) = store.pauses().await.unwrap().into_iter().next() else { return false };
        let scope = PauseScope::Digest(pause.digest.unwrap());
        store.resume(&scope, BY, self.desk.now()).await.unwrap().is_some()
    }

    /// A word for what waits longest.
    pub(crate) async fn approve(&mut self) -> bool {
        let open = self.desk.press.store.open_holds().await.unwrap();
        let Some(hold) = open.first() else { return false };
        self.say_word(hold).await;
        true
    }

    /// Lets everything go that waits; what is another plan by now is cancelled.
    pub(crate) async fn approve_all(&mut self) -> bool {
        let open = self.desk.press.store.open_holds().await.unwrap();
        for hold in &open {
            if let Some(run) = self.say_word(hold).await {
                self.cancel_run(run).await;
            }
        }
        !open.is_empty()
    }

    /// The run that is not let go, because it is another plan by now.
    async fn say_word(&mut self, hold: &HoldRecord) -> Option<i64> {
        let press = &self.desk.press;
        let runs = press.store.held_runs().await.unwrap();
        let Some(waiting) = runs.iter().find(|run| run.hold == hold.id) else {
            press.store.release_hold(hold.id, BY, self.desk.now()).await.unwrap();
            self.happened.push("more issues let go");
            return None;
        };
        match let_go(press, waiting, BY).await.unwrap() {
            Word::LetGo { .. } => {
                self.happened.push("let go");
                None
            }
            Word::Changed(_) => {
                self.happened.push("other plan");
                Some(waiting.run)
            }
        }
    }

    /// Ends the n-th of the runs that are not at their end.
    pub(crate) async fn cancel(&mut self, n: usize) -> bool {
        let open = self.desk.press.store.open_runs().await.unwrap();
        let Some(run) = open.get(n % open.len().max(1)) else { return false };
        self.cancel_run(run.id).await
    }

    async fn cancel_run(&self, run: i64) -> bool {
        let press = &self.desk.press;
        let token_key = press.keys.token_key();
        let cancellation = Cancellation { run, reason: None, by: BY.to_owned(), token_key };
        press.store.cancel_run(&cancellation, self.desk.now()).await.unwrap().is_some()
    }
}
