use chrono::TimeDelta;

use super::*;

/// Days after the first of November.
fn at(days: i64) -> DateTime<Utc> {
    "2026-11-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(days)
}

fn ended(run: i64) -> Said {
    let totals = Totals { deliveries: [("accepted".to_owned(), 2)].into(), resent: 0 };
    Said::Ended(Ended { run, state: "complete".into(), totals })
}

/// Two lines on the first day, one on the next, two on the third.
fn lines() -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (run, day) in [(1, 0), (2, 0), (3, 1), (4, 2), (5, 2)] {
        let head = lines.last().map(Line::head);
        lines.push(Line::after(head.as_ref(), at(day), &ended(run)));
    }
    lines
}

fn check(lines: &[Line]) -> Result<(), String> {
    let noted = self::lines().last().map(Line::head);
    let mut chain = Chain::new(Kind::Run);
    for line in lines {
        chain.add(line).map_err(|broken| broken.to_string())?;
    }
    chain.end(noted.as_ref()).map(|_| ()).map_err(|broken| broken.to_string())
}

fn without(at: &[usize]) -> Vec<Line> {
    let lines = lines().into_iter().enumerate();
    lines.filter(|(n, _)| !at.contains(n)).map(|(_, line)| line).collect()
}

#[test]
fn a_chain_as_it_was_written_holds() {
    assert_eq!(check(&lines()), Ok(()));
    let places: Vec<String> = lines().iter().map(|line| line.place.to_string()).collect();
    let expected = ["01 line 1", "01 line 2", "02 line 1", "03 line 1", "03 line 2"];
    assert_eq!(places, expected.map(|place| format!("2026-11-{place}")));
}

#[test]
fn a_changed_byte_is_found_where_it_stands() {
    let mut changed = lines();
    changed[1].said = changed[1].said.replace('2', "3");
    let found = "run 2026-11-01 line 2: its hash is not that of what it says behind the line \
                 before it";
    assert_eq!(check(&changed), Err(found.to_owned()));
    let mut later = lines();
    later[1].at += TimeDelta::seconds(1);
    assert_eq!(check(&later), Err(found.to_owned()));
}

#[test]
fn a_changed_line_with_a_hash_of_its_own_is_found_at_the_next() {
    let mut changed = lines();
    changed[0].said = changed[0].said.replace('2', "3");
    changed[0].hash = changed[0].hash_after("");
    assert!(check(&changed).unwrap_err().starts_with("run 2026-11-01 line 2: its hash"));
}

#[test]
fn a_dropped_line_is_found() {
    let missing = "the line before it is missing";
    assert_eq!(check(&without(&[0])), Err(format!("run 2026-11-01 line 2: {missing}")));
    assert_eq!(check(&without(&[3])), Err(format!("run 2026-11-03 line 2: {missing}")));
    // The last of a day leaves no gap in the numbers: the next day's hash tells.
    assert!(check(&without(&[1])).unwrap_err().starts_with("run 2026-11-02 line 1: its hash"));
}

#[test]
fn a_dropped_day_is_found() {
    assert!(check(&without(&[2])).unwrap_err().starts_with("run 2026-11-03 line 1: its hash"));
    assert!(check(&without(&[0, 1])).unwrap_err().starts_with("run 2026-11-02 line 1: its hash"));
}

#[test]
fn a_dropped_end_is_found() {
    let missing = "run 2026-11-03 line 2: the newest line is missing";
    assert_eq!(check(&without(&[4])), Err(missing.to_owned()));
    assert_eq!(check(&without(&[3, 4])), Err(missing.to_owned()));
    assert_eq!(check(&[]), Err(missing.to_owned()));
}

#[test]
fn a_line_more_than_was_noted_is_found() {
    let mut more = lines();
    more.push(Line::after(more.last().map(Line::head).as_ref(), at(2), &ended(6)));
    assert!(check(&more).unwrap_err().starts_with("run 2026-11-03 line 3: the newest line is not"));
}

#[test]
fn a_clock_set_back_moves_no_line_before_another() {
    let first = Line::after(None, at(3), &ended(1));
    let second = Line::after(Some(&first.head()), at(0), &ended(2));
    assert_eq!(second.place.to_string(), "2026-11-04 line 2");
}

#[test]
fn what_is_said_has_its_keys_in_order() {
    assert_eq!(
        canonical(&ended(7)),
        r#"{"deliveries":{"accepted":2},"event":"ended","resent":0,"run":7,"state":"complete"}"#
    );
}

#[test]
fn a_head_is_noted_and_read_back() {
    let head = lines()[0].head();
    assert_eq!(Head::from_fact(&head.to_fact()), Some(head));
    assert_eq!(Head::from_fact("2026-11-01 one abc"), None);
}
