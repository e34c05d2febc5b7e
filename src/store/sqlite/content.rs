//! Files and problems.

use std::collections::{BTreeMap, HashMap};

use sqlx::SqliteConnection;

use super::{During, Result, json};
use crate::content::{FileStat, Problem, Severity, split_path};
use crate::store::{FileOutcome, KnownFile, ScanEnd, ScanRecord, StoreError};

/// From this position on stand problems of the folder as a whole, such as a symlink out of it
/// or two files with one address: each scan that changes something says them anew.
pub(super) const UNREAD: i64 = 1 << 32;

/// Rows in one statement.
const PAGE: usize = 1_000;

pub(super) async fn is_new(reader: &mut SqliteConnection) -> Result<bool> {
    sqlx::query_scalar(
        "select not exists (select 1 from source_file) and not exists (select 1 from entry)",
    )
    .fetch_one(reader)
    .await
    .during("look for earlier scans")
}

pub(super) async fn known_folders(
    reader: &mut SqliteConnection,
) -> Result<HashMap<String, String>> {
    let rows: Vec<(String, String)> = sqlx::query_as("select path, signature from source_folder")
        .fetch_all(reader)
        .await
        .during("read the known folders")?;
    Ok(rows.into_iter().collect())
}

pub(super) async fn known_files(
    reader: &mut SqliteConnection,
    folders: &[String],
) -> Result<Vec<KnownFile>> {
    let rows: Vec<(String, String, i64, i64, i64, String)> = sqlx::query_as(
        "select f.folder, f.name, f.size_bytes, f.modified_ns, f.inode, f.outcome
         from json_each($1) as j join source_file f on f.folder = j.value",
    )
    .bind(json(&folders))
    .fetch_all(reader)
    .await
    .during("read the known files")?;
    rows.into_iter()
        .map(|(folder, name, size_bytes, modified_ns, inode, outcome)| {
            let stat = FileStat {
                size_bytes: size_bytes.cast_unsigned(),
                modified_ns,
                inode: inode.cast_unsigned(),
            };
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            Ok(KnownFile { path, stat, outcome: outcome_of(outcome)? })
        })
        .collect()
}

/// Folders that have known files; without a signature they are looked at.
pub(super) async fn folders_with_files(reader: &mut SqliteConnection) -> Result<Vec<String>> {
    // Each step jumps to the next folder, so the cost is by folder and not by file.
    sqlx::query_scalar(
        "with recursive next (folder) as (
             select min(folder) from source_file
             union all
             select (select min(folder) from source_file f where f.folder > next.folder)
             from next where next.folder is not null)
         select folder from next where folder is not null",
    )
    .fetch_all(reader)
    .await
    .during("read the known folders")
}

fn outcome_of(text: String) -> Result<FileOutcome> {
    FileOutcome::ALL
        .into_iter()
        .find(|outcome| outcome.as_str() == text)
        .ok_or(StoreError::Value { what: "file outcome", value: text })
}

pub(super) async fn file_counts(
    reader: &mut SqliteConnection,
) -> Result<BTreeMap<FileOutcome, u64>> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("select outcome, count(*) from source_file group by outcome")
            .fetch_all(reader)
            .await
            .during("count the files")?;
    rows.into_iter().map(|(text, n)| Ok((outcome_of(text)?, n.cast_unsigned()))).collect()
}

pub(super) async fn record_files(writer: &mut SqliteConnection, scan: &ScanRecord) -> Result<()> {
    let action = "remember files";
    for page in scan.gone.chunks(PAGE) {
        let rows: Vec<(&str, &str)> = page.iter().map(|path| split_path(path)).collect();
        sqlx::query(
            "delete from source_file where (folder, name) in (
                 select j.value ->> 0, j.value ->> 1 from json_each($1) as j)",
        )
        .bind(json(&rows))
        .execute(&mut *writer)
        .await
        .during(action)?;
        drop_problems(writer, &page).await?;
    }
    for page in scan.files.chunks(PAGE) {
        let row = |file: &KnownFile| {
            let (folder, name) = split_path(&file.path);
            let FileStat { size_bytes, modified_ns, inode } = file.stat;
            let size_bytes = size_bytes.cast_signed();
            json(&(
                folder,
                name,
                size_bytes,
                modified_ns,
                inode.cast_signed(),
                file.outcome.as_str(),
            ))
        };
        let rows: Vec<String> = page.iter().map(row).collect();
        sqlx::query(
            "insert into source_file (folder, name, size_bytes, modified_ns, inode, outcome)
             select j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4,
                 j.value ->> 5
             from json_each($1) as j where true
             on conflict (folder, name) do update set size_bytes = excluded.size_bytes,
                 modified_ns = excluded.modified_ns, inode = excluded.inode,
                 outcome = excluded.outcome",
        )
        .bind(format!("[{}]", rows.join(",")))
        .execute(&mut *writer)
        .await
        .during(action)?;
        let paths: Vec<&str> = page.iter().map(|file| file.path.as_str()).collect();
        drop_problems(writer, &paths).await?;
    }
    add_problems(writer, &scan.problems, 0).await
}

/// Forgets problems of files; `paths` are strings.
async fn drop_problems(writer: &mut SqliteConnection, paths: &impl serde::Serialize) -> Result<()> {
    sqlx::query(
        "delete from problem where position < $2
             and path in (select value from json_each($1))",
    )
    .bind(json(paths))
    .bind(UNREAD)
    .execute(writer)
    .await
    .during("remember problems")?;
    Ok(())
}

async fn add_problems(
    writer: &mut SqliteConnection,
    problems: &[Problem],
    first: i64,
) -> Result<()> {
    let mut position = first;
    for page in problems.chunks(PAGE) {
        let mut rows = Vec::with_capacity(page.len());
        for problem in page {
            rows.push((position, problem));
            position += 1;
        }
        sqlx::query(
            "insert into problem (path, position, severity, line, field, value, message, remedy)
             select j.value ->> '$[1].path', j.value ->> 0, j.value ->> '$[1].severity',
                 j.value ->> '$[1].line', j.value ->> '$[1].field', j.value ->> '$[1].value',
                 j.value ->> '$[1].message', j.value ->> '$[1].remedy'
             from json_each($1) as j where true
             on conflict (path, position) do nothing",
        )
        .bind(json(&rows))
        .execute(&mut *writer)
        .await
        .during("remember problems")?;
    }
    Ok(())
}

pub(super) async fn end_scan(writer: &mut SqliteConnection, end: &ScanEnd) -> Result<()> {
    let action = "remember folders";
    sqlx::query("delete from problem where position >= $1")
        .bind(UNREAD)
        .execute(&mut *writer)
        .await
        .during("remember problems")?;
    add_problems(writer, &end.problems, UNREAD).await?;
    for page in end.unsettled.chunks(PAGE) {
        sqlx::query("delete from source_folder where path in (select value from json_each($1))")
            .bind(json(&page))
            .execute(&mut *writer)
            .await
            .during(action)?;
    }
    for page in end.folders.chunks(PAGE) {
        sqlx::query(
            "insert into source_folder (path, signature)
             select j.value ->> 0, j.value ->> 1 from json_each($1) as j where true
             on conflict (path) do update set signature = excluded.signature",
        )
        .bind(json(&page))
        .execute(&mut *writer)
        .await
        .during(action)?;
    }
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
