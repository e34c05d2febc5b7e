//! The copy of the output folder in an object store, where the config names one.

use super::Press;
use super::publish::{PublishReport, rank};
use super::requests::Fault;
use crate::publish::bucket::{Bucket, BucketError, MirrorReport, Mirrored, mirror};
use crate::store::{DocumentRecord, StoreError};

/// Whether the copy lacks what the folder has: `yes` until it is complete.
const BEHIND_FACT: &str = "mirror_behind";

/// Whether readers of the object store do not see yet what was published.
pub async fn is_mirror_behind(press: &Press) -> Result<bool, StoreError> {
    let is_mirrored = press.config.bucket.is_some();
    Ok(is_mirrored && press.store.fact(BEHIND_FACT).await?.as_deref() == Some("yes"))
}

/// Said before the folder changes: until the copy is complete no hub is told.
pub(super) async fn fall_behind(press: &Press) -> Result<(), StoreError> {
    match press.config.bucket {
        Some(_) => press.store.set_fact(BEHIND_FACT, "yes").await,
        None => Ok(()),
    }
}

/// Brings the object store up to the folder, referred-to before referring.
///
/// What was uploaded is remembered also after a failure, so that the next call goes on. A
/// store that fails stops nothing else: the report says so.
pub(super) async fn copy(press: &Press, report: &mut PublishReport) -> Result<(), StoreError> {
    let Some(config) = &press.config.bucket else { return Ok(()) };
    fall_behind(press).await?;
    let mut records = press.store.documents().await?;
    records.sort_by_key(|record| rank(&record.path));
    let wanted: Vec<Mirrored> = records.into_iter().map(mirrored).collect();
    let mut done = MirrorReport::default();
    let outcome = match Bucket::open(config) {
        Ok(bucket) => mirror(&bucket, &press.config.output_folder, &wanted, &mut done).await,
        Err(error) => Err(error),
    };
    let copies: Vec<(String, Option<String>)> =
        done.uploaded.into_iter().map(|copy| (copy.path, Some(copy.tag))).collect();
    press.store.record_copies(&copies).await?;
    report.documents_uploaded += copies.len();
    report.bucket_fault = outcome.err().map(fault);
    if report.bucket_fault.is_none() {
        press.store.set_fact(BEHIND_FACT, "no").await?;
    }
    Ok(())
}

fn fault(error: BucketError) -> Fault {
    Fault {
        hint: Some(error.hint().to_owned()),
        message: format!("{:#}", anyhow::Error::from(error)),
    }
}

fn mirrored(record: DocumentRecord) -> Mirrored {
    let DocumentRecord { path, hash, size_bytes, bucket_tag: tag, .. } = record;
    Mirrored { path, hash, size_bytes, tag }
}
