//! Links in mail to pages that act for one person: what their requests have in common. GET shows,
//! POST sends a form of the page back.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use tracing::error;

use super::Web;
use super::forms::{self, Fields};
use super::language::Asked;
use crate::subscribers::token::{self, Purpose, Subject};

/// A page that a link in mail leads to.
pub(super) trait Page: Send + Sync {
    const PURPOSE: Purpose;
}

/// The link to a page of one person; a request without a token for it has none.
#[derive(Debug)]
pub(super) struct Link<P> {
    pub subject: Subject,
    /// As it was asked for, which seals of forms hang on.
    pub token: String,
    pub asked: Asked,
    page: PhantomData<P>,
}

impl<P: Page> FromRequestParts<Arc<Web>> for Link<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Response> {
        let asked = Asked::of(&parts.uri, &parts.headers);
        let token = Path::<String>::from_request_parts(parts, web).await;
        let Path(token) = token.map_err(IntoResponse::into_response)?;
        match token::read(&web.press.keys, P::PURPOSE, &token) {
            Some(subject) => Ok(Self { subject, token, asked, page: PhantomData }),
            None => Err(web.broken_link(&asked)),
        }
    }
}

impl Web {
    /// A page behind a link, unless the mail with it went to an address that its reader changed
    /// for another since: whoever has that mailbox now has their mails, and nothing newer.
    pub(super) async fn behind<P: Page>(
        &self,
        link: &Link<P>,
        page: impl Future<Output = anyhow::Result<Option<Response>>> + Send,
    ) -> Response {
        let page = match self.is_former(link.subject).await {
            Ok(true) => self.former(link).await.map(Some),
            Ok(false) => page.await,
            Err(error) => Err(error),
        };
        match page {
            Ok(Some(page)) => page,
            Ok(None) => self.broken_link(&link.asked),
            Err(error) => {
                error!("{error}");
                self.failed(&link.asked)
            }
        }
    }

    async fn former<P: Page>(&self, link: &Link<P>) -> anyhow::Result<Response> {
        let person = self.press.store.person(link.subject.subscriber).await?;
        let language = person.as_ref().map(|person| person.language.as_str());
        Ok(self.message_to(language, &link.asked, StatusCode::GONE, "error-former"))
    }

    pub(super) async fn is_former(&self, subject: Subject) -> anyhow::Result<bool> {
        Ok(self.press.store.is_former(subject.run, subject.subscriber).await?)
    }

    fn broken_link(&self, asked: &Asked) -> Response {
        self.message(asked, StatusCode::NOT_FOUND, "error-link")
    }
}

/// A form that was sent to the page behind a link. Whether it is one of ours its seal says.
#[derive(Debug)]
pub(super) struct Sent<P> {
    pub link: Link<P>,
    pub fields: Fields,
}

impl<P: Page> FromRequest<Arc<Web>> for Sent<P> {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Arc<Web>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let link = Link::from_request_parts(&mut parts, web).await;
        let headers = parts.headers.clone();
        // A body that is too large is refused as such, whatever the link.
        let body = String::from_request(Request::from_parts(parts, body), web).await;
        let body = body.map_err(IntoResponse::into_response)?;
        let link = link?;
        match forms::fields(&headers, &body) {
            Some(fields) => Ok(Self { link, fields }),
            None => Err(web.message(&link.asked, StatusCode::UNSUPPORTED_MEDIA_TYPE, "error-form")),
        }
    }
}

impl<P> Sent<P> {
    /// The value of a field; nothing where there is none.
    pub(super) fn field(&self, name: &str) -> &str {
        forms::field(&self.fields, name)
    }

    /// Whether it is the form of this name that a page of ours had for this link.
    pub(super) fn is_of(&self, web: &Web, form: &str) -> bool {
        forms::is_sealed(&web.press.keys, form, &self.link.token, "", self.field("form"))
    }
}
