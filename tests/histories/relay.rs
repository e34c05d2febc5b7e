//! Sends what is due: the relay is played, and so is a machine that dies.

use chrono::TimeDelta;
use tidings::config::Uncertain;
use tidings::digest::REMINDER;
use tidings::digest::windows::WindowState;
use tidings::mail::reply::Reply;
use tidings::mail::smtp::Refusal;
use tidings::mail::verdict::Recipient;
use tidings::outbox::lane::Lane;
use tidings::outbox::sender::Terms;
use tidings::outbox::{Attempt, Outcome, Step, is_expired, next_step};
use tidings::store::{Claim, ClaimRequest, DeliveryKeys, DeliveryResult, RunRecord};

use super::office::PressOffice;
use super::runs;

/// What the relay and the machine have in mind.
#[expect(clippy::struct_excessive_bools, reason = "each comes about by itself")]
#[derive(Debug, Default)]
pub(crate) struct Weather {
    pub(crate) is_outage: bool,
    pub(crate) crash: Option<(usize, bool)>,
    pub(crate) loses_next: bool,
    pub(crate) refuses_next: bool,
    /// Whom the next mail is for leaves.
    pub(crate) wavers: bool,
    /// A feed that is called something else with the next start.
    pub(crate) renames: Option<&'static str>,
    /// Releases go into the feed of all news with the next start.
    pub(crate) merges: bool,
    /// The n-th open run is cancelled while another is made: before it begins where the number
    /// is even, else before it is expanded.
    pub(crate) crosses: Option<usize>,
}

impl PressOffice {
    /// Everything that is due goes out, as far as the weather lets it.
    pub(crate) async fn send(&mut self) {
        let press = self.desk.press.clone();
        let terms = self.terms.clone();
        if std::mem::take(&mut self.has_crashed) {
            let resends = terms.iter().filter(|(_, terms)| terms.uncertain == Uncertain::Resend);
            let resends: Vec<String> = resends.map(|(digest, _)| digest.clone()).collect();
            press.store.recover(&resends, self.desk.now()).await.unwrap();
        }
        let is_any_open = !press.store.open_runs().await.unwrap().is_empty();
        if let Some(feed) = self.weather.renames.take_if(|_| is_any_open) {
            self.rename(feed).await;
        }
        if is_any_open && std::mem::take(&mut self.weather.merges) {
            self.merge().await;
        }
        let mut sent = 0;
        // A resend belongs to a run that is still open, as everything that waits does.
        while self.expand().await {
            let mut claims = Vec::new();
            for lane in Lane::ALL {
                claims.extend(press.store.claim_due(&self.request(lane)).await.unwrap());
            }
            if claims.is_empty() {
                break;
            }
            if std::mem::take(&mut self.weather.is_outage) {
                self.happened.push("outage");
                let later = self.desk.now() + TimeDelta::minutes(5);
                let back: Vec<_> = claims.into_iter().map(|claim| (claim, Some(later))).collect();
                press.store.release(&back).await.unwrap();
                break;
            }
            for claim in claims {
                if let Some((_, has_intent)) = self.weather.crash.take_if(|(n, _)| *n <= sent) {
                    self.happened.push("crash");
                    if has_intent {
                        press.store.intend(&claim, &[], self.desk.now()).await.unwrap();
                    }
                    self.has_crashed = true;
                    return;
                }
                if claim.digest != REMINDER && std::mem::take(&mut self.weather.wavers) {
                    self.waver(claim.subscriber).await;
                }
                let terms = terms.get(&claim.digest).copied().unwrap_or_default();
                let step = self.deliver(&claim, terms).await;
                sent += usize::from(matches!(step, Some(Step::Accepted { .. })));
                if let Some(step) = step {
                    let Claim { run, subscriber, fence, .. } = claim;
                    let result = DeliveryResult { run, subscriber, fence, step };
                    press.store.record_results(&[result], self.desk.now()).await.unwrap();
                }
            }
        }
        press.store.complete_runs(self.desk.now()).await.unwrap();
    }

    /// Whether any run is open.
    async fn expand(&mut self) -> bool {
        let is_expanding = |run: &RunRecord| run.state == "expanding";
        let open = self.desk.press.store.open_runs().await.unwrap();
        if open.iter().any(is_expanding) {
            self.cross(1).await;
        }
        let press = &self.desk.press;
        let open = press.store.open_runs().await.unwrap();
        for run in &open {
            let keys = DeliveryKeys { token: press.keys.token_key(), dkim_selector: None };
            while run.state == "expanding"
                && press.store.expand(run.id, keys, self.desk.now()).await.unwrap().is_some()
            {
            }
        }
        !open.is_empty()
    }

    pub(crate) async fn cross(&mut self, parity: usize) {
        if let Some(n) = self.weather.crosses.take_if(|n| *n % 2 == parity) {
            let is_there = self.cancel(n / 2).await;
            self.happened.extend(is_there.then_some("cross"));
        }
    }

    fn request(&self, lane: Lane) -> ClaimRequest {
        let now = self.desk.now();
        ClaimRequest {
            owner: "history".to_owned(),
            lane,
            now,
            lease_until: now + TimeDelta::minutes(15),
            limit: 100,
            may_be_stand_in: false,
            windows: WindowState::Open,
        }
    }

    /// One message, as the relay takes it.
    async fn deliver(&mut self, claim: &Claim, terms: Terms) -> Option<Step> {
        let now = self.desk.now();
        if is_expired(claim.created_at, terms.expires_after, now) {
            return Some(Step::Expired { code: String::new(), reply: "too late".to_owned() });
        }
        let intent = self.desk.press.store.intend(claim, &[], now).await.unwrap()?;
        if claim.digest == REMINDER {
            runs::reminder_goes_out(self, claim).await;
        }
        let outcome = if std::mem::take(&mut self.weather.refuses_next) {
            self.happened.push("refuse");
            let reply = Reply { code: 550, enhanced: None, text: "no such user".to_owned() };
            Outcome::Refused(Refusal { class: Recipient::Gone, reply })
        } else if std::mem::take(&mut self.weather.loses_next) {
            self.happened.push("lose");
            Outcome::Lost
        } else {
            Outcome::Accepted("2.0.0 Ok".to_owned())
        };
        let attempt = Attempt {
            number: intent.attempt,
            unknowns: claim.unknowns,
            created_at: claim.created_at,
            expires_after: terms.expires_after,
            uncertain: terms.uncertain,
        };
        Some(next_step(attempt, outcome, now))
    }
}
