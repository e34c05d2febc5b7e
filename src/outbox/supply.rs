//! What connections take their deliveries from: claims of all lanes, a few ahead.
//!
//! A claim that no connection took is given back when sending stops. Mail to a group of
//! domains with a rate of its own waits here for its turn, or in the store where that is far.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;
use tracing::{error, info};

use super::Outcome;
use super::canary::{Verdict, may_widen, verdict};
use super::failures::{Failures, Place};
use super::lane::{Lane, PerLane, choose};
use super::limits::RelayLimits;
use super::rate::{Rates, Turn};
use super::refusals::Refusals;
use crate::clock::Clock;
use crate::digest::windows::SendWindows;
use crate::failpoint;
use crate::store::{Claim, ClaimRequest, Store, StoreError};

/// Claims of digests taken at once: enough that the connections do not wait for the store.
const BATCH: u32 = 512;
/// With fewer of them left, more are fetched while connections go on.
const LOW_WATER: usize = 256;
/// Claims of other lanes taken at once: they are few, and never lie behind others for long.
const SMALL_BATCH: u32 = 64;
/// A lane that had nothing is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// So often it is looked whether the first of a run have their outcome.
const LOOK_AT_CANARY: Duration = Duration::from_millis(50);
/// Far longer than a claim waits here, and shorter than a day's mail should.
const LEASE: TimeDelta = TimeDelta::minutes(15);

/// A claim in a connection's hands.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) claim: Claim,
    pub(super) lane: Lane,
    /// Whether it is what its connection has in hand, and not what comes behind that.
    is_counted: bool,
}

/// What a connection finds when it asks for a delivery.
#[derive(Debug)]
pub(super) enum Next {
    Delivery(Box<Held>),
    /// All that is there has to wait so long for its turn.
    Wait(Duration),
    Nothing,
}

/// What a look at the supply comes to.
enum Look<'a> {
    Found(Next),
    /// The store is to be asked for more of a lane.
    Low(Lane),
    /// Somebody asks it.
    Filling(Notified<'a>),
}

pub(super) struct Supply {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    owner: String,
    may_be_stand_in: bool,
    limits: Arc<RelayLimits>,
    windows: Arc<SendWindows>,
    only_answers: Arc<AtomicBool>,
    started: Instant,
    failures: Arc<Mutex<Failures>>,
    refusals: Mutex<Refusals>,
    rates: Arc<Mutex<Rates>>,
    state: Mutex<State>,
    /// A lane was filled, or could not be.
    filled: Notify,
}

/// A claim and when its turn is, with its place where it comes behind others then.
type Waiting = (Duration, Lane, Option<Place>, Claim);

#[derive(Default)]
struct State {
    ready: PerLane<VecDeque<Held>>,
    in_hand: PerLane<usize>,
    /// Whether somebody asks the store for more of a lane.
    is_filling: PerLane<bool>,
    /// The others of a run wait for its first, and these are under way.
    is_canary_out: bool,
    /// When a lane was found empty.
    empty_since: PerLane<Option<Instant>>,
    /// By group, each with when its turn is, soonest first: turns are reserved in order.
    waiting: HashMap<usize, VecDeque<Waiting>>,
    /// At these the relay failed: they come behind the others of all lanes, and show nothing of
    /// them. By their place.
    behind: BTreeMap<u64, (Place, Held)>,
}

impl Supply {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        owner: String,
        may_be_stand_in: bool,
        limits: Arc<RelayLimits>,
        failures: Arc<Mutex<Failures>>,
        rates: Arc<Mutex<Rates>>,
    ) -> Self {
        let started = rates.lock().unwrap_or_else(PoisonError::into_inner).started();
        Self {
            store,
            clock,
            owner,
            may_be_stand_in,
            limits,
            windows: Arc::new(SendWindows::always(chrono_tz::UTC)),
            only_answers: Arc::default(),
            started,
            failures,
            refusals: Mutex::default(),
            rates,
            state: Mutex::default(),
            filled: Notify::new(),
        }
    }

    /// The same, of what may go out in these windows, and for now.
    pub(super) fn within(self, windows: Arc<SendWindows>, only_answers: Arc<AtomicBool>) -> Self {
        Self { windows, only_answers, ..self }
    }

    /// The next delivery for one of so many connections.
    pub(super) async fn next(&self, connections: usize) -> Result<Next, StoreError> {
        loop {
            match self.look(connections) {
                Look::Found(next) => return Ok(next),
                Look::Filling(filled) => filled.await,
                Look::Low(lane) => self.fill(lane).await?,
            }
        }
    }

    /// Whether there is mail, the store being asked where it is time.
    pub(super) async fn has_mail(&self) -> Result<bool, StoreError> {
        self.fill_low().await?;
        Ok(self.state().ready.0.iter().any(|ready| !ready.is_empty()))
    }

    /// Fills the lanes that are low and that nobody else fills.
    async fn fill_low(&self) -> Result<(), StoreError> {
        loop {
            // Not in the head of the loop, where the lock would be held.
            let low = self.state().low_lane();
            let Some(lane) = low else { return Ok(()) };
            self.fill(lane).await?;
        }
    }

    async fn fill(&self, lane: Lane) -> Result<(), StoreError> {
        let refilled = self.refill(lane).await;
        self.state().is_filling[lane] = false;
        self.filled.notify_waiters();
        refilled
    }

    fn look(&self, connections: usize) -> Look<'_> {
        let mut state = self.state();
        if let Some(lane) = state.low_lane() {
            return Look::Low(lane);
        }
        // Until it is known what a lane has, the shares of the others are not.
        let is_unknown = |lane: Lane| state.is_filling[lane] && state.ready[lane].is_empty();
        if Lane::ALL.into_iter().any(is_unknown) {
            // Made before the lock is let go, so that it misses nothing.
            return Look::Filling(self.filled.notified());
        }
        let now = self.started.elapsed();
        let turn = state.take_turns(now);
        let accepted = self.failures().count_accepted();
        Look::Found(match (state.take(connections, accepted), turn) {
            (Some(held), _) => Next::Delivery(Box::new(held)),
            (None, Some(turn)) => Next::Wait(turn.saturating_sub(now)),
            (None, None) if state.is_canary_out => Next::Wait(LOOK_AT_CANARY),
            (None, None) => Next::Nothing,
        })
    }

    /// The delivery that comes behind one of this lane on its connection, if there is one. It
    /// counts as in hand only when it is [taken up](Self::take_up).
    ///
    /// Where a lane is low the store is asked first: a connection on which one message follows
    /// the other does not come to [`Supply::next`] before there are none.
    pub(super) async fn next_behind(
        &self,
        lane: Lane,
        connections: usize,
    ) -> Result<Option<Held>, StoreError> {
        self.fill_low().await?;
        let mut state = self.state();
        let now = self.started.elapsed();
        state.take_turns(now);
        let mut in_hand = state.in_hand;
        in_hand[lane] = in_hand[lane].saturating_sub(1);
        Ok(state.choose(in_hand, connections))
    }

    /// What came behind another is next now.
    pub(super) fn take_up(&self, held: &mut Held) {
        self.state().count(held);
    }

    /// The state; nothing waits while it is locked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A delivery found its outcome, or was given back to the store.
    pub(super) fn done(&self, mut held: Held) {
        self.state().lay_down(&mut held);
    }

    /// A delivery that was not tried comes next again.
    pub(super) fn put_back(&self, mut held: Held) {
        let mut state = self.state();
        state.lay_down(&mut held);
        state.ready[held.lane].push_front(held);
    }

    /// A delivery during which the relay failed comes behind the others.
    pub(super) fn put_back_failed(&self, mut held: Held) {
        let place = self.failures().place(&held.claim);
        let mut state = self.state();
        state.lay_down(&mut held);
        state.line_up(held, place);
    }

    /// The relay failed while this delivery was under way: what becomes of it, which may be the
    /// cause.
    pub(super) fn failed_at(&self, claim: &Claim, why: String) -> Outcome {
        let now = self.clock.now();
        let rest = self.failures().note(claim, now);
        if rest.is_zero() {
            Outcome::Unsent { why, rest }
        } else {
            Outcome::LaidAside { why, rest }
        }
    }

    /// The relay took a message: failures before it and after it are not one and the same.
    pub(super) fn accepted(&self) {
        self.failures().accepted();
        self.refusals().taken();
    }

    /// The refusals; nothing waits while they are locked, nor is anything else locked.
    pub(super) fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The failures; nothing waits while they are locked, nor is anything else locked.
    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives all claims that nobody holds back to the store.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        {
            let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
            for (group, waiting) in &self.state().waiting {
                for _ in waiting {
                    rates.give_back(*group);
                }
            }
        }
        self.give_back(|_| true).await
    }

    /// Gives back the claims of a run that was paused.
    pub(super) async fn drop_run(&self, run: i64) -> Result<(), StoreError> {
        self.give_back(|claim| claim.run == run).await
    }

    async fn give_back(&self, is_meant: impl Fn(&Claim) -> bool) -> Result<(), StoreError> {
        let claims = self.state().take_claims(is_meant);
        if claims.is_empty() {
            return Ok(());
        }
        failpoint::reach("at-release");
        let claims: Vec<_> = claims.into_iter().map(|claim| (claim, None)).collect();
        self.store.release(&claims).await
    }

    /// Looks at the first deliveries of runs whose others wait for them.
    async fn look_at_canaries(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut is_out = false;
        for canary in self.store.canaries().await? {
            let run = canary.run;
            match verdict(&canary) {
                Verdict::Wait => is_out |= canary.in_hand > 0,
                Verdict::Widen(by) => self.store.widen_canary(run, by).await?,
                Verdict::GoOn => {
                    self.store.end_canary(run).await?;
                    info!(run, first = canary.first, "the first were taken: the others follow");
                }
                Verdict::Pause(reason) => {
                    let refused = self.refusals().free(run);
                    let freed = self.store.pause_refused(run, &reason, &refused, now).await?;
                    error!(run, freed, "paused: {reason}");
                    self.drop_run(run).await?;
                }
            }
        }
        self.state().is_canary_out = is_out;
        Ok(())
    }

    /// The relay failed at one of the first of a run: where all others of them are tried, one
    /// more shows whether it was the relay.
    pub(super) async fn look_beyond_canary(&self, run: i64) -> Result<(), StoreError> {
        if !self.state().ready[Lane::Digests].is_empty() {
            return Ok(());
        }
        let canaries = self.store.canaries().await?;
        if canaries.iter().any(|canary| canary.run == run && may_widen(canary)) {
            self.store.widen_canary(run, 1).await?;
            self.state().empty_since[Lane::Digests] = None;
        }
        Ok(())
    }

    async fn refill(&self, lane: Lane) -> Result<(), StoreError> {
        if lane != Lane::Confirmations && self.only_answers.load(Ordering::Relaxed) {
            self.state().empty_since[lane] = Some(Instant::now());
            return Ok(());
        }
        if lane == Lane::Digests {
            self.look_at_canaries().await?;
        }
        let now = self.clock.now();
        let request = ClaimRequest {
            owner: self.owner.clone(),
            lane,
            now,
            lease_until: now + LEASE,
            limit: if lane == Lane::Digests { BATCH } else { SMALL_BATCH },
            windows: self.windows.state(now),
            may_be_stand_in: self.may_be_stand_in,
        };
        let claims = self.store.claim_due(&request).await?;
        if !claims.is_empty() {
            failpoint::reach("after-claim");
        }
        let claims: Vec<(Option<Place>, Claim)> = {
            let failures = self.failures();
            claims.into_iter().map(|claim| (failures.place(&claim), claim)).collect()
        };
        let far = {
            let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
            let since_start = self.started.elapsed();
            self.state().accept(lane, claims, &self.limits, &mut rates, since_start)
        };
        if far.is_empty() {
            return Ok(());
        }
        let far: Vec<_> = far
            .into_iter()
            .map(|(wait, claim)| (claim, TimeDelta::from_std(wait).ok().map(|wait| now + wait)))
            .collect();
        self.store.release(&far).await
    }
}

impl State {
    /// A lane that the caller is to fill now.
    fn low_lane(&mut self) -> Option<Lane> {
        let lane = Lane::ALL.into_iter().find(|lane| self.is_low(*lane))?;
        self.is_filling[lane] = true;
        Some(lane)
    }

    /// Whether the store is to be asked for more of this lane.
    fn is_low(&self, lane: Lane) -> bool {
        let (low_water, look_again) = match lane {
            Lane::Digests if self.is_canary_out => (LOW_WATER, LOOK_AT_CANARY),
            Lane::Digests => (LOW_WATER, LOOK_AGAIN),
            _ => (0, LOOK_AGAIN),
        };
        self.ready[lane].len() <= low_water
            && !self.is_filling[lane]
            && self.empty_since[lane].is_none_or(|since| since.elapsed() >= look_again)
    }

    /// Makes claims ready, or has them wait for their turn; gives back those whose turn is too
    /// far off, by how far.
    fn accept(
        &mut self,
        lane: Lane,
        claims: Vec<(Option<Place>, Claim)>,
        limits: &RelayLimits,
        rates: &mut Rates,
        since_start: Duration,
    ) -> Vec<(Duration, Claim)> {
        self.empty_since[lane] = claims.is_empty().then(Instant::now);
        let mut far = Vec::new();
        for (place, claim) in claims {
            let Some((group, per_second)) = limits.group_of(&claim.domain) else {
                self.line_up(Held { claim, lane, is_counted: false }, place);
                continue;
            };
            match rates.reserve(group, per_second, since_start) {
                Turn::Soon(at) => {
                    let waiting = self.waiting.entry(group).or_default();
                    waiting.push_back((at, lane, place, claim));
                }
                Turn::Far(wait) => far.push((wait, claim)),
            }
        }
        far
    }

    /// The delivery that one of so many connections serves next.
    fn take(&mut self, connections: usize, accepted: u64) -> Option<Held> {
        let held = match self.behind.first_entry() {
            Some(first) if first.get().0.until <= accepted => Some(first.remove().1),
            _ => self.choose(self.in_hand, connections),
        };
        let mut held = held.or_else(|| self.behind.pop_first().map(|(_, (_, held))| held))?;
        self.count(&mut held);
        Some(held)
    }

    fn line_up(&mut self, held: Held, place: Option<Place>) {
        match place {
            None => self.ready[held.lane].push_back(held),
            Some(place) => drop(self.behind.insert(place.number, (place, held))),
        }
    }

    fn choose(&mut self, in_hand: PerLane<usize>, connections: usize) -> Option<Held> {
        let has_mail = PerLane(self.ready.0.each_ref().map(|ready| !ready.is_empty()));
        self.ready[choose(has_mail, in_hand, connections)?].pop_front()
    }

    fn count(&mut self, held: &mut Held) {
        if !std::mem::replace(&mut held.is_counted, true) {
            self.in_hand[held.lane] += 1;
        }
    }

    fn lay_down(&mut self, held: &mut Held) {
        if std::mem::take(&mut held.is_counted) {
            self.in_hand[held.lane] -= 1;
        }
    }

    /// Takes out the claims that are meant and that nobody holds.
    fn take_claims(&mut self, is_meant: impl Fn(&Claim) -> bool) -> Vec<Claim> {
        let mut claims = Vec::new();
        for ready in &mut self.ready.0 {
            let (meant, others) =
                std::mem::take(ready).into_iter().partition(|held| is_meant(&held.claim));
            *ready = others;
            let meant: VecDeque<Held> = meant;
            claims.extend(meant.into_iter().map(|held| held.claim));
        }
        for waiting in self.waiting.values_mut() {
            let (meant, others): (VecDeque<_>, _) =
                std::mem::take(waiting).into_iter().partition(|(.., claim)| is_meant(claim));
            *waiting = others;
            claims.extend(meant.into_iter().map(|(.., claim)| claim));
        }
        let behind = self.behind.extract_if(.., |_, (_, held)| is_meant(&held.claim));
        claims.extend(behind.map(|(_, (_, held))| held.claim));
        claims
    }

    /// Makes those ready whose turn has come; says when the next one's is.
    fn take_turns(&mut self, now: Duration) -> Option<Duration> {
        let (mut next, mut due) = (None, Vec::new());
        for waiting in self.waiting.values_mut() {
            while let Some((_, lane, place, claim)) = waiting.pop_front_if(|(at, ..)| *at <= now) {
                due.push((Held { claim, lane, is_counted: false }, place));
            }
            let first = waiting.front().map(|(at, ..)| *at);
            next = [next, first].into_iter().flatten().min();
        }
        for (held, place) in due {
            self.line_up(held, place);
        }
        next
    }
}

#[cfg(test)]
mod tests;
