//! Signing up is kept as clicks are: whoever was told to look for a mail gets it, and once.

use std::time::{Duration, Instant, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use tidings::subscribers::keys::Keys;

use crate::support::office::Office;
use crate::{Client, Point, count, office, store};

/// A form that was opened some seconds before the office was made.
pub(crate) fn form(office: &Office, name: &str) -> String {
    let keys = Keys::open(&office.path("var/keys")).unwrap();
    let made = office.path("config/tidings.yaml").metadata().unwrap().modified().unwrap();
    let opened = (made.duration_since(UNIX_EPOCH).unwrap().as_secs() - 10).to_string();
    let parts: [&[u8]; 4] = [b"form", b"subscribe", b"", opened.as_bytes()];
    let seal = keys.sign(keys.token_key(), &parts).unwrap();
    let seal = HEXLOWER.encode(&seal.as_ref()[..16]);
    format!("address={name}%40example.org&feed.all=daily&opened={opened}&seal={seal}")
}

const POINTS: [Point; 10] = [
    Point { name: "before-journal-write", is_kept: false },
    Point { name: "before-journal-sync", is_kept: true },
    Point { name: "after-journal-sync", is_kept: true },
    Point { name: "before-sign-up-commit", is_kept: true },
    Point { name: "after-sign-up-commit", is_kept: true },
    Point { name: "before-journal-reset", is_kept: true },
    Point { name: "mid-journal-reset", is_kept: true },
    Point { name: "after-journal-reset", is_kept: true },
    Point { name: "before-answer-commit", is_kept: true },
    Point { name: "after-answer-commit", is_kept: true },
];

fn mails_to(office: &Office, name: &str) -> usize {
    let to = format!("To: {name}@example.org");
    office.mails().iter().filter(|mail| mail.contains(&to)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_a_form_that_was_answered_is_mailed_once() {
    for Point { name, is_kept } in POINTS {
        let office = office(1);
        let daemon = office.dying_daemon(&format!("{name}:1"));
        let mut client = Client::connect(daemon.address()).await;
        let answer = client.post("/subscribe", &form(&office, "first")).await;
        assert!(daemon.was_killed(), "{name} is not reached");
        assert!(answer.is_none() || is_kept, "{name}: it was answered and is not kept");

        let daemon = office.daemon();
        let mut client = Client::connect(daemon.address()).await;
        let (status, _) = client.post("/subscribe", &form(&office, "second")).await.unwrap();
        assert_eq!(status, 200);
        let mails = || (mails_to(&office, "first"), mails_to(&office, "second"));
        let expected = (usize::from(is_kept), 1);
        let deadline = Instant::now() + Duration::from_mins(1);
        while mails() != expected {
            assert!(Instant::now() < deadline, "{name}: {:?}", mails());
            tokio::task::yield_now().await;
        }
        assert_eq!(daemon.stop().0, 0);
        assert_eq!(mails(), expected, "{name}");
        let requested = "select count(*) from consent where action = 'requested'";
        assert_eq!(count(&mut store(&office).await, requested).await, expected.0 + 1, "{name}");
    }
}
