//! Claims: which deliveries are taken in hand, run by run.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, params};

use super::super::outbox::NEVER;
use super::super::{During, Result, json, moment};
use super::Ledger;
use crate::digest::CORRECTION;
use crate::digest::windows::WindowState;
use crate::outbox::lane::{Lane, PASS_WINDOWS};
use crate::store::{Answered, Claim, ClaimRequest};

impl Ledger<'_> {
    pub(in crate::store::sqlite) fn claim_due(
        &mut self,
        request: &ClaimRequest,
    ) -> Result<Vec<Claim>> {
        let action = "claim deliveries";
        let mut claims: Vec<Claim> = Vec::new();
        let mut left = request.limit;
        let now = request.now.timestamp();
        for run in self.sending_runs(request.lane, request.windows)? {
            if left == 0 {
                break;
            }
            let lease_until = request.lease_until.timestamp();
            let claim = |row: &Row<'_>| claim(row, &run, request.may_be_stand_in);
            let rows = match run.canary {
                None => {
                    let values = params![run.id, now, left, request.owner, lease_until];
                    self.claim.query_map(values, claim)
                }
                Some(last) => {
                    let values = params![run.id, now, left, request.owner, lease_until, last];
                    self.claim_first.query_map(values, claim)
                }
            };
            let rows = rows.during(action)?;
            let mut of_run: Vec<(i64, Claim)> = Vec::new();
            for row in rows {
                match row.during(action)? {
                    Ok(claim) => of_run.push(claim),
                    Err(Gone { subscriber, fence }) => {
                        let values = params![run.id, subscriber, fence, now, true, NEVER];
                        self.refuse.execute(values).during(action)?;
                    }
                }
            }
            left = left.saturating_sub(u32::try_from(of_run.len()).unwrap_or(u32::MAX));
            if run.digest == CORRECTION {
                for (_, claim) in &mut of_run {
                    claim.answers = self.answered(claim)?;
                }
            }
            of_run.sort_unstable_by_key(|(next_at, claim)| (*next_at, claim.subscriber));
            claims.extend(of_run.into_iter().map(|(_, claim)| claim));
        }
        Ok(claims)
    }

    /// The mail that a correction answers.
    fn answered(&self, claim: &Claim) -> Result<Option<Answered>> {
        let answered = |row: &Row<'_>| {
            let (run, dated_at, token_key) = (row.get(0)?, moment(row.get(1)?), row.get(2)?);
            Ok(Answered { run, dated_at, token_key })
        };
        let key = params![claim.run, claim.subscriber];
        let found = self.connection.query_row(ANSWERED, key, answered).optional();
        found.during("claim deliveries")
    }

    /// Runs that send, of the digests of one lane, oldest first.
    fn sending_runs(&self, lane: Lane, windows: WindowState) -> Result<Vec<SendingRun>> {
        let all_reserved: Vec<&str> =
            Lane::ALL.iter().flat_map(|lane| lane.digests()).copied().collect();
        let (names, is_rest) = match lane {
            Lane::Digests => (all_reserved, true),
            lane => (lane.digests().to_vec(), false),
        };
        let action = "claim deliveries";
        let mut runs = self.connection.prepare(SENDING_RUNS).during(action)?;
        let run = |row: &Row<'_>| {
            Ok(SendingRun {
                id: row.get(0)?,
                digest: row.get(1)?,
                created_at: moment(row.get(2)?),
                canary: row.get(3)?,
            })
        };
        let is_open = windows == WindowState::Open;
        let values = params![json(&names), is_rest, is_open, json(&PASS_WINDOWS)];
        let runs = runs.query_map(values, run).during(action)?;
        runs.collect::<rusqlite::Result<_>>().during(action)
    }
}

struct SendingRun {
    id: i64,
    digest: String,
    created_at: DateTime<Utc>,
    /// The last of its first few people, while the others wait.
    canary: Option<i64>,
}

/// A delivery to somebody whose address is no more: who was erased has left.
struct Gone {
    subscriber: i64,
    fence: i64,
}

/// A claim with its `next_at`.
fn claim(
    row: &Row<'_>,
    run: &SendingRun,
    may_be_stand_in: bool,
) -> rusqlite::Result<std::result::Result<(i64, Claim), Gone>> {
    let (Some(address_key), Some(address_cipher)) = (row.get(9)?, row.get(10)?) else {
        return Ok(Err(Gone { subscriber: row.get(0)?, fence: row.get(2)? }));
    };
    let claim = Claim {
        run: run.id,
        subscriber: row.get(0)?,
        issue: row.get(1)?,
        digest: run.digest.clone(),
        fence: row.get(2)?,
        attempt: row.get(3)?,
        unknowns: row.get(4)?,
        may_be_stand_in,
        token_key: row.get(5)?,
        dated_at: moment(row.get(6)?),
        created_at: run.created_at,
        address_key,
        address_version: row.get(8)?,
        address_cipher,
        domain: row.get(11)?,
        dkim_selector: row.get(12)?,
        answers: None,
    };
    Ok(Ok((row.get(7)?, claim)))
}

const SENDING_RUNS: &str = "
    select r.id, d.name, r.created_at, r.canary
    from run r join digest d on d.id = r.digest_id
    where r.state = 'sending'
      and (d.name in (select value from json_each(?1))) <> ?2
      and (?3 or r.passes_windows = 1 or d.name in (select value from json_each(?4)))
    order by r.id";

/// Of the first few people; the plus signs keep SQLite from going through all that is due.
pub(super) const DUE_FIRST: &str = "subscriber_id <= ?6 and +next_at <= ?2 order by +next_at";

pub(super) const DUE: &str = "next_at <= ?2 order by next_at";

pub(super) fn claim_of(due: &str) -> String {
    CLAIM.replace("{due}", due)
}

const CLAIM: &str = "
    update delivery set state = 'claimed', owner = ?4, lease_until = ?5,
        fence = fence + 1, changed_at = ?2
    where run_id = ?1 and subscriber_id in (select subscriber_id from delivery
        where run_id = ?1 and state in ('pending', 'uncertain') and {due},
            subscriber_id limit ?3)
    returning subscriber_id, issue_id, fence, attempt, unknowns, token_key, dated_at,
        next_at, address_version,
        (select a.key_id from address a where a.subscriber_id = delivery.subscriber_id
            and a.version = delivery.address_version),
        (select a.cipher from address a where a.subscriber_id = delivery.subscriber_id
            and a.version = delivery.address_version),
        (select domain from subscriber where id = delivery.subscriber_id),
        dkim_selector";

const ANSWERED: &str = "
    select a.run_id, a.dated_at, a.token_key
    from delivery d join delivery a on a.run_id = d.answers_run
        and a.subscriber_id = d.subscriber_id
    where d.run_id = ?1 and d.subscriber_id = ?2";
