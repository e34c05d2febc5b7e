//! Why a command ends without doing its work, with its exit code and what to do about it.

use std::fs::File;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::digest::render::RenderError;
use crate::outbox::sender::SendError;
use crate::pipeline::digests::DigestError;
use crate::pipeline::leaving::LeavingError;
use crate::pipeline::people::PeopleError;
use crate::pipeline::publish::PublishingError;
use crate::store::lock::LockError;
use crate::store::{FileFault, StoreError};
use crate::subscribers::import::ImportError;
use crate::subscribers::journal::JournalError;
use crate::subscribers::keys::KeyError;
use crate::templates::TemplateError;
use crate::web::ListenError;

/// Failed.
pub(super) const FAILED: u8 = 1;
/// Wrong usage or config.
pub(super) const USAGE: u8 = 2;
/// Some file was held back by an error.
pub(super) const HELD_BACK: u8 = 3;
/// Held for approval.
pub(super) const ON_HOLD: u8 = 4;
/// Partly sent: some mail is still to go out.
pub(super) const PARTLY_SENT: u8 = 5;

#[derive(Debug)]
pub(super) struct Failure {
    pub code: u8,
    pub error: anyhow::Error,
    pub hint: Option<String>,
}

impl Failure {
    pub(super) fn new(error: impl Into<anyhow::Error>) -> Self {
        Self { code: FAILED, error: error.into(), hint: None }
    }

    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: USAGE, error: anyhow::anyhow!(message.into()), hint: Some(hint.into()) }
    }

    /// Names the store's file where that cannot be used: SQLite's own words name neither it nor a
    /// remedy.
    pub(super) fn naming_store(self, store_path: impl FnOnce() -> Option<PathBuf>) -> Self {
        let Some(error) = self.error.downcast_ref::<StoreError>() else { return self };
        let Some((fault, path)) = error.fault().zip(store_path()) else { return self };
        let said = error.to_string();
        let name = format!("`{}`", path.display());
        let it = if said.contains(&name) { "it".to_owned() } else { format!("the store {name}") };
        let cause = match (fault, File::open(&path)) {
            (FileFault::Closed, Err(error)) => anyhow::Error::from(error),
            (FileFault::Closed, Ok(_)) => anyhow::anyhow!("nothing can be written beside it"),
            (FileFault::Damaged, _) => anyhow::anyhow!("{it} is damaged"),
            (FileFault::NoDatabase, _) => anyhow::anyhow!("{it} is no database"),
            (FileFault::ReadOnly, _) => anyhow::anyhow!("{it} may only be read"),
        };
        Self { error: cause.context(said), ..self }
    }

    fn with_hint(error: impl Into<anyhow::Error>, hint: Option<&str>) -> Self {
        Self { hint: hint.map(str::to_owned), ..Self::new(error) }
    }
}

/// What to do about a store's file that cannot be used.
fn remedy(fault: FileFault) -> &'static str {
    match fault {
        FileFault::Damaged | FileFault::NoDatabase => {
            "end the daemon and bring back a backup: docs/operating.md, \"var/, and how to back it \
             up\""
        }
        FileFault::ReadOnly => {
            "let the user that runs tidings write that file, those beside it and their folder"
        }
        FileFault::Closed => {
            "let the user that runs tidings read and write there, or name another `store.url`"
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let hint = error.hint().to_owned();
        Self { code: USAGE, error: error.into(), hint: Some(hint) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = match error.cause() {
            _ if error.is_full_disk() => {
                Some("make room on the disk that `store.url` lies on, and run it again")
            }
            _ if let Some(fault) = error.fault() => Some(remedy(fault)),
            StoreError::Open { .. } | StoreError::Folder { .. } => {
                Some("let the user that runs tidings write there, or name another `store.url`")
            }
            StoreError::Older { .. } => Some(
                "the daemon, `tidings publish-now` and every other command that writes bring it \
                 up to this version; `--at` looks at a copy of it",
            ),
            StoreError::Migrate { .. } => {
                Some("was the store made by a later version? use that one, or restore a backup")
            }
            StoreError::Query { .. } | StoreError::Ledger { .. } => {
                Some("check that the disk is writable and not full")
            }
            StoreError::Value { .. } | StoreError::Shared(_) | StoreError::Closed => None,
        };
        Self::with_hint(error, hint)
    }
}

impl From<PublishingError> for Failure {
    fn from(error: PublishingError) -> Self {
        match error {
            PublishingError::Store(error) => error.into(),
            error => {
                let hint = error.hint();
                let code = if error.is_config() { USAGE } else { FAILED };
                Self { code, ..Self::with_hint(error, hint) }
            }
        }
    }
}

impl From<DigestError> for Failure {
    fn from(error: DigestError) -> Self {
        match error {
            DigestError::Store(error) => error.into(),
            error => {
                let hint = error.hint();
                let code =
                    if matches!(error, DigestError::TooMany { .. }) { ON_HOLD } else { FAILED };
                Self { code, ..Self::with_hint(error, hint) }
            }
        }
    }
}

impl From<PeopleError> for Failure {
    fn from(error: PeopleError) -> Self {
        let hint = match error {
            PeopleError::Store(error) => return error.into(),
            PeopleError::Key(error) => return error.into(),
            PeopleError::Read { .. } => "name a file that is there and can be read",
            PeopleError::Import { source: ImportError::Separator(_), .. } => {
                "save it again with commas: `address,language,feed,digest`"
            }
            PeopleError::Import { .. } => "write CSV in UTF-8: `address,language,feed,digest`",
            PeopleError::Rehearsal { .. } => "mend the line, or remove `rehearsal` from the config",
        };
        Self { code: USAGE, ..Self::with_hint(error, Some(hint)) }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let hint = match &error {
            KeyError::Folder { .. } | KeyError::Write { .. } | KeyError::Read { .. } => {
                "let the user that runs tidings read and write there, or name another \
                 `keys.folder`"
            }
            KeyError::Form { .. } | KeyError::Missing(_) | KeyError::Sealed(_) => {
                "bring the key back from its backup"
            }
            KeyError::OtherStore { .. } => {
                "bring back the key folder this store was made with; without it no address can \
                 be read"
            }
            KeyError::Random => "check the system's random source",
        };
        Self::with_hint(error, Some(hint))
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        let hint = error.hint();
        Self::with_hint(error, hint)
    }
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::Template(error) => Self::new(error),
            error @ RenderError::Inline(_) => {
                Self::with_hint(error, Some("mend the `style` of the template"))
            }
        }
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        Self { code: USAGE, ..Self::new(error) }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let hint = match &error {
            JournalError::File { source, .. }
                if source.kind() == std::io::ErrorKind::StorageFull =>
            {
                "make room on the disk that `store.url` lies on, and run it again"
            }
            JournalError::InUse { .. } => "end the other process first",
            _ => "let the user that runs tidings write beside the store",
        };
        Self::with_hint(error, Some(hint))
    }
}

impl From<LeavingError> for Failure {
    fn from(error: LeavingError) -> Self {
        match error {
            LeavingError::Store(error) => error.into(),
            LeavingError::Journal(error) => error.into(),
        }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        Self::with_hint(
            error,
            Some("let the user that runs tidings write there, or name another `store.url`"),
        )
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        Self::with_hint(
            error,
            Some("end the program that listens there, or set another `web.listen`"),
        )
    }
}
