//! What operators do with sending: pauses, cancelled runs, deliveries of unknown fate.

use tidings::store::{Cancelled, NewPause, PauseScope, Resolution, RunDetails};

use super::*;

fn scopes(run: i64) -> [PauseScope; 3] {
    [PauseScope::All, PauseScope::Digest("daily".into()), PauseScope::Run(run)]
}

async fn pause(store: &dyn Store, scope: PauseScope) -> bool {
    let pause = NewPause { scope, reason: Some("wrong figure".into()), by: "mei".into() };
    store.pause(&pause, at(5)).await.unwrap().is_new
}

async fn resume(store: &dyn Store, scope: &PauseScope) -> bool {
    store.resume(scope, "ravi", at(6)).await.unwrap().is_some()
}

async fn details(store: &dyn Store, run: i64) -> RunDetails {
    store.runs(RunsAsked::One(run)).await.unwrap().remove(0)
}

async fn cancel(store: &dyn Store, run: i64) -> Option<Cancelled> {
    let cancellation = Cancellation { run, reason: None, by: "mei".into(), token_key: 1 };
    store.cancel_run(&cancellation, at(7)).await.unwrap()
}

async fn resolve(store: &dyn Store, run: i64, resolution: Resolution) -> u64 {
    store.resolve(run, &[], resolution, "mei", at(8)).await.unwrap()
}

/// As `sending`, to people who are owed nothing.
async fn sending_all_owed(store: &dyn Store, readers: u8) -> i64 {
    let recipients = with_readers(store, readers).await;
    let owed_read = recipients.iter().map(|(person, _)| (*person, "all".into(), 0)).collect();
    let run = Planned { owed_read, ..run_of(store, "k", &recipients).await };
    let run = start_run(store, &run).await.unwrap();
    expand_all(store, run).await;
    run
}

/// One delivery whose first outcome is not known and that does not fall due by itself.
async fn uncertain(store: &dyn Store, readers: u8) -> i64 {
    let run = sending_all_owed(store, readers).await;
    let claim = attempt(store, 0).await;
    record(store, &claim, Step::Uncertain { resend_at: None }).await;
    run
}

#[test]
fn what_is_paused_is_neither_claimed_nor_sent_and_certainly_unsent() {
    check(async |store| {
        let run = sending(store, 3).await;
        for scope in scopes(run) {
            let claims = claim(store, 0, 1).await;
            assert!(pause(store, scope.clone()).await);
            assert!(!intend(store, &claims[0]).await, "{scope:?}");
            assert_eq!(counts(store, run).await, [("pending".into(), 3)], "{scope:?}");
            assert_eq!(claim(store, 60, 9).await, [], "{scope:?}");
            assert_eq!(store.next_due().await.unwrap(), None, "{scope:?}");
            assert_eq!(details(store, run).await.state, "paused");
            assert!(resume(store, &scope).await);
            assert_eq!(details(store, run).await.state, "sending");
        }
        assert_eq!(claim(store, 60, 9).await.len(), 3);
    });
}

#[test]
fn a_pause_of_another_digest_or_run_stops_nothing() {
    check(async |store| {
        let run = sending(store, 1).await;
        pause(store, PauseScope::Digest("weekly".into())).await;
        let elsewhere = Planned {
            digest: digest(store, "weekly").await,
            ..run_of(store, "k", &[(1, 0)]).await
        };
        let other = start_run(store, &elsewhere).await.unwrap();
        expand_all(store, other).await;
        pause(store, PauseScope::Run(other)).await;
        let claims = claim(store, 0, 9).await;
        assert_eq!(claims.iter().map(|claim| claim.run).collect::<Vec<_>>(), [run]);
    });
}

#[test]
fn a_run_that_begins_while_its_digest_is_paused_waits() {
    check(async |store| {
        pause(store, PauseScope::Digest("daily".into())).await;
        let run = sending(store, 1).await;
        assert_eq!(claim(store, 0, 9).await, []);
        assert_eq!(details(store, run).await.state, "paused");
        resume(store, &PauseScope::Digest("daily".into())).await;
        assert_eq!(claim(store, 0, 9).await.len(), 1);
    });
}

#[test]
fn a_run_goes_on_when_the_last_of_its_pauses_is_lifted() {
    check(async |store| {
        let run = sending(store, 1).await;
        for scope in scopes(run) {
            assert!(pause(store, scope.clone()).await);
            assert!(!pause(store, scope).await, "a second time changes nothing");
        }
        let pauses = store.pauses().await.unwrap();
        assert_eq!(pauses.len(), 3);
        let first = &pauses[0];
        let told = (first.reason.as_deref(), first.by.as_str(), first.since);
        assert_eq!(told, (Some("wrong figure"), "mei", at(5)));
        for scope in scopes(run) {
            assert_eq!(claim(store, 0, 9).await, []);
            assert!(resume(store, &scope).await);
            assert!(!resume(store, &scope).await, "a second time changes nothing");
        }
        assert_eq!(store.pauses().await.unwrap(), []);
        assert_eq!(claim(store, 0, 9).await.len(), 1);
    });
}

#[test]
fn the_program_pauses_a_run_with_its_reason_and_an_older_pause_stands() {
    check(async |store| {
        let run = sending(store, 1).await;
        let paused = store.pause_run(run, "the relay refuses us", at(3)).await.unwrap();
        assert!(paused.is_new);
        let again = store.pause_run(run, "another reason", at(4)).await.unwrap();
        assert!(!again.is_new);
        assert_eq!(again.pause, paused.pause);
        let said = (paused.pause.reason.as_deref(), paused.pause.by.as_str(), paused.pause.run);
        assert_eq!(said, (Some("the relay refuses us"), "tidings", Some(run)));
    });
}

#[test]
fn a_run_whose_last_mail_was_in_hand_at_the_pause_is_complete() {
    check(async |store| {
        let run = sending(store, 1).await;
        let claim = attempt(store, 0).await;
        pause(store, PauseScope::Run(run)).await;
        record(store, &claim, accepted()).await;
        assert_eq!(store.complete_runs(at(9)).await.unwrap(), [run]);
        assert_eq!(store.pauses().await.unwrap(), []);
    });
}

#[test]
fn a_cancelled_run_sends_nothing_more_and_what_was_unsent_is_owed() {
    check(async |store| {
        let run = sending_all_owed(store, 4).await;
        let sent = attempt(store, 0).await;
        record(store, &sent, accepted()).await;
        let lost = attempt(store, 0).await;
        record(store, &lost, Step::Uncertain { resend_at: Some(at(0)) }).await;
        let claims = claim(store, 0, 9).await;
        assert_eq!(claims.len(), 3);
        assert_eq!(cancel(store, run).await, Some(Cancelled { cancelled: 2, uncertain: 1 }));
        for claim in &claims {
            assert!(!intend(store, claim).await);
        }
        release(store, &claims, at(0)).await;
        let expected = [("accepted".into(), 1), ("cancelled".into(), 2), ("uncertain".into(), 1)];
        assert_eq!(counts(store, run).await, expected);
        assert_eq!(claim(store, 600, 9).await, []);
        let run = details(store, run).await;
        let told = (run.state.as_str(), run.reason.as_deref(), run.finished_at);
        assert_eq!(told, ("cancelled", Some("cancelled by mei"), Some(at(7))));
        let owed: Vec<_> = owed(store, "daily").await.into_iter().map(|(_, seq)| seq).collect();
        assert_eq!(owed, [None, None, Some(0), Some(0)]);
        assert_eq!(cancel(store, run.run).await, None);
    });
}

#[test]
fn those_in_pages_not_expanded_yet_are_cancelled_and_owed_as_well() {
    check(async |store| {
        let recipients = with_readers(store, 2).await;
        let owed_read = vec![(1, "all".into(), 0), (2, "all".into(), 0)];
        let run = Planned { owed_read, ..run_of(store, "k", &recipients).await };
        let run = start_run(store, &run).await.unwrap();
        assert_eq!(cancel(store, run).await, Some(Cancelled { cancelled: 2, uncertain: 0 }));
        let all = ("all".to_owned(), Some(0));
        assert_eq!(owed(store, "daily").await, [all.clone(), all]);
        assert_eq!(store.expand(run, KEYS, at(0)).await.unwrap(), None);
        assert_eq!(details(store, run).await.state, "cancelled");
    });
}

#[test]
fn what_was_in_hand_when_its_run_was_cancelled_ends_as_its_result_says() {
    check(async |store| {
        let run = sending(store, 3).await;
        let claims = claim(store, 0, 9).await;
        for claim in &claims {
            assert!(intend(store, claim).await);
        }
        assert_eq!(cancel(store, run).await, Some(Cancelled { cancelled: 0, uncertain: 3 }));
        record(store, &claims[0], accepted()).await;
        record(store, &claims[1], retry(5)).await;
        store.recover(&["daily".into()], at(9)).await.unwrap();
        let expected = [("accepted".into(), 1), ("cancelled".into(), 1), ("uncertain".into(), 1)];
        assert_eq!(counts(store, run).await, expected);
        assert_eq!(claim(store, 600, 9).await, []);
    });
}

#[test]
fn what_is_open_is_counted_of_runs_that_are_sent_now() {
    check(async |store| {
        let open = async || store.open_deliveries().await.unwrap();
        assert_eq!(open().await, 0);
        let run = sending(store, 5).await;
        assert_eq!(open().await, 5);
        for step in [accepted(), Step::Uncertain { resend_at: None }, retry(5)] {
            let claim = attempt(store, 0).await;
            record(store, &claim, step).await;
        }
        assert_eq!(open().await, 3);
        claim(store, 0, 1).await;
        assert_eq!(open().await, 3);
        pause(store, PauseScope::Run(run)).await;
        assert_eq!(open().await, 1, "it is in hand");
    });
}

#[test]
fn uncertain_deliveries_are_listed_oldest_first_with_the_number_of_the_person() {
    check(async |store| {
        let run = sending(store, 3).await;
        for (minutes, resend_at) in [(2, None), (1, Some(at(30)))] {
            let claim = attempt(store, 0).await;
            let result = result(&claim, Step::Uncertain { resend_at });
            store.record_results(&[result], at(minutes)).await.unwrap();
        }
        let listed = store.uncertain(None).await.unwrap();
        let rows: Vec<_> = listed.iter().map(|u| (u.subscriber, u.since, u.resend_at)).collect();
        assert_eq!(rows, [(2, at(1), Some(at(30))), (1, at(2), None)]);
        assert_eq!(store.uncertain(Some(run + 1)).await.unwrap(), []);
        let unsettled = store.runs(RunsAsked::Unsettled).await.unwrap();
        assert_eq!(unsettled.iter().map(|r| r.run).collect::<Vec<_>>(), [run]);
    });
}

#[test]
fn one_found_sent_is_accepted_and_not_counted_as_arrived_twice() {
    check(async |store| {
        let run = uncertain(store, 1).await;
        assert_eq!(store.complete_runs(at(2)).await.unwrap(), [run]);
        assert_eq!(resolve(store, run, Resolution::Sent).await, 1);
        assert_eq!(resolve(store, run, Resolution::Sent).await, 0);
        assert_eq!(counts(store, run).await, [("accepted".into(), 1)]);
        assert_eq!(store.delivery_counts().await.unwrap().resent, 0);
        assert_eq!(details(store, run).await.state, "complete");
    });
}

#[test]
fn a_complete_run_that_is_opened_again_is_counted_anew() {
    check(async |store| {
        let run = uncertain(store, 2).await;
        let other = attempt(store, 0).await;
        record(store, &other, accepted()).await;
        let of = |state: &str| (state.to_owned(), 1);
        let open = details(store, run).await.deliveries;
        assert_eq!(Vec::from_iter(open), [of("accepted"), of("uncertain")]);
        store.complete_runs(at(2)).await.unwrap();
        let complete = details(store, run).await.deliveries;
        assert_eq!(Vec::from_iter(complete), [of("accepted"), of("uncertain")]);
        assert_eq!(counts(store, run).await, [of("accepted"), of("uncertain")]);

        assert_eq!(resolve(store, run, Resolution::Resend).await, 1);
        let claim = attempt(store, 9).await;
        assert_eq!(counts(store, run).await, [of("accepted"), of("intent")]);
        record(store, &claim, accepted()).await;
        store.complete_runs(at(10)).await.unwrap();
        assert_eq!(counts(store, run).await, [("accepted".into(), 2)]);
        assert_eq!(details(store, run).await.resent, 1);
    });
}

/// A store, and a connection to it beside it.
async fn store_and_other(folder: &tempfile::TempDir) -> (SqliteStore, SqliteConnection) {
    let path = folder.path().join("tidings.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let options = SqliteConnectOptions::new().filename(&path);
    (store, SqliteConnection::connect_with(&options).await.unwrap())
}

#[tokio::test]
async fn a_late_result_of_a_cancelled_run_ends_its_own_delivery_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, mut other) = store_and_other(&folder).await;
    let run = sending_all_owed(&store, 4).await;
    let claim = attempt(&store, 0).await;
    // As it stands while the cancellation goes through its people.
    sqlx::query("update run set state = 'cancelled'").execute(&mut other).await.unwrap();
    record(&store, &claim, retry(5)).await;
    let first = [("cancelled".into(), 1), ("pending".into(), 3)];
    assert_eq!(counts(&store, run).await, first);
    let unknown = "update delivery set state = 'uncertain', unknowns = 1
        where state = 'pending' and subscriber_id < 4";
    sqlx::query(unknown).execute(&mut other).await.unwrap();
    let chosen = store.resolve(run, &[2], Resolution::Unsent, "mei", at(8)).await;
    assert_eq!(chosen.unwrap(), 1);
    let second = [("cancelled".into(), 2), ("pending".into(), 1), ("uncertain".into(), 1)];
    assert_eq!(counts(&store, run).await, second);
}

#[tokio::test]
async fn a_delivery_to_an_address_that_is_gone_is_cancelled_and_never_in_hand() {
    let folder = tempfile::tempdir().unwrap();
    let (store, mut other) = store_and_other(&folder).await;
    let run = sending(&store, 3).await;
    let gone = "delete from address where subscriber_id = 2";
    sqlx::query(gone).execute(&mut other).await.unwrap();
    let claims = claim(&store, 0, 9).await;
    assert_eq!(claims.iter().map(|claim| claim.subscriber).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(counts(&store, run).await, [("cancelled".into(), 1), ("claimed".into(), 2)]);
    let left = "select reason from delivery where state = 'cancelled' and lease_until is null";
    let reason: String = sqlx::query_scalar(left).fetch_one(&mut other).await.unwrap();
    assert_eq!(reason, "left");
}

#[tokio::test]
async fn a_cancellation_cut_off_before_its_pages_were_expanded_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let (store, mut other) = store_and_other(&folder).await;
    let recipients = with_readers(&store, 5).await;
    let run = run_of(&store, "k", &recipients).await;
    let run = start_run(&store, &run).await.unwrap();
    store.expand(run, KEYS, at(0)).await.unwrap();
    sqlx::query("update run set state = 'cancelled'").execute(&mut other).await.unwrap();
    for _ in 0..2 {
        store.end_cancelled(1, at(9)).await.unwrap();
        assert_eq!(counts(&store, run).await, [("cancelled".into(), 5)]);
    }
    assert!(owed(&store, "daily").await.iter().all(|(_, seq)| *seq == Some(0)));
    assert_eq!(details(&store, run).await.state, "cancelled");
}

#[tokio::test]
async fn listing_a_cancelled_run_looks_at_none_of_its_deliveries() {
    let folder = tempfile::tempdir().unwrap();
    let (store, mut other) = store_and_other(&folder).await;
    let run = sending(&store, 4).await;
    let lost = attempt(&store, 0).await;
    record(&store, &lost, Step::Uncertain { resend_at: None }).await;
    let in_hand = attempt(&store, 0).await;
    cancel(&store, run).await;
    // What is in hand is yet to be counted.
    record(&store, &in_hand, accepted()).await;
    assert_eq!(store.complete_runs(at(9)).await.unwrap(), [0; 0]);
    assert_eq!(resolve(&store, run, Resolution::Unsent).await, 1);
    sqlx::query("delete from delivery").execute(&mut other).await.unwrap();
    let expected = [("accepted".into(), 1), ("cancelled".into(), 3)];
    assert_eq!(counts(&store, run).await, expected);
}

#[tokio::test]
async fn listing_a_complete_run_looks_at_none_of_its_deliveries() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidings.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let run = sending(&store, 3).await;
    for claim in claim(&store, 0, 9).await {
        assert!(intend(&store, &claim).await);
        record(&store, &claim, accepted()).await;
    }
    assert_eq!(store.complete_runs(at(2)).await.unwrap(), [run]);
    let options = SqliteConnectOptions::new().filename(&path);
    let other = &mut SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("delete from delivery").execute(&mut *other).await.unwrap();
    let three = [("accepted".to_owned(), 3)];
    assert_eq!(Vec::from_iter(details(&store, run).await.deliveries), three);
    assert_eq!(counts(&store, run).await, three);
    // One that an earlier version completed has none, and is counted.
    sqlx::query("update run set counts = null").execute(other).await.unwrap();
    assert_eq!(counts(&store, run).await, []);
}

#[test]
fn one_found_unsent_is_sent_again_as_if_for_the_first_time() {
    check(async |store| {
        let run = uncertain(store, 1).await;
        let dated_at = at(0);
        store.complete_runs(at(2)).await.unwrap();
        assert_eq!(resolve(store, run, Resolution::Unsent).await, 1);
        assert_eq!(details(store, run).await.state, "sending");
        let claim = attempt(store, 9).await;
        assert_eq!((claim.unknowns, claim.dated_at), (0, dated_at));
        record(store, &claim, accepted()).await;
        assert_eq!(store.delivery_counts().await.unwrap().resent, 0);
        assert_eq!(store.complete_runs(at(10)).await.unwrap(), [run]);
    });
}

#[test]
fn one_sent_once_more_counts_as_sent_twice() {
    check(async |store| {
        let run = uncertain(store, 2).await;
        let other = attempt(store, 0).await;
        record(store, &other, Step::Uncertain { resend_at: None }).await;
        store.complete_runs(at(2)).await.unwrap();
        let chosen = [other.subscriber];
        let resolved = store.resolve(run, &chosen, Resolution::Resend, "mei", at(8)).await.unwrap();
        assert_eq!(resolved, 1);
        let claims = claim(store, 9, 9).await;
        assert_eq!(claims.iter().map(|c| c.subscriber).collect::<Vec<_>>(), chosen);
        assert!(intend(store, &claims[0]).await);
        record(store, &claims[0], accepted()).await;
        assert_eq!(store.delivery_counts().await.unwrap().resent, 1);
        assert_eq!(store.uncertain(None).await.unwrap().len(), 1);
    });
}

#[test]
fn what_is_resolved_in_a_paused_digest_waits_for_the_end_of_the_pause() {
    check(async |store| {
        let run = uncertain(store, 1).await;
        store.complete_runs(at(2)).await.unwrap();
        pause(store, PauseScope::Digest("daily".into())).await;
        resolve(store, run, Resolution::Unsent).await;
        assert_eq!(details(store, run).await.state, "paused");
        assert_eq!(claim(store, 600, 9).await, []);
    });
}

#[test]
fn one_of_a_cancelled_run_found_unsent_is_owed_and_none_is_sent_again() {
    check(async |store| {
        let run = uncertain(store, 1).await;
        cancel(store, run).await;
        assert_eq!(owed(store, "daily").await, [("all".into(), None)]);
        assert_eq!(resolve(store, run, Resolution::Resend).await, 0);
        assert_eq!(resolve(store, run, Resolution::Unsent).await, 1);
        assert_eq!(counts(store, run).await, [("cancelled".into(), 1)]);
        assert_eq!(owed(store, "daily").await, [("all".into(), Some(0))]);
        assert_eq!(claim(store, 600, 9).await, []);
    });
}
