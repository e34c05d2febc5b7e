//! What is wrong with a template: file, line and remedy, from what Tera reports.

use std::io;
use std::path::{Path, PathBuf};

use tera::ErrorKind;

use crate::words::WordsError;

#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("could not read template `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("template `{file}` is not UTF-8 text: save it as UTF-8")]
    Encoding { file: String },
    #[error(
        "template `{file}` line {line}: {message}: \
         mend the line, or remove the file to use the built-in template"
    )]
    Syntax { file: String, line: usize, message: String },
    #[error(
        "template `{name}` line {line}: {message}: \
         use a value that this template is given, or remove the file to use the built-in template"
    )]
    Render { name: String, line: usize, message: String },
    #[error(transparent)]
    Words(#[from] WordsError),
    /// What Tera cannot pin to a line, such as an unknown name or a circle of parents.
    #[error("template `{name}`: {message}")]
    Whole { name: String, message: String },
}

/// Where a template stands: its path, or its name if it is built in.
pub(super) fn file_of(name: &str, replaced: &[String], folder: &Path) -> String {
    if replaced.iter().any(|r| r == name) {
        folder.join(name).display().to_string()
    } else {
        name.to_owned()
    }
}

pub(super) fn syntax(error: &tera::Error, replaced: &[String], folder: &Path) -> TemplateError {
    let file = |name: &str| file_of(name, replaced, folder);
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            TemplateError::Syntax {
                file: file(report.filename()),
                line: report.span().start_line,
                message: sentence(report.message()),
            }
        }
        ErrorKind::MissingParent { current, parent } => TemplateError::Whole {
            name: file(current),
            message: format!("there is no template `{parent}` to extend"),
        },
        ErrorKind::CircularExtend { tpl, .. } | ErrorKind::CircularInclude { tpl, .. } => {
            TemplateError::Whole {
                name: file(tpl),
                message: "it extends or includes itself".to_owned(),
            }
        }
        _ => match first_report(&error.to_string()) {
            Some((name, line, message)) => {
                TemplateError::Syntax { file: file(name), line, message: sentence(message) }
            }
            None => TemplateError::Whole {
                name: folder.display().to_string(),
                message: error.to_string(),
            },
        },
    }
}

/// Template, line and message of the first of the reports that Tera joins into one text when
/// filters, tests, functions or blocks are unknown: `error: MESSAGE`, then ` --> NAME:LINE:COLUMN`.
fn first_report(text: &str) -> Option<(&str, usize, &str)> {
    let mut lines = text.lines();
    let message = lines.next()?.strip_prefix("error: ")?;
    let place = lines.next()?.trim_start().strip_prefix("--> ")?;
    let mut parts = place.rsplitn(3, ':');
    let (_column, line, name) = (parts.next()?, parts.next()?, parts.next()?);
    Some((name, line.parse().ok()?, message))
}

/// Tera's message in the manner of ours: one line, lower case, no final period.
pub(super) fn sentence(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches('.');
    let mut chars = line.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}
