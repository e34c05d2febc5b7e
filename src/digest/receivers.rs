//! Who is told a correction: whoever has the old text and still follows a feed that brought it,
//! or one that holds it today.

use std::collections::HashSet;

use crate::store::{Receiver, Subscription};

/// Of these people's subscriptions those for which each is told. `selecting` are the feeds that
/// hold the entry now.
///
/// What somebody is owed plays no part: they have the old text, whenever they joined.
pub fn told(
    receivers: &[Receiver],
    subscriptions: Vec<Subscription>,
    selecting: &HashSet<&str>,
) -> Vec<Subscription> {
    let people: HashSet<i64> = receivers.iter().map(|receiver| receiver.subscriber).collect();
    let brought: HashSet<(i64, &str)> =
        receivers.iter().map(|receiver| (receiver.subscriber, &*receiver.feed)).collect();
    let is_told = |subscription: &Subscription| {
        let (subscriber, feed) = (subscription.subscriber, &*subscription.feed);
        people.contains(&subscriber)
            && (selecting.contains(feed) || brought.contains(&(subscriber, feed)))
    };
    subscriptions
        .into_iter()
        .filter(is_told)
        .map(|subscription| Subscription { owed_from: None, ..subscription })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follows(subscriber: i64, feed: &str) -> Subscription {
        let language = "en".parse().unwrap();
        let feed = feed.into();
        Subscription { subscriber, feed, language, owed_from: Some(7), is_paused: false }
    }

    /// Reader 1 has the old text from the feed `roads`; `all` holds it still.
    fn check(subscriptions: &[Subscription], expected: &[&str]) {
        let receivers = [Receiver { subscriber: 1, feed: "roads".into() }];
        let told = told(&receivers, subscriptions.to_vec(), &HashSet::from(["all"]));
        assert!(told.iter().all(|s| s.subscriber == 1 && s.owed_from.is_none()), "{told:?}");
        assert_eq!(told.iter().map(|s| &*s.feed).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn who_follows_the_feed_that_brought_it_is_told_though_it_holds_it_no_more() {
        check(&[follows(1, "roads")], &["roads"]);
    }

    #[test]
    fn who_left_that_feed_is_told_by_another_that_holds_it() {
        check(&[follows(1, "all"), follows(1, "events")], &["all"]);
    }

    #[test]
    fn who_follows_neither_is_not_told() {
        check(&[follows(1, "events")], &[]);
    }

    #[test]
    fn who_never_had_it_is_not_told() {
        check(&[follows(2, "all"), follows(2, "roads")], &[]);
    }
}
