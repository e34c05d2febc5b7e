//! Opens the file and brings its schema up to this version; reads and copies one of any version.

use std::path::Path;
use std::sync::Arc;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlStr, SqliteConnection};
use tokio::sync::Mutex;

use super::group::GroupCommit;
use super::{BUSY_TIMEOUT, CACHE, During, Result, SECURE_DELETE, SqliteStore};
use crate::store::StoreError;

const READERS: u32 = 4;

/// Numbered, and never edited once released.
const MIGRATIONS: [(i64, &str, &str); 15] = [
    (1, "initial", include_str!("../../../migrations/sqlite/0001_initial.sql")),
    (2, "scan", include_str!("../../../migrations/sqlite/0002_scan.sql")),
    (3, "feeds", include_str!("../../../migrations/sqlite/0003_feeds.sql")),
    (4, "sending", include_str!("../../../migrations/sqlite/0004_sending.sql")),
    (5, "pauses", include_str!("../../../migrations/sqlite/0005_pauses.sql")),
    (6, "deliveries", include_str!("../../../migrations/sqlite/0006_deliveries.sql")),
    (7, "run_counts", include_str!("../../../migrations/sqlite/0007_run_counts.sql")),
    (8, "pages", include_str!("../../../migrations/sqlite/0008_pages.sql")),
    (9, "told", include_str!("../../../migrations/sqlite/0009_told.sql")),
    (10, "brakes", include_str!("../../../migrations/sqlite/0010_brakes.sql")),
    (11, "audit", include_str!("../../../migrations/sqlite/0011_audit.sql")),
    (12, "relay_fault", include_str!("../../../migrations/sqlite/0012_relay_fault.sql")),
    (13, "errands", include_str!("../../../migrations/sqlite/0013_errands.sql")),
    (14, "moves", include_str!("../../../migrations/sqlite/0014_moves.sql")),
    (15, "cancellations", include_str!("../../../migrations/sqlite/0015_cancellations.sql")),
];

impl SqliteStore {
    /// Opens the file at `path`, made with its folder where it is missing, and brings it up
    /// to this version.
    pub async fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            crate::private::make_folder(folder)
                .map_err(|source| StoreError::Folder { path: folder.to_owned(), source })?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("cache_size", CACHE)
            .pragma("secure_delete", SECURE_DELETE)
            .disable_statement_logging();
        let open = |source| StoreError::Open { path: path.to_owned(), source };
        let mut writer = SqliteConnection::connect_with(&options).await.map_err(open)?;
        migrate(&mut writer)
            .await
            .map_err(|source| StoreError::Migrate { path: path.to_owned(), source })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_lazy_with(options.read_only(true));
        let writer = Arc::new(Mutex::new(writer));
        let group = GroupCommit::start(path, Arc::clone(&writer)).await;
        let group =
            group.map_err(|source| StoreError::Ledger { action: "open the outbox", source })?;
        Ok(Self { writer, group, readers })
    }

    /// For those who only read: a store of an earlier version is left as it is.
    pub async fn refuse_older(path: &Path) -> Result<()> {
        let mut reader = as_it_is(path).await?;
        let open = |source| StoreError::Open { path: path.to_owned(), source };
        let version = version(&mut reader).await.map_err(open)?;
        if version < MIGRATIONS.last().map(|(newest, ..)| *newest) {
            return Err(StoreError::Older { path: path.to_owned() });
        }
        Ok(())
    }

    /// Copies the whole store at `path`, as of now and of whatever version, to a new file.
    pub async fn copy(path: &Path, to: &Path) -> Result<()> {
        let action = "copy the store";
        let mut reader = as_it_is(path).await?;
        // Reads the head of the file: what is no store at all is no fault of the copy.
        let open = |source| StoreError::Open { path: path.to_owned(), source };
        version(&mut reader).await.map_err(open)?;
        sqlx::query("vacuum into $1")
            .bind(to.display().to_string())
            .execute(&mut reader)
            .await
            .during(action)?;
        reader.close().await.during(action)
    }
}

/// A connection that writes nothing.
async fn as_it_is(path: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    SqliteConnection::connect_with(&options)
        .await
        .map_err(|source| StoreError::Open { path: path.to_owned(), source })
}

/// The newest migration that was done; none in an empty file.
async fn version(reader: &mut SqliteConnection) -> std::result::Result<Option<i64>, sqlx::Error> {
    let is_empty: bool = sqlx::query_scalar(
        "select not exists (select 1 from sqlite_schema where name = '_sqlx_migrations')",
    )
    .fetch_one(&mut *reader)
    .await?;
    if is_empty {
        return Ok(None);
    }
    sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
        .fetch_one(reader)
        .await
}

/// Brings the schema up to this version.
///
/// Two processes that open a new store at once both start with the first step; the one that
/// comes second finds it done when it looks again.
async fn migrate(writer: &mut SqliteConnection) -> std::result::Result<(), MigrateError> {
    let steps = MIGRATIONS.into_iter().map(|(version, name, sql)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    });
    let migrator = Migrator::with_migrations(steps.collect());
    let first = migrator.run(&mut *writer).await;
    if first.is_ok() { first } else { migrator.run(writer).await }
}
