//! What the store says was sent, read without touching it.

use std::collections::HashMap;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, FromRow, SqliteConnection};
use tidings::subscribers::keys::Keys;

#[derive(Debug, Clone, FromRow)]
pub(super) struct Run {
    pub(super) id: i64,
    pub(super) state: String,
    /// Deliveries the plan asks for.
    pub(super) recipients: i64,
}

#[derive(Debug, Clone, FromRow)]
pub(super) struct Delivery {
    pub(super) run_id: i64,
    pub(super) subscriber_id: i64,
    pub(super) state: String,
    pub(super) unknowns: i64,
    pub(super) next_at: i64,
}

pub(super) struct Ledger {
    pub(super) runs: Vec<Run>,
    pub(super) deliveries: Vec<Delivery>,
}

async fn connect(store: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(store).read_only(true).connect().await.unwrap()
}

pub(super) async fn read(store: &Path) -> Ledger {
    let mut store = connect(store).await;
    let runs = sqlx::query_as("select id, state, recipients from run order by id")
        .fetch_all(&mut store)
        .await
        .unwrap();
    let deliveries = sqlx::query_as(
        "select run_id, subscriber_id, state, unknowns, next_at from delivery
         order by run_id, subscriber_id",
    )
    .fetch_all(&mut store)
    .await
    .unwrap();
    Ledger { runs, deliveries }
}

/// Subscribers by every address they had; `keys` is the folder `keys.folder` names.
pub async fn people(store: &Path, keys: &Path) -> HashMap<String, i64> {
    let keys = Keys::open(keys).unwrap();
    let mut store = connect(store).await;
    let rows: Vec<(i64, i64, Vec<u8>)> =
        sqlx::query_as("select subscriber_id, key_id, cipher from address")
            .fetch_all(&mut store)
            .await
            .unwrap();
    let open = |(id, key, cipher): (i64, i64, Vec<u8>)| {
        (keys.open_address(key, &cipher).unwrap().as_str().to_owned(), id)
    };
    rows.into_iter().map(open).collect()
}
