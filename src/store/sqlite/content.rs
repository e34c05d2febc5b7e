//! Files, problems and documents.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use super::{During, Result, moment};
use crate::content::FileStat;
use crate::content::{Problem, Severity};
use crate::store::{DocumentRecord, FileOutcome, KnownFile, ScanRecord, StoreError};

/// From this position on stand problems of paths that were not read, such as a symlink out
/// of the folder or a file we may not open: each scan says them anew.
const UNREAD: i64 = 1 << 32;

pub(super) async fn known_files(reader: &mut SqliteConnection) -> Result<Vec<KnownFile>> {
    let rows: Vec<(String, i64, i64, i64, String)> = sqlx::query_as(
        "select path, size_bytes, modified_ns, inode, outcome from source_file order by path",
    )
    .fetch_all(reader)
    .await
    .during("read the known files")?;
    rows.into_iter()
        .map(|(path, size_bytes, modified_ns, inode, outcome)| {
            let outcome = FileOutcome::ALL
                .into_iter()
                .find(|o| o.as_str() == outcome)
                .ok_or(StoreError::Value { what: "file outcome", value: outcome })?;
            let stat = FileStat {
                size_bytes: size_bytes.cast_unsigned(),
                modified_ns,
                inode: inode.cast_unsigned(),
            };
            Ok(KnownFile { path, stat, outcome })
        })
        .collect()
}

pub(super) async fn record_files(writer: &mut SqliteConnection, scan: &ScanRecord) -> Result<()> {
    let action = "remember files";
    for path in &scan.gone {
        sqlx::query("delete from source_file where path = $1")
            .bind(path)
            .execute(&mut *writer)
            .await
            .during(action)?;
        drop_problems(writer, path).await?;
    }
    for file in &scan.files {
        sqlx::query(
            "insert into source_file (path, size_bytes, modified_ns, inode, outcome)
             values ($1, $2, $3, $4, $5)
             on conflict (path) do update set size_bytes = excluded.size_bytes,
                 modified_ns = excluded.modified_ns, inode = excluded.inode,
                 outcome = excluded.outcome",
        )
        .bind(&file.path)
        .bind(file.stat.size_bytes.cast_signed())
        .bind(file.stat.modified_ns)
        .bind(file.stat.inode.cast_signed())
        .bind(file.outcome.as_str())
        .execute(&mut *writer)
        .await
        .during(action)?;
        drop_problems(writer, &file.path).await?;
    }
    sqlx::query("delete from problem where position >= $1")
        .bind(UNREAD)
        .execute(&mut *writer)
        .await
        .during("remember problems")?;
    let read: HashSet<&str> = scan.files.iter().map(|file| file.path.as_str()).collect();
    for (position, problem) in scan.problems.iter().enumerate() {
        let position = i64::try_from(position).unwrap_or(UNREAD);
        let position =
            if read.contains(problem.path.as_str()) { position } else { UNREAD + position };
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        sqlx::query(
            "insert into problem
                 (path, position, severity, line, field, value, message, remedy)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (path, position) do nothing",
        )
        .bind(&problem.path)
        .bind(position)
        .bind(severity)
        .bind(problem.line.and_then(|l| i64::try_from(l).ok()))
        .bind(&problem.field)
        .bind(&problem.value)
        .bind(&problem.message)
        .bind(&problem.remedy)
        .execute(&mut *writer)
        .await
        .during("remember problems")?;
    }
    Ok(())
}

async fn drop_problems(writer: &mut SqliteConnection, path: &str) -> Result<()> {
    sqlx::query("delete from problem where path = $1")
        .bind(path)
        .execute(writer)
        .await
        .during("remember problems")?;
    Ok(())
}

pub(super) async fn problems(reader: &mut SqliteConnection) -> Result<Vec<Problem>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        path: String,
        severity: String,
        line: Option<i64>,
        field: Option<String>,
        value: Option<String>,
        message: String,
        remedy: String,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select path, severity, line, field, value, message, remedy from problem
         order by severity, path, position",
    )
    .fetch_all(reader)
    .await
    .during("read the problems")?;
    Ok(rows
        .into_iter()
        .map(|row| Problem {
            severity: if row.severity == "error" { Severity::Error } else { Severity::Warning },
            path: row.path,
            line: row.line.and_then(|l| usize::try_from(l).ok()),
            field: row.field,
            value: row.value,
            message: row.message,
            remedy: row.remedy,
        })
        .collect())
}

pub(super) async fn record_documents(
    writer: &mut SqliteConnection,
    changed: &[DocumentRecord],
    removed: &[String],
) -> Result<()> {
    let action = "remember documents";
    for document in changed {
        sqlx::query(
            "insert into document (path, hash, size_bytes, changed_at) values ($1, $2, $3, $4)
             on conflict (path) do update set hash = excluded.hash,
                 size_bytes = excluded.size_bytes, changed_at = excluded.changed_at
             where document.hash <> excluded.hash",
        )
        .bind(&document.path)
        .bind(&document.hash)
        .bind(document.size_bytes.cast_signed())
        .bind(document.changed_at.timestamp())
        .execute(&mut *writer)
        .await
        .during(action)?;
    }
    for path in removed {
        sqlx::query("delete from document where path = $1")
            .bind(path)
            .execute(&mut *writer)
            .await
            .during(action)?;
    }
    Ok(())
}

pub(super) async fn documents(reader: &mut SqliteConnection) -> Result<Vec<DocumentRecord>> {
    let rows: Vec<(String, String, i64, i64)> =
        sqlx::query_as("select path, hash, size_bytes, changed_at from document order by path")
            .fetch_all(reader)
            .await
            .during("read the documents")?;
    Ok(rows
        .into_iter()
        .map(|(path, hash, size_bytes, changed_at)| DocumentRecord {
            path,
            hash,
            size_bytes: size_bytes.cast_unsigned(),
            changed_at: moment(changed_at),
        })
        .collect())
}
