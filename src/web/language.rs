//! In which language a page is shown: `?lang=` of its address beats the person's language, that
//! beats what the browser accepts (RFC 9110, section 12.5.4), and that the site's.
//!
//! Only languages of the config are shown, and only those that there are words in.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use url::form_urlencoded;

use super::Web;
use crate::model::Language;
use crate::templates::pages::{Frame, SwitchLink};
use crate::words::{Words, accepted, best};

/// Name of the parameter that asks for a language.
const PARAMETER: &str = "lang";

/// What a request says of the language it would like.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// By the address of the page.
    language: Option<Language>,
    /// By the browser, most wanted first.
    accepted: Vec<Language>,
    /// The other parameters of the address.
    others: Vec<(String, String)>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.uri, &parts.headers))
    }
}

impl Asked {
    pub(super) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let parameters = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let (asked, others): (Vec<_>, Vec<_>) =
            parameters.into_owned().partition(|(name, _)| name == PARAMETER);
        let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self {
            language: asked.last().and_then(|(_, tag)| tag.parse().ok()),
            accepted: accepted(header.unwrap_or_default()),
            others,
        }
    }

    /// `path` with the language that was asked for, so that what a form leads to keeps it.
    pub(super) fn action(&self, path: &str) -> String {
        match &self.language {
            Some(language) => format!("{path}?{PARAMETER}={language}"),
            None => path.to_owned(),
        }
    }

    /// The same page in `language`, relative to itself.
    fn link(&self, language: &Language) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.others).append_pair(PARAMETER, language.as_str());
        format!("?{}", query.finish())
    }
}

impl Web {
    /// The language of a page, for a person of whom `person` is known.
    pub(super) fn language(&self, asked: &Asked, person: Option<&str>) -> String {
        let offered = self.press.languages();
        let person = person.and_then(|tag| tag.parse::<Language>().ok());
        let wanted = asked.language.iter().chain(&person).chain(&asked.accepted);
        let wanted: Vec<Language> =
            wanted.chain([&self.press.config.site.language]).cloned().collect();
        let chosen = best(&wanted, &offered).map(Language::as_str);
        chosen.unwrap_or_else(|| self.press.templates.words("").language()).to_owned()
    }

    /// The words of a page for this request.
    pub(super) fn words(&self, asked: &Asked, person: Option<&str>) -> Words<'_> {
        self.press.templates.words(&self.language(asked, person))
    }

    /// What each page for this request has.
    pub(super) fn frame(&self, asked: &Asked, person: Option<&str>) -> Frame<'_> {
        let site = &self.press.config.site;
        let language = self.language(asked, person);
        let offered = self.press.languages();
        let link = |offered: &Language| {
            SwitchLink::new(offered.as_str(), asked.link(offered), offered.as_str() == language)
        };
        let switch = match offered.as_slice() {
            [] | [_] => Vec::new(),
            offered => offered.iter().map(link).collect(),
        };
        Frame { site_title: &site.title, site_url: site.url.as_str(), language, switch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(address: &str) -> Asked {
        Asked::of(&address.parse().unwrap(), &HeaderMap::new())
    }

    #[test]
    fn a_link_to_another_language_keeps_the_rest_of_the_address() {
        let tamil = "ta".parse().unwrap();
        assert_eq!(asked("/subscribe").link(&tamil), "?lang=ta");
        let asked = asked("/subscribe?feed=a%20b&lang=zh&lang=ms&x=%26");
        assert_eq!(asked.link(&tamil), "?feed=a+b&x=%26&lang=ta");
        assert_eq!(asked.action("TOKEN"), "TOKEN?lang=ms");
    }

    #[test]
    fn what_is_no_language_is_not_asked_for() {
        for address in ["/", "/?lang=", "/?lang=%22%3E", "/?lang=english+please"] {
            assert_eq!(asked(address).action("TOKEN"), "TOKEN", "{address}");
        }
    }
}
