//! `mail.legal`: who answers for the mail, and the law whose demands on a mail are checked.
//!
//! `docs/digests.md` has the table of sections. What the program does by itself (a way to leave
//! in every mail, a subject that says what is inside) is not asked for here.

use serde::{Deserialize, Serialize};

use super::check::Checker;
use super::error::ConfigError;
use super::file::LegalSection;
use crate::model::Address;

/// Who stands in the foot of every mail, each as plain text on one line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Legal {
    /// Who sends the mail, by the name it has in law.
    pub organisation: Option<String>,
    /// Where letters reach it.
    pub address: Option<String>,
    /// An e-mail address or telephone number that is answered.
    pub contact: Option<String>,
    /// Where questions about personal data go.
    pub data_protection: Option<String>,
    /// What readers' addresses are used for, to stand behind "is used".
    pub purpose: Option<String>,
}

impl Legal {
    /// Who answers questions about personal data, as far as it is told.
    pub fn answers_about_data(&self) -> Option<&str> {
        self.data_protection.as_deref().or(self.contact.as_deref())
    }

    /// Nothing is known of the sender.
    pub const UNKNOWN: Self = Self {
        organisation: None,
        address: None,
        contact: None,
        data_protection: None,
        purpose: None,
    };
}

/// A country's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Profile {
    /// Singapore: Spam Control Act 2007 and Personal Data Protection Act 2012.
    Sg,
    /// Nothing is asked for; what is given is shown.
    None,
}

/// A key that a profile asks for, with the reason.
struct Demand {
    key: &'static str,
    why: &'static str,
    example: &'static str,
}

/// Second Schedule of the Spam Control Act 2007, and sections of the Personal Data Protection
/// Act 2012.
const SINGAPORE: [Demand; 5] = [
    Demand {
        key: "organisation",
        why: "Spam Control Act 2007, Second Schedule, paragraph 3: who sends it must not be misleading",
        example: "Harbour City Council",
    },
    Demand {
        key: "address",
        why: "a reader must see where the sender is",
        example: "1 Pier Road, Singapore 099253",
    },
    Demand {
        key: "contact",
        why: "Spam Control Act 2007, Second Schedule, paragraph 3: an accurate and functional e-mail address or telephone number",
        example: "press@example.org",
    },
    Demand {
        key: "data_protection",
        why: "Personal Data Protection Act 2012, section 11: business contact information of who is responsible",
        example: "dpo@example.org",
    },
    Demand {
        key: "purpose",
        why: "Personal Data Protection Act 2012, section 20: the purposes that personal data is used for",
        example: "to send you the news you asked for",
    },
];

/// Longer than any of them is; what is longer was pasted by mistake.
const MOST_CHARS: usize = 300;

impl Checker<'_> {
    /// All that is missing is named at once.
    pub(super) fn legal(&self, section: LegalSection) -> Result<Legal, ConfigError> {
        let demands: &[Demand] = match section.profile {
            Profile::Sg => &SINGAPORE,
            Profile::None => &[],
        };
        let legal = Legal {
            organisation: self.line("organisation", section.organisation)?,
            address: self.line("address", section.address)?,
            contact: self.line("contact", section.contact)?,
            data_protection: self.line("data_protection", section.data_protection)?,
            purpose: self.line("purpose", section.purpose)?,
        };
        let given = |key| match key {
            "organisation" => &legal.organisation,
            "address" => &legal.address,
            "contact" => &legal.contact,
            "data_protection" => &legal.data_protection,
            _ => &legal.purpose,
        };
        let missing: Vec<&Demand> = demands.iter().filter(|d| given(d.key).is_none()).collect();
        if !missing.is_empty() {
            let said: Vec<String> = missing
                .iter()
                .map(|demand| format!("`mail.legal.{}` is missing ({})", demand.key, demand.why))
                .collect();
            let examples: Vec<String> =
                missing.iter().map(|d| format!("`{}: {}`", d.key, d.example)).collect();
            return Err(self.wrong(
                &["mail", "legal"],
                said.join("; "),
                format!("add {}, or write `profile: none`", examples.join(", ")),
            ));
        }
        for (key, value) in
            [("contact", &legal.contact), ("data_protection", &legal.data_protection)]
        {
            if let Some(value) = value
                && !is_reachable(value)
            {
                return Err(self.wrong(
                    &["mail", "legal", key],
                    format!(
                        "`mail.legal.{key}` is neither an e-mail address nor a telephone number: `{value}`"
                    ),
                    "write `press@example.org` or `+65 6123 4567`",
                ));
            }
        }
        Ok(legal)
    }

    /// A text of several lines, as a postal address, is put on one; a blank one is none.
    fn line(
        &self,
        key: &'static str,
        value: Option<String>,
    ) -> Result<Option<String>, ConfigError> {
        let Some(value) = value else { return Ok(None) };
        let lines: Vec<String> = value
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.is_empty())
            .collect();
        let joined = lines.iter().map(|line| line.trim_end_matches(',')).collect::<Vec<_>>();
        let line = joined.join(", ");
        if line.chars().count() > MOST_CHARS || line.chars().any(char::is_control) {
            return Err(self.wrong(
                &["mail", "legal", key],
                format!(
                    "`mail.legal.{key}` has more than {MOST_CHARS} characters or a control character: `{}…`",
                    line.chars().take(40).collect::<String>().escape_debug()
                ),
                "write what is to stand in the foot of every mail",
            ));
        }
        Ok((!line.is_empty()).then_some(line))
    }
}

/// Whether `contact` is an address SMTP carries, or a telephone number (ITU-T E.123 in spirit:
/// digits, with marks between them).
fn is_reachable(contact: &str) -> bool {
    let digits = contact.chars().filter(char::is_ascii_digit).count();
    let is_number = (3..=20).contains(&digits)
        && contact.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c));
    is_number || contact.parse::<Address>().is_ok()
}
