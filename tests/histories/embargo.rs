//! Before an embargo ends, nothing of what waits stands in any document, mail or web copy.

use std::io::Read;

use flate2::read::GzDecoder;
use walkdir::WalkDir;

use super::check::connect;
use super::item::Item;
use super::office::PressOffice;

/// Looks into all documents of now, after publishing them.
pub(crate) async fn documents(office: &mut PressOffice) -> Result<(), String> {
    office.desk.publish().await;
    let now = office.desk.now();
    let documents = read_all(office);
    let is_told = |item: &Item| documents.iter().any(|(_, text)| text.contains(&item.name));
    for item in &office.items {
        if item.is_waiting(now)
            && let Some((path, _)) = documents.iter().find(|(_, text)| text.contains(&item.name))
        {
            return Err(format!("{item:?} stands in {path} at {now}"));
        }
        // The others show that it would be found there.
        let is_exact = item.embargo.as_ref().is_none_or(|embargo| embargo.is_exact);
        if is_exact && item.is_lasting() && !item.is_waiting(now) && !is_told(item) {
            return Err(format!("{item:?} is nowhere at {now}"));
        }
    }
    office.happened.push("documents");
    Ok(())
}

/// Documents as a reader sees them: whole, and calendars with their lines unfolded.
fn read_all(office: &PressOffice) -> Vec<(String, String)> {
    let files = WalkDir::new(office.desk.office.path("public")).into_iter().map(Result::unwrap);
    let is_document = |path: &std::path::Path| {
        !path.extension().is_some_and(|extension| extension == "gz" || extension == "br")
    };
    files
        .filter(|file| file.file_type().is_file() && is_document(file.path()))
        .map(|file| {
            let bytes = std::fs::read(file.path()).unwrap();
            let text = String::from_utf8_lossy(&bytes).replace("\r\n ", "");
            (file.path().display().to_string(), text)
        })
        .collect()
}

/// Looks into each issue that was made since it was last asked: mail and web copy.
pub(crate) async fn mail(office: &mut PressOffice) -> Result<(), String> {
    let now = office.desk.now();
    let waiting: Vec<&Item> = office.items.iter().filter(|item| item.is_waiting(now)).collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let renderings: Vec<(i64, String, Vec<u8>)> = sqlx::query_as(
        "select i.id, i.subject, r.bytes
         from issue i join rendering r on r.hash in (i.mail_rendering, i.web_rendering)
         where i.id > $1 order by i.id",
    )
    .bind(office.seen_issue)
    .fetch_all(&mut connect(office).await)
    .await
    .unwrap();
    for (_, subject, bytes) in &renderings {
        let text = unpacked(bytes);
        let is_in = |item: &&&Item| subject.contains(&item.name) || text.contains(&item.name);
        if let Some(item) = waiting.iter().find(is_in) {
            return Err(format!("{item:?} was mailed at {now}, `{subject}`"));
        }
    }
    if let Some((id, ..)) = renderings.last() {
        office.seen_issue = *id;
        office.happened.push("mails before an end");
    }
    Ok(())
}

/// A rendering without the soft line breaks of its transfer encoding.
fn unpacked(bytes: &[u8]) -> String {
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut unpacked).unwrap();
    String::from_utf8_lossy(&unpacked).replace("=\r\n", "")
}
