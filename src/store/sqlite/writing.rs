//! Transactions over the connection that writes: each does all of its work or nothing of it.

use sqlx::sqlite::SqliteTransactionManager;
use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};
use sqlx_core::transaction::TransactionManager;
use tokio::sync::MutexGuard;

use super::{During, Result, SqliteStore};

/// As [`CACHE`], for a transaction that goes all over the database: with fewer, a first scan of
/// many files writes its pages out and reads them again in the middle.
const LARGE_CACHE: &str = "pragma cache_size = -8192";

/// What a writer had before [`LARGE_CACHE`].
const USUAL_CACHE: &str = "pragma cache_size = -1024";

impl SqliteStore {
    pub(super) async fn writer(&self) -> MutexGuard<'_, SqliteConnection> {
        self.writer.lock().await
    }

    /// Does all of `work` in one transaction; nothing of it where a step fails.
    pub(super) async fn write<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T>,
    ) -> Result<T> {
        transact(&mut *self.writer().await, action, work).await
    }

    /// As [`SqliteStore::write`], for what goes all over the database. The memory for it is given
    /// back; after one that failed only by the next.
    pub(super) async fn write_much<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T>,
    ) -> Result<T> {
        let mut writer = self.writer().await;
        sqlx::raw_sql(LARGE_CACHE).execute(&mut *writer).await.during("make room for a write")?;
        let done = transact(&mut writer, action, work).await?;
        sqlx::raw_sql(USUAL_CACHE).execute(&mut *writer).await.during("give memory back")?;
        Ok(done)
    }
}

async fn transact<T>(
    writer: &mut SqliteConnection,
    action: &'static str,
    work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T>,
) -> Result<T> {
    let mut transaction = begin(writer, action).await?;
    let done = work(&mut transaction).await?;
    transaction.commit().await.during(action)?;
    Ok(done)
}

async fn begin<'c>(
    writer: &'c mut SqliteConnection,
    action: &'static str,
) -> Result<Transaction<'c, Sqlite>> {
    forget_ended_transaction(writer).await.during(action)?;
    writer.begin_with("begin immediate").await.during(action)
}

/// On a full disk SQLite ends a transaction itself (<https://sqlite.org/lang_transaction.html>,
/// "Response To Errors Within A Transaction"). The rollback that sqlx sends then fails, sqlx
/// goes on counting a transaction that is none, and would never begin one again. An empty one
/// in its place lets it count down.
async fn forget_ended_transaction(
    writer: &mut SqliteConnection,
) -> std::result::Result<(), sqlx::Error> {
    if !writer.is_in_transaction() {
        return Ok(());
    }
    // A rollback may be under way still: behind it the count is right.
    writer.ping().await?;
    if writer.is_in_transaction() {
        sqlx::raw_sql("begin").execute(&mut *writer).await?;
        SqliteTransactionManager::rollback(writer).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_store_that_was_full_is_written_again_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tidings.db")).await.unwrap();
        let limit = async |pragma| {
            sqlx::raw_sql(pragma).execute(&mut *store.writer().await).await.unwrap();
        };
        // No page more than there are.
        limit("pragma max_page_count = 1").await;
        for _ in 0..2 {
            let error = store.register_digests(&["d".repeat(1 << 20)], DateTime::default()).await;
            assert!(error.as_ref().unwrap_err().is_full_disk(), "{error:?}");
        }
        limit("pragma max_page_count = 1000000").await;
        store.register_digests(&["daily".into()], DateTime::default()).await.unwrap();
        assert!(store.digest_progress("daily").await.unwrap().is_some());
    }
}
