//! Errands: asked for on a page, mailed by runs of their own, finished by the link in the mail.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::people::{Follow, end, follow, subscriber};
use super::{During, Result, audit, from_json, json, moment, planning};
use crate::hash::hash;
use crate::model::Language;
use crate::store::{
    AskedFor, ConsentRecord, EndOfSubscription, ErrandRecord, ErrandRun, Finished, NewSubscription,
    Outcome, OwnErrand, PersonalData, SealedAddress, SignUp, StoreError,
};
use crate::subscribers::errand::{ErrandKind, counted_since, may_be_asked};

const ASK: &str = "write down what somebody asks for";
const FINISH: &str = "do what a link stands for";

/// Somebody who asks for the same on their own page is mailed once in so long, unless they have
/// used what they were mailed.
const OWN_PAUSE: TimeDelta = TimeDelta::minutes(10);

pub(super) async fn sign_up(
    writer: &mut SqliteConnection,
    sign_up: &SignUp,
    now: DateTime<Utc>,
) -> Result<AskedFor> {
    let SignUp { address, wants, language, source, wording, asked_at } = sign_up;
    if is_suppressed(writer, &address.lookup).await? {
        return Ok(AskedFor::Suppressed);
    }
    if !count_question(writer, &address.lookup, now).await? {
        return Ok(AskedFor::TooOften);
    }
    let person = NewSubscription {
        lookup: address.lookup.clone(),
        address_key: address.key,
        address_cipher: address.cipher.clone(),
        domain: address.domain.clone(),
        language: language.clone(),
        feed: String::new(),
        digest: String::new(),
        is_confirmed: false,
        is_rehearsal: false,
        source: source.clone(),
        wording: wording.clone(),
    };
    let (id, _) = subscriber(writer, &person, *asked_at).await?;
    for (feed, digest) in wants {
        let wanted = Follow { feed, digest, is_confirmed: false, source, wording };
        follow(writer, id, &wanted, *asked_at).await?;
    }
    audit::consents(writer, now).await?;
    add(writer, id, ErrandKind::Confirm, language.as_str(), wants, (source, wording), now).await?;
    Ok(AskedFor::Waits)
}

/// Counts a mail to an address towards what it may be asked; `false` where that is used up.
async fn count_question(
    writer: &mut SqliteConnection,
    lookup: &[u8],
    now: DateTime<Utc>,
) -> Result<bool> {
    let since = counted_since(now).timestamp();
    sqlx::query("delete from asked where at <= $1")
        .bind(since)
        .execute(&mut *writer)
        .await
        .during(ASK)?;
    let earlier: Vec<i64> = sqlx::query_scalar("select at from asked where lookup = $1")
        .bind(lookup)
        .fetch_all(&mut *writer)
        .await
        .during(ASK)?;
    let earlier: Vec<DateTime<Utc>> = earlier.into_iter().map(moment).collect();
    if !may_be_asked(&earlier, now) {
        return Ok(false);
    }
    sqlx::query("insert into asked (lookup, at) values ($1, $2)")
        .bind(lookup)
        .bind(now.timestamp())
        .execute(writer)
        .await
        .during(ASK)?;
    Ok(true)
}

async fn is_suppressed(reader: &mut SqliteConnection, lookup: &[u8]) -> Result<bool> {
    sqlx::query_scalar("select exists (select 1 from suppression where lookup = $1)")
        .bind(lookup)
        .fetch_one(reader)
        .await
        .during(ASK)
}

/// One errand that waits for its mail, to the address a person has.
async fn add(
    writer: &mut SqliteConnection,
    subscriber: i64,
    kind: ErrandKind,
    language: &str,
    wants: &BTreeMap<String, String>,
    (source, wording): (&str, &str),
    now: DateTime<Utc>,
) -> Result<i64> {
    sqlx::query_scalar(
        "insert into errand (subscriber_id, kind, address_version, language, wants, source,
             wording, asked_at, expires_at)
         select $1, $2, s.address_version, $3, $4, $5, $6, $7, $8 from subscriber s where s.id = $1
         returning id",
    )
    .bind(subscriber)
    .bind(kind.name())
    .bind(language)
    .bind(json(wants))
    .bind(source)
    .bind(wording)
    .bind(now.timestamp())
    .bind((now + kind.lasts()).timestamp())
    .fetch_one(writer)
    .await
    .during(ASK)
}

/// What a person asks for on a page of theirs: a link to their data, or to be written to at
/// another address.
pub(super) async fn ask(
    writer: &mut SqliteConnection,
    asked: &OwnErrand,
    now: DateTime<Utc>,
) -> Result<AskedFor> {
    let OwnErrand { subscriber, kind, address, source, wording } = asked;
    let person: Option<(Vec<u8>, String)> = sqlx::query_as(
        "select lookup, language from subscriber where id = $1 and erased_at is null",
    )
    .bind(subscriber)
    .fetch_optional(&mut *writer)
    .await
    .during(ASK)?;
    let Some((lookup, language)) = person else { return Ok(AskedFor::Unknown) };
    if is_suppressed(writer, &lookup).await? {
        return Ok(AskedFor::Suppressed);
    }
    let was_asked_lately: bool = sqlx::query_scalar(
        "select exists (select 1 from errand where subscriber_id = $1 and kind = $2
             and asked_at > $3 and opened_at is null and ended_at is null)",
    )
    .bind(subscriber)
    .bind(kind.name())
    .bind((now - OWN_PAUSE).timestamp())
    .fetch_one(&mut *writer)
    .await
    .during(ASK)?;
    if was_asked_lately {
        return Ok(AskedFor::TooOften);
    }
    if let Some(address) = address {
        if is_taken(writer, &address.lookup, *subscriber).await? {
            return Ok(AskedFor::Taken);
        }
        if is_suppressed(writer, &address.lookup).await? {
            return Ok(AskedFor::Suppressed);
        }
        if !count_question(writer, &address.lookup, now).await? {
            return Ok(AskedFor::TooOften);
        }
    }
    let words = (source.as_str(), wording.as_str());
    let errand = add(writer, *subscriber, *kind, &language, &BTreeMap::new(), words, now).await?;
    if let Some(address) = address {
        let version = add_address(writer, *subscriber, address).await?;
        sqlx::query("update errand set address_version = $2, wants = $3 where id = $1")
            .bind(errand)
            .bind(version)
            .bind(json(&Destination::of(address)))
            .execute(writer)
            .await
            .during(ASK)?;
    }
    Ok(AskedFor::Waits)
}

/// Whether an address is that of somebody else who gets something.
async fn is_taken(reader: &mut SqliteConnection, lookup: &[u8], subscriber: i64) -> Result<bool> {
    sqlx::query_scalar("select exists (select 1 from subscriber where lookup = $1 and id <> $2)")
        .bind(lookup)
        .bind(subscriber)
        .fetch_one(reader)
        .await
        .during(ASK)
}

/// What is to be known of an address once it is somebody's; kept where other errands keep what is
/// wanted.
#[derive(serde::Serialize, serde::Deserialize)]
struct Destination {
    lookup: String,
    domain: String,
}

impl Destination {
    fn of(address: &SealedAddress) -> Self {
        let lookup = data_encoding::HEXLOWER.encode(&address.lookup);
        Self { lookup, domain: address.domain.clone() }
    }
}

/// A further address of a person, which is not theirs yet.
async fn add_address(
    writer: &mut SqliteConnection,
    subscriber: i64,
    address: &SealedAddress,
) -> Result<i64> {
    sqlx::query_scalar(
        "insert into address (subscriber_id, version, key_id, cipher)
         select $1, max(version) + 1, $2, $3 from address where subscriber_id = $1
         returning version",
    )
    .bind(subscriber)
    .bind(address.key)
    .bind(&address.cipher)
    .fetch_one(writer)
    .await
    .during(ASK)
}

#[derive(FromRow)]
struct Row {
    id: i64,
    subscriber_id: i64,
    kind: String,
    language: String,
    wants: String,
    asked_at: i64,
    expires_at: i64,
    opened_at: Option<i64>,
    outcome: Option<String>,
    key_id: Option<i64>,
    cipher: Option<Vec<u8>>,
}

/// Errands with the address that their mail goes to.
macro_rules! errands {
    ($which:literal) => {
        concat!(
            "select e.id, e.subscriber_id, e.kind, e.language, e.wants, e.asked_at, e.expires_at,
                 e.opened_at, e.outcome, a.key_id, a.cipher
             from errand e left join address a
                 on a.subscriber_id = e.subscriber_id and a.version = e.address_version
             where ",
            $which
        )
    };
}

impl Row {
    fn record(self) -> Result<ErrandRecord> {
        let wrong = |what, value: &str| StoreError::Value { what, value: value.to_owned() };
        let kind = ErrandKind::of(&self.kind).ok_or_else(|| wrong("errand", &self.kind))?;
        let language: Language =
            self.language.parse().map_err(|_| wrong("language", &self.language))?;
        let wants = match kind {
            ErrandKind::Confirm => from_json("wanted feeds", &self.wants)?,
            _ => BTreeMap::new(),
        };
        Ok(ErrandRecord {
            id: self.id,
            subscriber: self.subscriber_id,
            kind,
            language,
            wants,
            asked_at: moment(self.asked_at),
            expires_at: moment(self.expires_at),
            opened_at: self.opened_at.map(moment),
            outcome: self.outcome.map(|outcome| match outcome.as_str() {
                "done" => Outcome::Done,
                "refused" => Outcome::Refused,
                _ => Outcome::Expired,
            }),
            address: self.key_id.zip(self.cipher),
        })
    }
}

/// Those whose mail is to be made, oldest first.
pub(super) async fn waiting(
    reader: &mut SqliteConnection,
    limit: usize,
) -> Result<Vec<ErrandRecord>> {
    let rows: Vec<Row> =
        sqlx::query_as(errands!("e.run_id is null and e.ended_at is null order by e.id limit $1"))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(reader)
            .await
            .during("read what people ask for")?;
    rows.into_iter().map(Row::record).collect()
}

pub(super) async fn by_mail(
    reader: &mut SqliteConnection,
    run: i64,
    subscriber: i64,
) -> Result<Option<ErrandRecord>> {
    let row: Option<Row> = sqlx::query_as(errands!("e.run_id = $1 and e.subscriber_id = $2"))
        .bind(run)
        .bind(subscriber)
        .fetch_optional(reader)
        .await
        .during("read what somebody asked for")?;
    row.map(Row::record).transpose()
}

/// Starts a run whose mail answers errands, ready to be expanded: it is there with all that it
/// needs, or not at all.
pub(super) async fn start(
    writer: &mut SqliteConnection,
    run: &ErrandRun,
    now: DateTime<Utc>,
) -> Result<i64> {
    let action = "start a run for errands";
    sqlx::query(
        "insert into digest (name, registered_seq, registered_at)
         values ($1, (select coalesce(max(seq), 0) from change), $2) on conflict do nothing",
    )
    .bind(run.digest)
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?;
    let ids: Vec<i64> = run.recipients.iter().map(|(errand, ..)| *errand).collect();
    let plan = hash(json(&(run.digest, &ids)).as_bytes());
    let id: i64 = sqlx::query_scalar(
        "insert into run (digest_id, key, from_seq, to_seq, advances, state, plan_hash,
             recipients, created_at)
         select g.id, $2, c.seq, c.seq, 0, 'expanding', $3, $4, $5
         from digest g, (select coalesce(max(seq), 0) as seq from change) c where g.name = $1
         returning id",
    )
    .bind(run.digest)
    .bind(format!("asked:{}", ids.first().copied().unwrap_or_default()))
    .bind(&plan)
    .bind(i64::try_from(ids.len()).unwrap_or(i64::MAX))
    .bind(now.timestamp())
    .fetch_one(&mut *writer)
    .await
    .during(action)?;
    let mut issues = Vec::with_capacity(run.issues.len());
    for issue in &run.issues {
        issues.push(planning::add_issue(writer, id, issue).await?);
    }
    let recipients: Vec<(i64, i64)> =
        run.recipients.iter().map(|(_, who, issue)| (*who, issues[*issue])).collect();
    sqlx::query("insert into run_page (run_id, page, recipients) values ($1, 0, $2)")
        .bind(id)
        .bind(json(&recipients))
        .execute(&mut *writer)
        .await
        .during(action)?;
    sqlx::query("update errand set run_id = $1 where id in (select value from json_each($2))")
        .bind(id)
        .bind(json(&ids))
        .execute(&mut *writer)
        .await
        .during(action)?;
    audit::opened(writer, id, now).await?;
    Ok(id)
}

/// Does what somebody asked for, who has the mail in hand.
pub(super) async fn finish(
    writer: &mut SqliteConnection,
    (run, who): (i64, i64),
    now: DateTime<Utc>,
) -> Result<Finished> {
    let Some(errand) = by_mail(writer, run, who).await? else { return Ok(Finished::Unknown) };
    if !errand.is_open(now) {
        return Ok(Finished::Before);
    }
    match errand.kind {
        ErrandKind::Confirm => confirm(writer, &errand, now).await?,
        ErrandKind::Move => {
            if !move_to(writer, &errand, now).await? {
                return Ok(Finished::Taken);
            }
        }
        ErrandKind::SelfService | ErrandKind::Moved => return Ok(Finished::Unknown),
    }
    close(writer, errand.id, Outcome::Done, now).await?;
    Ok(Finished::Done)
}

async fn confirm(
    writer: &mut SqliteConnection,
    errand: &ErrandRecord,
    now: DateTime<Utc>,
) -> Result<()> {
    let (source, wording): (String, String) =
        sqlx::query_as("select source, wording from errand where id = $1")
            .bind(errand.id)
            .fetch_one(&mut *writer)
            .await
            .during(FINISH)?;
    for (feed, digest) in &errand.wants {
        let is_known: bool =
            sqlx::query_scalar("select exists (select 1 from digest where name = $1)")
                .bind(digest)
                .fetch_one(&mut *writer)
                .await
                .during(FINISH)?;
        if is_known {
            let wanted =
                Follow { feed, digest, is_confirmed: true, source: &source, wording: &wording };
            follow(writer, errand.subscriber, &wanted, now).await?;
        }
    }
    sqlx::query("update subscriber set language = $2 where id = $1")
        .bind(errand.subscriber)
        .bind(errand.language.as_str())
        .execute(&mut *writer)
        .await
        .during(FINISH)?;
    audit::consents(writer, now).await
}

/// Makes the address that the mail reached theirs. `false` where it is somebody else's by now.
async fn move_to(
    writer: &mut SqliteConnection,
    errand: &ErrandRecord,
    now: DateTime<Utc>,
) -> Result<bool> {
    let (to, version, old): (String, i64, i64) = sqlx::query_as(
        "select e.wants, e.address_version, s.address_version
         from errand e join subscriber s on s.id = e.subscriber_id where e.id = $1",
    )
    .bind(errand.id)
    .fetch_one(&mut *writer)
    .await
    .during(FINISH)?;
    let Destination { lookup, domain } = from_json("new address", &to)?;
    let lookup = data_encoding::HEXLOWER
        .decode(lookup.as_bytes())
        .map_err(|_| StoreError::Value { what: "address", value: lookup.clone() })?;
    if is_taken(writer, &lookup, errand.subscriber).await? {
        return Ok(false);
    }
    sqlx::query(
        "update subscriber set lookup = $2, domain = $3, address_version = $4 where id = $1",
    )
    .bind(errand.subscriber)
    .bind(&lookup)
    .bind(&domain)
    .bind(version)
    .execute(&mut *writer)
    .await
    .during(FINISH)?;
    sqlx::query(
        "insert into consent (subscriber_id, feed, digest, action, at, source, reason)
         select c.subscriber_id, c.feed, g.name, 'changed', $2, 'page', 'address'
         from subscription c join digest g on g.id = c.digest_id
         where c.subscriber_id = $1 and c.state = 'confirmed'",
    )
    .bind(errand.subscriber)
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(FINISH)?;
    audit::consents(writer, now).await?;
    // The old address is told, should it have been somebody else who had the link.
    let words = ("page", "");
    let language = errand.language.as_str();
    let notice = ErrandKind::Moved;
    let told =
        add(writer, errand.subscriber, notice, language, &BTreeMap::new(), words, now).await?;
    sqlx::query("update errand set address_version = $2 where id = $1")
        .bind(told)
        .bind(old)
        .execute(writer)
        .await
        .during(FINISH)?;
    Ok(true)
}

/// Ends an errand that somebody else asked for, and with one sign-up all others that wait. Who
/// gets nothing else is forgotten.
pub(super) async fn refuse(
    writer: &mut SqliteConnection,
    (run, who): (i64, i64),
    now: DateTime<Utc>,
) -> Result<Finished> {
    let Some(errand) = by_mail(writer, run, who).await? else { return Ok(Finished::Unknown) };
    if !errand.is_open(now) {
        return Ok(Finished::Before);
    }
    let mut refused = vec![errand];
    if refused[0].kind == ErrandKind::Confirm {
        refused.extend(other_sign_ups(writer, &refused[0]).await?);
    }
    for errand in &refused {
        close(writer, errand.id, Outcome::Refused, now).await?;
    }
    for errand in &refused {
        give_up(writer, errand, "not me", now).await?;
    }
    Ok(Finished::Done)
}

/// What else was asked for in the name of the same person, and is not confirmed either.
async fn other_sign_ups(
    reader: &mut SqliteConnection,
    errand: &ErrandRecord,
) -> Result<Vec<ErrandRecord>> {
    let rows: Vec<Row> = sqlx::query_as(errands!(
        "e.subscriber_id = $1 and e.kind = 'confirm' and e.ended_at is null and e.id <> $2"
    ))
    .bind(errand.subscriber)
    .bind(errand.id)
    .fetch_all(reader)
    .await
    .during(FINISH)?;
    rows.into_iter().map(Row::record).collect()
}

/// What was asked for and not confirmed is ended, and an address that nothing goes to forgotten.
async fn give_up(
    writer: &mut SqliteConnection,
    errand: &ErrandRecord,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    if errand.kind == ErrandKind::Move {
        // It never was theirs.
        sqlx::query(
            "delete from address where subscriber_id = $1
                 and version = (select address_version from errand where id = $2)
                 and version <> (select address_version from subscriber where id = $1)",
        )
        .bind(errand.subscriber)
        .bind(errand.id)
        .execute(writer)
        .await
        .during(FINISH)?;
        return Ok(());
    }
    if errand.kind != ErrandKind::Confirm {
        return Ok(());
    }
    let pending: Vec<String> = sqlx::query_scalar(
        "select feed from subscription where subscriber_id = $1 and state = 'pending'",
    )
    .bind(errand.subscriber)
    .fetch_all(&mut *writer)
    .await
    .during(FINISH)?;
    for feed in pending.into_iter().filter(|feed| errand.wants.contains_key(feed)) {
        let ended = EndOfSubscription {
            subscriber: errand.subscriber,
            digest: None,
            feed: Some(feed),
            source: "page".into(),
            reason: reason.into(),
        };
        end(writer, &ended, now).await?;
    }
    audit::consents(writer, now).await?;
    let was_ever_confirmed: bool = sqlx::query_scalar(
        "select exists (select 1 from subscription where subscriber_id = $1
             and confirmed_at is not null)
         or exists (select 1 from errand where subscriber_id = $1 and ended_at is null)",
    )
    .bind(errand.subscriber)
    .fetch_one(&mut *writer)
    .await
    .during(FINISH)?;
    if !was_ever_confirmed {
        forget(writer, errand.subscriber, now).await?;
    }
    Ok(())
}

async fn close(
    writer: &mut SqliteConnection,
    errand: i64,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<()> {
    let outcome = match outcome {
        Outcome::Done => "done",
        Outcome::Refused => "refused",
        Outcome::Expired => "expired",
    };
    sqlx::query("update errand set ended_at = $2, outcome = $3 where id = $1 and ended_at is null")
        .bind(errand)
        .bind(now.timestamp())
        .bind(outcome)
        .execute(writer)
        .await
        .during(FINISH)?;
    Ok(())
}

/// Opens the page behind a link that opens once; `false` where it was opened before, or is too
/// late.
pub(super) async fn open(
    writer: &mut SqliteConnection,
    (run, who): (i64, i64),
    now: DateTime<Utc>,
) -> Result<bool> {
    let opened = sqlx::query(
        "update errand set opened_at = $3
         where run_id = $1 and subscriber_id = $2 and kind = 'self' and opened_at is null
             and ended_at is null and expires_at > $3",
    )
    .bind(run)
    .bind(who)
    .bind(now.timestamp())
    .execute(writer)
    .await
    .during(FINISH)?;
    Ok(opened.rows_affected() == 1)
}

/// Ends what nobody finished in time; gives how many.
pub(super) async fn end_expired(writer: &mut SqliteConnection, now: DateTime<Utc>) -> Result<u64> {
    let rows: Vec<Row> = sqlx::query_as(errands!(
        "e.ended_at is null and e.expires_at <= $1 order by e.id limit 1000"
    ))
    .bind(now.timestamp())
    .fetch_all(&mut *writer)
    .await
    .during(FINISH)?;
    let mut ended = 0;
    for row in rows {
        let errand = row.record()?;
        close(writer, errand.id, Outcome::Expired, now).await?;
        give_up(writer, &errand, "not confirmed in time", now).await?;
        ended += 1;
    }
    Ok(ended)
}

/// Ends everything of a person and unties what is kept from their address.
pub(super) async fn erase(
    writer: &mut SqliteConnection,
    who: i64,
    source: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let is_there: bool = sqlx::query_scalar(
        "select exists (select 1 from subscriber where id = $1 and erased_at is null)",
    )
    .bind(who)
    .fetch_one(&mut *writer)
    .await
    .during(FINISH)?;
    if !is_there {
        return Ok(false);
    }
    let ended = EndOfSubscription {
        subscriber: who,
        digest: None,
        feed: None,
        source: source.to_owned(),
        reason: "erased".into(),
    };
    end(writer, &ended, now).await?;
    audit::consents(writer, now).await?;
    forget(writer, who, now).await?;
    Ok(true)
}

/// Nothing ties a number to an address any more.
async fn forget(writer: &mut SqliteConnection, who: i64, now: DateTime<Utc>) -> Result<()> {
    for sql in [
        "update subscriber set lookup = null, domain = '', erased_at = $2
             where id = $1 and erased_at is null",
        // Its mail has nowhere to go.
        "update errand set ended_at = $2, outcome = 'refused', wants = '{}'
             where subscriber_id = $1 and ended_at is null",
        "update delivery set state = 'cancelled', reason = 'left', next_at = 9223372036854775807,
             changed_at = $2
             where subscriber_id = $1 and state = 'pending' and unknowns = 0",
    ] {
        sqlx::query(sql)
            .bind(who)
            .bind(now.timestamp())
            .execute(&mut *writer)
            .await
            .during(FINISH)?;
    }
    sqlx::query("delete from address where subscriber_id = $1")
        .bind(who)
        .execute(writer)
        .await
        .during(FINISH)?;
    Ok(())
}

/// Everything that is kept of a person; `None` for one who is unknown or erased.
pub(super) async fn personal_data(
    reader: &mut SqliteConnection,
    who: i64,
) -> Result<Option<PersonalData>> {
    #[derive(FromRow)]
    struct Person {
        created_at: i64,
        language: String,
        paused_at: Option<i64>,
        key_id: i64,
        cipher: Vec<u8>,
    }
    #[derive(FromRow)]
    struct Consent {
        feed: String,
        digest: String,
        action: String,
        at: i64,
        source: String,
        wording: Option<String>,
        reason: Option<String>,
    }
    let action = "read what is kept of a person";
    let person: Option<Person> = sqlx::query_as(
        "select s.created_at, s.language, s.paused_at, a.key_id, a.cipher
         from subscriber s
         join address a on a.subscriber_id = s.id and a.version = s.address_version
         where s.id = $1 and s.erased_at is null",
    )
    .bind(who)
    .fetch_optional(&mut *reader)
    .await
    .during(action)?;
    let Some(person) = person else { return Ok(None) };
    let subscriptions: Vec<(String, String, String, i64)> = sqlx::query_as(
        "select c.feed, g.name, c.state, coalesce(c.ended_at, c.confirmed_at, c.requested_at)
         from subscription c join digest g on g.id = c.digest_id
         where c.subscriber_id = $1 order by c.feed",
    )
    .bind(who)
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    let consents: Vec<Consent> = sqlx::query_as(
        "select feed, digest, action, at, source, wording, reason
         from consent where subscriber_id = $1 order by id",
    )
    .bind(who)
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    let deliveries: Vec<(String, i64)> = sqlx::query_as(
        "select state, count(*) from delivery where subscriber_id = $1 group by state",
    )
    .bind(who)
    .fetch_all(reader)
    .await
    .during(action)?;
    Ok(Some(PersonalData {
        created_at: moment(person.created_at),
        language: person.language,
        paused_at: person.paused_at.map(moment),
        address_key: person.key_id,
        address_cipher: person.cipher,
        subscriptions: subscriptions
            .into_iter()
            .map(|(feed, digest, state, since)| (feed, digest, state, moment(since)))
            .collect(),
        consents: consents
            .into_iter()
            .map(|row| ConsentRecord {
                feed: row.feed,
                digest: row.digest,
                action: row.action,
                at: moment(row.at),
                source: row.source,
                wording: row.wording,
                reason: row.reason,
            })
            .collect(),
        deliveries: deliveries.into_iter().map(|(state, n)| (state, n.unsigned_abs())).collect(),
    }))
}
