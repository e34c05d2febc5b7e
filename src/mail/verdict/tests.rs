use super::Recipient::{Full, Gone, Greylisted, Later, Policy, Refused};
use super::Trouble::{Closing, Credentials, Down, Sender, Throttled, TooLarge};
use super::*;

/// A verdict of either kind, so that the table reads plainly.
trait Means {
    fn verdict(self) -> Verdict;
}

impl Means for Recipient {
    fn verdict(self) -> Verdict {
        Verdict::Recipient(self)
    }
}

impl Means for Trouble {
    fn verdict(self) -> Verdict {
        Verdict::Relay(self)
    }
}

/// Checks lines of replies, written as a relay writes them.
fn check(phases: &[Phase], meaning: impl Means, lines: &[&str]) {
    let verdict = meaning.verdict();
    for phase in phases {
        for line in lines {
            let (code, text) = line.split_at(3);
            let enhanced = Enhanced::split(text.trim_start().as_bytes()).map(|(code, _)| code);
            let reply = Reply { code: code.parse().unwrap(), enhanced, text: String::new() };
            assert_eq!(classify(*phase, &reply), verdict, "{phase:?}: {line}");
        }
    }
}

const PERSON: &[Phase] = &[Phase::Recipient, Phase::Data, Phase::Dot];
const OPENING: &[Phase] =
    &[Phase::Connect, Phase::Greeting, Phase::Hello, Phase::StartTls, Phase::Between];
const ALL: &[Phase] = &[
    Phase::Connect,
    Phase::Greeting,
    Phase::Hello,
    Phase::StartTls,
    Phase::Auth,
    Phase::Sender,
    Phase::Recipient,
    Phase::Data,
    Phase::Dot,
    Phase::Between,
];

#[test]
fn a_421_is_the_relays_in_every_phase() {
    check(ALL, Closing, &["421 bye", "421 4.4.2 timeout", "421 4.3.0 shutting down"]);
    check(ALL, Throttled, &["421 4.7.0 too much", "421 4.7.28 rate", "421 4.3.2 busy"]);
    check(ALL, Throttled, &["421 4.4.5 congested"]);
}

#[test]
fn before_the_first_mail_a_refusal_is_the_relays() {
    check(OPENING, Down, &["450 later", "451 4.3.0 no", "500 what", "554 5.7.1 blocked", "521 no"]);
    check(&[Phase::StartTls, Phase::Between], Down, &["454 4.7.0 no TLS now"]);
    check(&[Phase::Greeting, Phase::Hello], Throttled, &["450 4.7.1 too many connections"]);
}

#[test]
fn a_refused_log_in_is_about_credentials_unless_it_is_for_now() {
    let lines = ["535 5.7.8 wrong", "534 5.7.9 too weak", "530 no", "538 TLS first", "504 no"];
    check(&[Phase::Auth], Credentials, &lines);
    check(&[Phase::Auth], Credentials, &["432 4.7.12 new password", "535 wrong"]);
    check(&[Phase::Auth], Throttled, &["454 4.7.0 later", "451 later"]);
}

#[test]
fn a_refusal_at_mail_is_about_sender_size_log_in_or_load() {
    let at = &[Phase::Sender];
    check(at, Sender, &["550 5.7.1 not yours", "553 5.1.8 no such domain", "501 5.1.7 bad"]);
    check(at, Sender, &["550 no", "553 no", "554 no", "555 unknown parameter", "501 syntax"]);
    check(at, TooLarge, &["552 5.3.4 too big", "552 too big", "550 5.2.3 too big"]);
    check(at, Credentials, &["530 5.7.0 log in first", "535 no", "550 5.7.57 not logged in"]);
    check(at, Down, &["521 5.3.2 no mail here", "521 no", "503 order", "502 5.5.2 what"]);
    check(
        at,
        Throttled,
        &["452 4.3.1 full", "452 full", "451 later", "454 slower", "450 4.1.8 dns"],
    );
}

#[test]
fn a_bad_address_is_gone() {
    let lines = [
        "550 5.1.1 no such user",
        "550 5.1.2 no such domain",
        "501 5.1.3 syntax",
        "553 5.1.3 syntax",
        "550 5.1.4 ambiguous",
        "550 5.1.6 moved",
        "556 5.1.10 null MX",
        "550 5.2.1 disabled",
        "554 5.1.1 no such user",
    ];
    check(PERSON, Gone, &lines);
    check(&[Phase::Recipient], Gone, &["550 no such user", "550 5.1.0 no", "550 5.0.0 no"]);
    check(PERSON, Gone, &["556 no mail there"]);
}

#[test]
fn what_is_final_for_one_person_is_refused() {
    let lines = [
        "550 5.4.1 denied",
        "550 5.4.4 no route",
        "550 5.2.3 too long for the mailbox",
        "551 moved",
    ];
    check(PERSON, Refused, &lines);
    check(
        PERSON,
        Refused,
        &["550 5.2.0 no", "553 not here", "501 5.5.4 parameter", "550 5.1.9 no"],
    );
    check(&[Phase::Recipient], Refused, &["501 syntax", "504 no", "521 no", "555 no"]);
    check(&[Phase::Data, Phase::Dot], Refused, &["550 5.1.0 no"]);
}

#[test]
fn what_everybody_may_meet_is_policy() {
    let lines = [
        "550 5.7.1 not wanted",
        "552 5.3.4 too big",
        "554 5.7.1 relay access denied",
        "550 5.7.26 DMARC",
        "554 no",
        "554 5.3.0 no",
        "554 5.6.0 content",
        "554 5.7.0 no",
        "571 no",
    ];
    check(PERSON, Policy, &lines);
    check(&[Phase::Data, Phase::Dot], Policy, &["550 spam", "550 5.0.0 spam", "501 no"]);
}

#[test]
fn a_full_mailbox_waits_long_unless_the_relay_calls_it_final() {
    check(PERSON, Full, &["452 4.2.2 over quota"]);
    check(PERSON, Refused, &["552 5.2.2 over quota", "550 5.2.2 over quota"]);
    check(&[Phase::Recipient, Phase::Dot], Refused, &["552 mailbox full"]);
    check(&[Phase::Recipient], Full, &["452 mailbox full"]);
}

#[test]
fn greylisting_waits_for_minutes() {
    check(PERSON, Greylisted, &["451 4.7.1 greylisted", "450 4.2.0 greylisted", "450 4.7.25 dns"]);
    check(&[Phase::Recipient], Greylisted, &["450 come back", "451 come back", "450 4.0.0 later"]);
}

#[test]
fn any_other_4yz_comes_later() {
    let lines = ["450 4.1.1 not verified", "450 4.2.1 busy", "451 4.4.1 no answer", "451 4.6.0 no"];
    check(PERSON, Later, &lines);
    check(PERSON, Later, &["471 no", "451 4.5.0 no"]);
    check(&[Phase::Data, Phase::Dot], Later, &["450 later", "451 error in processing"]);
}

#[test]
fn codes_that_contradict_each_other_are_transient() {
    check(PERSON, Later, &["550 4.1.1 no such user", "450 5.1.1 no such user"]);
    check(PERSON, Greylisted, &["550 4.7.1 later"]);
    check(PERSON, Full, &["552 4.2.2 over quota"]);
    check(&[Phase::Sender], Throttled, &["550 4.1.8 dns"]);
}

#[test]
fn behind_rcpt_too_a_refusal_may_be_the_relays() {
    check(PERSON, Throttled, &["454 4.7.0 slower", "454 Throttling failure", "451 4.3.0 disk"]);
    check(PERSON, Throttled, &["452 4.3.1 full", "450 4.7.0 slower", "451 4.4.5 congested"]);
    check(PERSON, Throttled, &["452 4.5.3 too many recipients", "552 5.5.3 too many recipients"]);
    check(PERSON, Throttled, &["454 4.7.1 relay access denied"]);
    check(&[Phase::Data, Phase::Dot], Throttled, &["452 full"]);
    check(
        PERSON,
        Credentials,
        &["530 5.7.0 log in", "535 no", "523 5.7.10 use TLS", "550 5.7.57 no"],
    );
    check(
        PERSON,
        Sender,
        &["550 5.1.8 your domain", "553 5.1.7 your address", "550 5.7.27 null MX"],
    );
    check(&[Phase::Data], Policy, &["552 too big"]);
    check(PERSON, Down, &["503 order", "503 5.5.1 order", "500 what", "502 5.5.2 what"]);
}

#[test]
fn pauses_double_from_minutes_for_greylisting_and_from_hours_for_a_full_mailbox() {
    let minutes = |class: Recipient| {
        [1, 2, 3, 5, 60].map(|attempt| class.back_off(attempt).unwrap().num_minutes())
    };
    assert_eq!(minutes(Greylisted), [6, 12, 24, 60, 60]);
    assert_eq!(minutes(Later), [5, 10, 20, 80, 240]);
    assert_eq!(minutes(Full), [120, 240, 480, 480, 480]);
    for class in [Gone, Refused, Policy] {
        assert_eq!(class.back_off(1), None);
    }
}

#[test]
fn only_a_persons_hand_mends_credentials_sender_and_size() {
    let all = [Throttled, Closing, Credentials, Sender, TooLarge, Down];
    let waiting: Vec<_> = all.into_iter().filter(|trouble| trouble.needs_operator()).collect();
    assert_eq!(waiting, [Credentials, Sender, TooLarge]);
}
