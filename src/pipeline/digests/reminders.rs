//! Event reminders: once a day, to those who chose events.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::readers::Readers;
use super::{Basis, DigestError, Occasion, Terms, everybody, record_quiet, reserved};
use crate::digest::plan::Window;
use crate::digest::{REMINDER, reminders};
use crate::pipeline::Press;
use crate::store::{DigestProgress, QuietState};

/// A reminder later than this is none.
const LATE_AFTER: TimeDelta = TimeDelta::hours(24);

/// The run that is due, if any. One too late is recorded, unless somebody only looks.
pub(super) async fn basis(press: &Press, now: DateTime<Utc>) -> Result<Option<Basis>, DigestError> {
    let Some(config) = &press.config.reminders else { return Ok(None) };
    let Some(progress) = press.store.digest_progress(REMINDER).await? else { return Ok(None) };
    let zone = press.config.site.time_zone;
    let newest = press.store.newest_due_key(progress.id, now).await?;
    let newest = newest.as_deref();
    let due = reminders::due(&config.at, zone, newest, progress.registered_at, now);
    let Some(due) = due.filter(|due| now - due.moment <= LATE_AFTER) else { return Ok(None) };
    let to_seq = press.store.newest_seq().await?;
    // It has no window: what counts is the day.
    let window = Window { from_seq: to_seq - 1, to_seq };
    basis_of(press, progress, Occasion::Scheduled(due), window).await
}

/// Records a moment that is too late to be sent, so that it is not looked at again.
pub(super) async fn record_late(press: &Press, now: DateTime<Utc>) -> Result<(), DigestError> {
    let Some(config) = &press.config.reminders else { return Ok(()) };
    let Some(progress) = press.store.digest_progress(REMINDER).await? else { return Ok(()) };
    let zone = press.config.site.time_zone;
    let newest = press.store.newest_due_key(progress.id, now).await?;
    let newest = newest.as_deref();
    let due = reminders::due(&config.at, zone, newest, progress.registered_at, now);
    if let Some(due) = due.filter(|due| now - due.moment > LATE_AFTER) {
        let reason = format!("too late for {}", due.key);
        let to_seq = progress.covered_seq;
        record_quiet(press, &progress, &due, to_seq, QuietState::Expired, reason).await?;
    }
    Ok(())
}

/// The run of a day: that of its moment, or of the run whose place it takes.
pub(super) async fn basis_of(
    press: &Press,
    progress: DigestProgress,
    occasion: Occasion,
    window: Window,
) -> Result<Option<Basis>, DigestError> {
    let Some(config) = &press.config.reminders else { return Ok(None) };
    let day = match &occasion {
        Occasion::Scheduled(due) => reminders::day_of(&due.key),
        Occasion::Succession(key) => reminders::day_of(key),
        Occasion::ByHand | Occasion::Immediate => return Ok(None),
    };
    let Ok(today) = day.parse::<NaiveDate>() else { return Ok(None) };
    let (zone, now) = (press.config.site.time_zone, press.clock.now());
    let day_before = (today - TimeDelta::days(1)).to_string();
    let newest = reminders::due(&config.at, zone, Some(&day_before), progress.registered_at, now);
    if newest.is_some_and(|due| due.key != day || now - due.moment > LATE_AFTER) {
        return Ok(None);
    }
    let (first, last) = reminders::start_days(today, &config.days);
    let mut changes = press.store.events_starting(first, last, window.to_seq).await?;
    changes.retain(|told| reminders::is_due(&told.entry, today, &config.days, zone, now));
    let terms = Terms { occasion, window, advances: true };
    let mut basis = Basis::new(press, reserved(press, REMINDER), progress, terms, changes).await?;
    basis.feeds.retain(|feed| reminders::asks_for_events(&feed.select));
    let digests = everybody(press).await?;
    Ok(Some(Basis { readers: Readers::Reminded, digests, ..basis }))
}
