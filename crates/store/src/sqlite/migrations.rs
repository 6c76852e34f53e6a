//! Brings a file to the form this version works with.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::not_opened;
use crate::StoreError;

/// Every step, in order; the file's `user_version` says how many it has seen.
const STEPS: [&str; 2] = [
    include_str!("../../migrations/sqlite/0001_init.sql"),
    include_str!("../../migrations/sqlite/0002_deliveries.sql"),
];

/// Applies the steps the file has not seen, each in a transaction of its own.
pub(super) async fn run(
    connection: &mut SqliteConnection,
    file: &Arc<str>,
) -> Result<(), StoreError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found = version(connection)
        .await
        .map_err(|e| not_opened(file, &e))?;
    if found > known {
        return Err(StoreError::TooNew {
            file: Arc::clone(file),
            found,
            known,
        });
    }
    for (number, step) in (1_i64..).zip(STEPS) {
        if number > found {
            apply(connection, number, step)
                .await
                .map_err(|e| not_opened(file, &e))?;
        }
    }
    Ok(())
}

async fn version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query("PRAGMA user_version")
        .fetch_one(connection)
        .await?
        .try_get(0)
}

async fn apply(
    connection: &mut SqliteConnection,
    number: i64,
    step: &'static str,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(step).execute(&mut *transaction).await?;
    // A pragma takes no parameters; the number is our own.
    let note = AssertSqlSafe(format!("PRAGMA user_version = {number}"));
    sqlx::raw_sql(note).execute(&mut *transaction).await?;
    transaction.commit().await
}
