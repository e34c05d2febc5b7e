//! Errands: asked for on a page, and mailed by runs of their own; `finishing` does what the link
//! in the mail stands for.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::people::{Follow, request, subscriber};
use super::{During, Result, audit, from_json, json, moment, planning};
use crate::hash::hash;
use crate::model::Language;
use crate::store::{
    AskedFor, ErrandRecord, ErrandRun, NewSubscription, Outcome, OwnErrand, SealedAddress, SignUp,
    StoreError,
};
use crate::subscribers::errand::{ErrandKind, OWN_A_DAY, counted_since, may_be_asked};

const ASK: &str = "write down what somebody asks for";

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
    if !count_question(writer, address, now).await? {
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
        brings_back: true,
        source: source.clone(),
        wording: wording.clone(),
    };
    let (id, _) = subscriber(writer, &person, *asked_at).await?;
    for (feed, digest) in wants {
        let wanted = Follow { feed, digest, is_confirmed: false, source, wording };
        request(writer, id, &wanted, *asked_at).await?;
    }
    audit::consents(writer, now).await?;
    add(writer, id, ErrandKind::Confirm, language.as_str(), wants, (source, wording), now).await?;
    Ok(AskedFor::Waits)
}

/// Counts a mail to an address towards what it may be asked; `false` where that is used up.
async fn count_question(
    writer: &mut SqliteConnection,
    address: &SealedAddress,
    now: DateTime<Utc>,
) -> Result<bool> {
    let lookup = match &*address.mailbox {
        [] => &address.lookup,
        _ => &address.mailbox,
    };
    forget_questions(writer, now).await?;
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

/// Mails to an address that count no more.
pub(super) async fn forget_questions(
    writer: &mut SqliteConnection,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query("delete from asked where at <= $1")
        .bind(counted_since(now).timestamp())
        .execute(writer)
        .await
        .during(ASK)?;
    Ok(())
}

/// Whether a mail went to an address for which its person has another now.
pub(super) async fn is_former(
    reader: &mut SqliteConnection,
    (run, who): (i64, i64),
) -> Result<bool> {
    sqlx::query_scalar(
        "select exists (select 1 from delivery d join subscriber s on s.id = d.subscriber_id
             where d.run_id = $1 and d.subscriber_id = $2
                 and d.address_version < s.address_version)",
    )
    .bind(run)
    .bind(who)
    .fetch_one(reader)
    .await
    .during("look up where a mail went")
}

async fn is_suppressed(reader: &mut SqliteConnection, lookup: &[u8]) -> Result<bool> {
    sqlx::query_scalar("select exists (select 1 from suppression where lookup = $1)")
        .bind(lookup)
        .fetch_one(reader)
        .await
        .during(ASK)
}

/// One errand that waits for its mail, to the address a person has.
pub(super) async fn add(
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
    let (lately, in_a_day): (i64, i64) = sqlx::query_as(
        "select count(*) filter (where asked_at > $3 and opened_at is null and ended_at is null),
             count(*)
         from errand where subscriber_id = $1 and kind = $2 and asked_at > $4",
    )
    .bind(subscriber)
    .bind(kind.name())
    .bind((now - OWN_PAUSE).timestamp())
    .bind((now - TimeDelta::days(1)).timestamp())
    .fetch_one(&mut *writer)
    .await
    .during(ASK)?;
    if lately > 0 || in_a_day.cast_unsigned() >= OWN_A_DAY {
        return Ok(AskedFor::TooOften);
    }
    let mut answer = AskedFor::Waits;
    if let Some(address) = address {
        if address.lookup == lookup {
            return Ok(AskedFor::Same);
        }
        if is_suppressed(writer, &address.lookup).await? {
            answer = AskedFor::Suppressed;
        } else if !count_question(writer, address, now).await? {
            answer = AskedFor::TooOften;
        }
    }
    let words = (source.as_str(), wording.as_str());
    let errand = add(writer, *subscriber, *kind, &language, &BTreeMap::new(), words, now).await?;
    if let Some(address) = address {
        let version = add_address(writer, *subscriber, address).await?;
        sqlx::query("update errand set address_version = $2, wants = $3 where id = $1")
            .bind(errand)
            .bind(version)
            .bind(json(&Destination::of(address, answer)))
            .execute(writer)
            .await
            .during(ASK)?;
    }
    Ok(answer)
}

/// What is to be known of an address once it is somebody's; kept where other errands keep what is
/// wanted.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Destination {
    pub lookup: String,
    pub domain: String,
    /// No mail is made: it looks like any other, so that nobody learns of an address from it.
    #[serde(default)]
    is_kept_back: bool,
}

impl Destination {
    fn of(address: &SealedAddress, answer: AskedFor) -> Self {
        let lookup = data_encoding::HEXLOWER.encode(&address.lookup);
        let is_kept_back = answer != AskedFor::Waits;
        Self { lookup, domain: address.domain.clone(), is_kept_back }
    }
}

/// A further address of a person, which is not theirs yet. Its number is above those of all before
/// it, whether or not they are kept.
async fn add_address(
    writer: &mut SqliteConnection,
    subscriber: i64,
    address: &SealedAddress,
) -> Result<i64> {
    sqlx::query_scalar(
        "insert into address (subscriber_id, version, key_id, cipher)
         select $1, 1 + max(version), $2, $3 from (
             select version from address where subscriber_id = $1
             union all select address_version from errand where subscriber_id = $1
             union all select address_version from subscriber where id = $1)
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
pub(super) struct Row {
    id: i64,
    subscriber_id: i64,
    kind: String,
    language: String,
    wants: String,
    asked_at: i64,
    expires_at: i64,
    opened_at: Option<i64>,
    outcome: Option<String>,
    is_known: bool,
    key_id: Option<i64>,
    cipher: Option<Vec<u8>>,
}

/// Errands with the address that their mail goes to.
macro_rules! errands {
    ($which:literal) => {
        concat!(
            "select e.id, e.subscriber_id, e.kind, e.language, e.wants, e.asked_at, e.expires_at,
                 e.opened_at, e.outcome, a.key_id, a.cipher,
                 exists (select 1 from subscriber s
                     where s.id = e.subscriber_id and s.erased_at is null
                         and exists (select 1 from consent c
                             where c.subscriber_id = s.id and c.action = 'confirmed'
                                 and c.source <> 'rehearsal')) as is_known
             from errand e left join address a
                 on a.subscriber_id = e.subscriber_id and a.version = e.address_version
             where ",
            $which
        )
    };
}
pub(super) use errands;

impl Row {
    pub(super) fn record(self) -> Result<ErrandRecord> {
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
            is_known: self.is_known,
            address: self.key_id.zip(self.cipher),
        })
    }
}

/// Those behind `after` whose mail this digest is to bring, oldest first.
pub(super) async fn waiting(
    reader: &mut SqliteConnection,
    digest: &str,
    after: i64,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<ErrandRecord>> {
    let kinds = ErrandKind::ALL.into_iter().filter(|kind| kind.digest() == digest);
    let kinds: Vec<&str> = kinds.map(ErrandKind::name).collect();
    let rows: Vec<Row> = sqlx::query_as(errands!(
        "e.run_id is null and e.ended_at is null and e.expires_at > $4 and e.id > $1
             and coalesce(e.wants ->> '$.is_kept_back', 0) = 0
             and e.kind in (select value from json_each($2)) order by e.id limit $3"
    ))
    .bind(after)
    .bind(json(&kinds))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(now.timestamp())
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
