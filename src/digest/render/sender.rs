//! Who a mail is from, as its foot says it.

use serde::Serialize;

use crate::config::Legal;
use crate::feeds::Site;
use crate::words::Words;

#[derive(Debug, Serialize)]
pub(super) struct SiteView<'a> {
    title: &'a str,
    url: &'a str,
    /// Title of the site, and the author with address where the config names one.
    author_line: String,
}

/// Who answers for the mail, as its foot says it.
#[derive(Debug, Serialize)]
pub(super) struct SenderView<'a> {
    pub(super) name: String,
    /// Where letters reach the sender.
    pub(super) address: Option<&'a str>,
    pub(super) contact: Option<Contact<'a>>,
    /// What the reader's address is used for, as a sentence.
    pub(super) purpose: Option<String>,
    pub(super) data_protection: Option<Contact<'a>>,
}

/// An e-mail address or telephone number, and the link that uses it.
#[derive(Debug, Serialize)]
pub(super) struct Contact<'a> {
    pub(super) text: &'a str,
    url: String,
}

fn author_line(site: &Site) -> String {
    match &site.author {
        None => site.title.clone(),
        Some(author) => {
            let name = if author.name == site.title {
                site.title.clone()
            } else {
                format!("{}, {}", author.name, site.title)
            };
            match &author.email {
                Some(mail) => format!("{name} ({mail})"),
                None => name,
            }
        }
    }
}

/// Without a legal profile the foot says what the config knows of the author.
pub(super) fn site_view(site: &Site) -> SiteView<'_> {
    SiteView { title: &site.title, url: site.url.as_str(), author_line: author_line(site) }
}

pub(super) fn sender<'a>(
    words: Words<'_>,
    site: &'a Site,
    legal: Option<&'a Legal>,
) -> SenderView<'a> {
    let legal = legal.unwrap_or(const { &Legal::UNKNOWN });
    let author = site.author.as_ref();
    let author_mail = author.and_then(|author| author.email.as_deref());
    let name = legal.organisation.as_deref().or(author.map(|author| author.name.as_str()));
    SenderView {
        name: match name {
            Some(name) if name != site.title => words.say(
                "mail-sender-for",
                &[("name", name.into()), ("site", site.title.as_str().into())],
            ),
            _ => site.title.clone(),
        },
        address: legal.address.as_deref(),
        contact: legal.contact.as_deref().or(author_mail).map(contact),
        purpose: legal.purpose.as_ref().map(|purpose| {
            words.say("mail-purpose", &[("purpose", purpose.trim_end_matches('.').into())])
        }),
        data_protection: legal.data_protection.as_deref().map(contact),
    }
}

fn contact(text: &str) -> Contact<'_> {
    let url = if text.contains('@') {
        format!("mailto:{text}")
    } else {
        // RFC 3966, section 5.1.1: marks between the digits mean nothing.
        let is_dialled = |c: &char| c.is_ascii_digit() || *c == '+';
        format!("tel:{}", text.chars().filter(is_dialled).collect::<String>())
    };
    Contact { text, url }
}
