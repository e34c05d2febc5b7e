//! What the checker finds: one deliberate fault in each test, in a store made for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tidings::store::sqlite::SqliteStore;

use super::relay::checker::{Finding, Known, Left, addresses_in, check, copies};
use super::relay::log::{LogLine, parse};

/// A run of four: two accepted, the second of them after an unknown outcome and twice in the
/// log; one rejected; one who left.
struct Case {
    folder: tempfile::TempDir,
    log: Vec<LogLine>,
    known: Known,
}

impl Case {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        drop(SqliteStore::open(&folder.path().join("tidings.db")).await.unwrap());
        let log = parse(
            "accepted\t1\t1\t1\tr1@example.org\tid1\taa\nanswered\t1\n\
             accepted\t2\t1\t2\tr2@example.org\tid2\tbb\nunanswered\t2\n\
             accepted\t3\t2\t3\tr2@example.org\tid2\tbb\nanswered\t3\n",
        );
        let people: HashMap<String, i64> =
            (1..=4).map(|n| (format!("r{n}@example.org"), n)).collect();
        let planned = BTreeMap::from([(1, BTreeSet::from([1, 2, 3, 4]))]);
        let left = vec![Left { subscriber: 4, answered_at: 0 }];
        let case = Self { folder, log, known: Known { people, planned, left, may_be_open: false } };
        case.change(
            "insert into run (id, digest_id, key, from_seq, to_seq, state, recipients, created_at)
             values (1, 1, 'now:1', 0, 1, 'complete', 4, 0)",
        )
        .await;
        for (subscriber, state, unknowns) in
            [(1, "accepted", 0), (2, "accepted", 1), (3, "rejected", 0), (4, "cancelled", 0)]
        {
            case.change(&format!(
                "insert into delivery (run_id, subscriber_id, issue_id, address_version,
                     token_key, dated_at, state, next_at, unknowns, changed_at)
                 values (1, {subscriber}, 1, 1, 1, 0, '{state}', {}, {unknowns}, 0)",
                i64::MAX
            ))
            .await;
        }
        case
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("tidings.db")
    }

    async fn change(&self, sql: &str) {
        let options = SqliteConnectOptions::new().filename(self.store()).foreign_keys(false);
        let mut store: SqliteConnection = options.connect().await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut store).await.unwrap();
    }

    fn add(&mut self, recipient: &str, message_id: &str, hash: &str) {
        self.log.push(LogLine {
            number: self.log.len() + 1,
            connection: 1,
            go_ahead_at: 100,
            recipient: recipient.to_owned(),
            message_id: message_id.to_owned(),
            hash: hash.to_owned(),
            is_answered: Some(true),
        });
    }

    async fn expect(&self, findings: &[Finding]) {
        assert_eq!(check(&self.store(), &self.log, &self.known).await, findings);
    }
}

#[tokio::test]
async fn nothing_is_found_where_all_is_well() {
    let case = Case::new().await;
    case.expect(&[]).await;
    assert_eq!(copies(&case.log), 1);
    assert_eq!(addresses_in("to r3@example.org", &case.known.people), 1);
}

#[tokio::test]
async fn a_doubled_line_is_found() {
    let mut case = Case::new().await;
    case.add("r1@example.org", "id1", "aa");
    let (copies, allowed) = (vec![2], vec![1]);
    case.expect(&[Finding::TooMany { subscriber: 1, copies, allowed }]).await;
}

#[tokio::test]
async fn a_second_message_for_the_same_delivery_is_found() {
    let mut case = Case::new().await;
    case.add("r1@example.org", "id9", "aa");
    let (copies, allowed) = (vec![1, 1], vec![1]);
    case.expect(&[Finding::TooMany { subscriber: 1, copies, allowed }]).await;
}

#[tokio::test]
async fn an_accepted_row_without_a_line_is_found() {
    let mut case = Case::new().await;
    case.log.remove(0);
    case.expect(&[Finding::Lost { subscriber: 1, accepted: 1, messages: 0 }]).await;
}

#[tokio::test]
async fn an_accepted_row_whose_250_was_never_written_is_found() {
    let mut case = Case::new().await;
    case.log[0].is_answered = Some(false);
    case.expect(&[Finding::Lost { subscriber: 1, accepted: 1, messages: 0 }]).await;
}

#[tokio::test]
async fn two_accepted_rows_need_two_messages() {
    let case = Case::new().await;
    case.change(
        "insert into run (id, digest_id, key, from_seq, to_seq, state, recipients, created_at)
         values (2, 1, 'now:2', 1, 2, 'complete', 1, 0);
         insert into delivery select 2, 1, issue_id, address_version, token_key, dkim_selector,
             dated_at, state, next_at, owner, fence, lease_until, attempt, unknowns, reply_code,
             reply, reason, path, changed_at, answers_run from delivery where subscriber_id = 1",
    )
    .await;
    case.expect(&[Finding::Lost { subscriber: 1, accepted: 2, messages: 1 }]).await;
}

#[tokio::test]
async fn a_resend_of_other_bytes_is_found() {
    let mut case = Case::new().await;
    case.log[2].hash = "cc".into();
    case.expect(&[Finding::Differing { subscriber: 2, lines: vec![2, 3] }]).await;
}

#[tokio::test]
async fn a_message_to_somebody_rejected_or_cancelled_is_found() {
    let mut case = Case::new().await;
    case.known.left.clear();
    case.add("r3@example.org", "id3", "aa");
    case.add("r4@example.org", "id4", "aa");
    let finding = |subscriber| Finding::TooMany { subscriber, copies: vec![1], allowed: vec![0] };
    case.expect(&[finding(3), finding(4)]).await;
}

#[tokio::test]
async fn an_intent_after_an_answered_unsubscribe_is_found() {
    let mut case = Case::new().await;
    case.known.left = vec![Left { subscriber: 2, answered_at: 2 }];
    case.expect(&[Finding::AfterLeaving { subscriber: 2, line: 3 }]).await;
}

#[tokio::test]
async fn an_open_delivery_is_found_after_draining_alone() {
    let mut case = Case::new().await;
    case.change("update delivery set state = 'pending' where subscriber_id = 3").await;
    case.change("update delivery set state = 'uncertain', next_at = 5 where subscriber_id = 4")
        .await;
    let open = |subscriber, state: &str| Finding::Open { run: 1, subscriber, state: state.into() };
    case.expect(&[open(3, "pending"), open(4, "uncertain")]).await;
    case.known.may_be_open = true;
    case.expect(&[]).await;
}

#[tokio::test]
async fn a_row_too_few_and_one_too_many_are_found() {
    let case = Case::new().await;
    case.change("delete from delivery where subscriber_id = 3").await;
    let count = |rows| Finding::RowCount { run: 1, planned: 4, rows };
    let missing = Finding::NoRow { run: 1, subscriber: 3 };
    case.expect(&[count(3), missing.clone()]).await;
    case.change("update delivery set subscriber_id = 9 where subscriber_id = 4").await;
    let four = Finding::NoRow { run: 1, subscriber: 4 };
    let nine = Finding::RowNotPlanned { run: 1, subscriber: 9 };
    case.expect(&[count(3), missing, four, nine]).await;
}

#[tokio::test]
async fn a_run_that_was_never_made_is_found() {
    let mut case = Case::new().await;
    case.known.planned.insert(2, BTreeSet::from([1]));
    case.expect(&[Finding::NoRow { run: 2, subscriber: 1 }]).await;
}

#[tokio::test]
async fn strangers_and_message_ids_that_are_missing_or_shared_are_found() {
    let mut case = Case::new().await;
    case.add("nobody@example.org", "id1", "dd");
    case.log[1].message_id.clear();
    case.log[2].message_id.clear();
    case.expect(&[
        Finding::NoMessageId { line: 2 },
        Finding::NoMessageId { line: 3 },
        Finding::SharedMessageId { lines: vec![1, 4] },
        Finding::Stranger { line: 4 },
    ])
    .await;
}
