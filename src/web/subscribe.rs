//! `/subscribe`: a form for who would like news by mail, and the same answer to everybody.
//!
//! What the answer says hangs on the form alone. It is given before the store is looked at: who
//! waits for a mail is told apart by the mail.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use tracing::{error, warn};
use url::form_urlencoded;

use super::client::{client, neighbourhood};
use super::forms::Fields;
use super::language::Asked;
use super::server::Peer;
use super::{Web, forms};
use crate::config::Legal;
use crate::model::{Address, AddressFault, Language};
use crate::pipeline::feeds;
use crate::store::{SealedAddress, SignUp};
use crate::subscribers::journal::JournalError;
use crate::templates::pages::{Choice, ManagedFeed, SubscribePage};
use crate::words::Words;

/// Name of the form in its seal.
const FORM: &str = "subscribe";

/// Nobody fills in the form faster, and nobody takes longer.
const FASTEST: TimeDelta = TimeDelta::seconds(2);
const SLOWEST: TimeDelta = TimeDelta::hours(24);

/// Who was refused for the rush comes again when a sign-up of their neighbourhood is free.
const RETRY_AFTER_SECONDS: u64 = 120;

/// A field that people do not see, and programs fill in.
const TRAP: &str = "website";

pub(super) async fn show(State(web): State<Arc<Web>>, asked: Asked, uri: Uri) -> Response {
    let mut form =
        Form { opened: web.press.clock.now().timestamp().to_string(), ..Form::default() };
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if let (Some(digest), "feed") = (web.press.config.digests.first(), &*name) {
            form.wants.insert(value.into_owned(), digest.name.clone());
        }
    }
    web.subscribe_page(&asked, StatusCode::OK, &form, None).await
}

pub(super) async fn act(
    State(web): State<Arc<Web>>,
    asked: Asked,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let Some(fields) = forms::fields(&headers, &body) else {
        return web.message(&asked, StatusCode::UNSUPPORTED_MEDIA_TYPE, "error-form");
    };
    let now = web.press.clock.now();
    let form = Form::of(&fields);
    let read = match form.read(&web, &headers, &fields, now) {
        Ok(read) => read,
        Err(Refused::Wrong(fault)) => {
            let form = if matches!(fault, Fault::Old | Fault::Foreign) {
                Form { opened: now.timestamp().to_string(), ..form }
            } else {
                form
            };
            return web.subscribe_page(&asked, StatusCode::BAD_REQUEST, &form, Some(fault)).await;
        }
        // Whoever filled in the trap learns nothing.
        Err(Refused::Trapped) => return web.sent_page(&asked),
    };
    let address = client_of(&web, peer, &headers);
    let is_within =
        web.budget.lock().unwrap_or_else(PoisonError::into_inner).take(neighbourhood(address), now);
    if !is_within {
        return web.rush(&asked);
    }
    let words = web.words(&asked, None);
    let sign_up = match web.sign_up(read, words, now) {
        Ok(sign_up) => sign_up,
        Err(error) => {
            error!("{error:#}");
            return web.failed(&asked);
        }
    };
    match web.joining.keep(&sign_up).await {
        Ok(()) => web.sent_page(&asked),
        Err(JournalError::Full { .. }) => {
            warn!("more people sign up than the store takes in: they are asked to come again");
            web.rush(&asked)
        }
        Err(error) => {
            error!("{error}");
            web.failed(&asked)
        }
    }
}

fn client_of(web: &Web, peer: Option<Extension<Peer>>, headers: &HeaderMap) -> std::net::IpAddr {
    let peer = peer.map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |Extension(Peer(peer))| peer);
    client(peer, headers, &web.press.config.web.trusted_proxies)
}

/// A form as it was filled in.
#[derive(Debug, Default)]
struct Form {
    address: String,
    /// For each feed that is wanted the digest.
    wants: BTreeMap<String, String>,
    language: Option<Language>,
    opened: String,
}

/// A form that can be taken.
struct Read {
    address: Address,
    wants: BTreeMap<String, String>,
    language: Option<Language>,
}

enum Refused {
    Wrong(Fault),
    Trapped,
}

/// What is wrong with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Foreign,
    Old,
    Fast,
    Missing,
    Unfit(AddressFault),
    Nothing,
}

impl Form {
    fn of(fields: &Fields) -> Self {
        let field = |name: &str| forms::field(fields, name).to_owned();
        let wants = fields
            .iter()
            .filter(|(_, digest)| !digest.is_empty())
            .filter_map(|(name, digest)| Some((name.strip_prefix("feed.")?, digest)))
            .map(|(feed, digest)| (feed.to_owned(), digest.clone()));
        Self {
            address: field("address").trim().to_owned(),
            wants: wants.collect(),
            language: field("language").parse().ok(),
            opened: field("opened"),
        }
    }

    /// What it asks for, if it is one of ours and all is there. A name that the config does not
    /// know chooses nothing. The store is not asked, so that nobody learns from it.
    fn read(
        &self,
        web: &Web,
        headers: &HeaderMap,
        fields: &Fields,
        now: DateTime<Utc>,
    ) -> Result<Read, Refused> {
        let press = &web.press;
        if forms::is_of_another_site(headers) {
            return Err(Refused::Wrong(Fault::Foreign));
        }
        let seal = forms::field(fields, "seal");
        let is_ours = forms::is_sealed(&press.keys, FORM, "", &self.opened, seal);
        let opened = self.opened.parse().ok().and_then(|at| DateTime::from_timestamp(at, 0));
        let Some(opened) = opened.filter(|at| is_ours && *at + SLOWEST >= now) else {
            return Err(Refused::Wrong(Fault::Old));
        };
        if fields.get(TRAP).is_some_and(|text| !text.is_empty()) {
            return Err(Refused::Trapped);
        }
        if now < opened + FASTEST {
            return Err(Refused::Wrong(Fault::Fast));
        }
        if self.address.is_empty() {
            return Err(Refused::Wrong(Fault::Missing));
        }
        let address: Address =
            self.address.parse().map_err(|error: crate::model::AddressError| {
                Refused::Wrong(Fault::Unfit(error.reason))
            })?;
        let config = &press.config;
        let mut wants = self.wants.clone();
        wants.retain(|feed, digest| {
            feeds::may_be_followed(press, feed)
                && config.digests.iter().any(|known| known.name == *digest)
        });
        if wants.is_empty() {
            return Err(Refused::Wrong(Fault::Nothing));
        }
        let language = self.language.clone();
        let language = language.filter(|language| config.languages.contains(language));
        Ok(Read { address, wants, language })
    }
}

impl Fault {
    /// What it is called to whoever filled in the form.
    fn said(self, words: Words<'_>, address: &str) -> String {
        let key = match self {
            Self::Foreign => "subscribe-error-foreign",
            Self::Old => "subscribe-error-old",
            Self::Fast => "subscribe-error-fast",
            Self::Missing => "subscribe-error-missing",
            Self::Nothing => "subscribe-error-nothing",
            Self::Unfit(fault) => return unfit(words, address, fault),
        };
        words.say(key, &[])
    }

    fn is_of_address(self) -> bool {
        matches!(self, Self::Missing | Self::Unfit(_))
    }
}

/// Why an address is not taken.
pub(super) fn unfit(words: Words<'_>, address: &str, fault: AddressFault) -> String {
    let reason = words.say(
        match fault {
            AddressFault::Control => "address-control",
            AddressFault::NoAt => "address-no-at",
            AddressFault::Letters => "address-letters",
            AddressFault::Name => "address-name",
            AddressFault::Literal => "address-literal",
            AddressFault::Domain => "address-domain",
            AddressFault::NoDot => "address-no-dot",
            AddressFault::Long => "address-long",
        },
        &[],
    );
    let address = address.to_owned();
    words.say("subscribe-error-unfit", &[("address", address.into()), ("reason", reason.into())])
}

impl Web {
    /// An address as it is stored.
    pub(super) fn sealed(&self, address: &Address) -> anyhow::Result<SealedAddress> {
        let (key, cipher) = self.press.keys.seal(address)?;
        let keys = &self.press.keys;
        let (lookup, mailbox) = (keys.lookup(address), keys.mailbox(address));
        Ok(SealedAddress { lookup, mailbox, key, cipher, domain: address.domain().to_owned() })
    }

    fn sign_up(&self, read: Read, words: Words<'_>, now: DateTime<Utc>) -> anyhow::Result<SignUp> {
        let config = &self.press.config;
        let of_page = words.language().parse::<Language>().ok();
        let of_page = of_page.filter(|language| config.languages.contains(language));
        let language = read.language.or(of_page);
        Ok(SignUp {
            address: self.sealed(&read.address)?,
            wants: read.wants,
            language: language.unwrap_or_else(|| config.site.language.clone()),
            source: "form".into(),
            wording: self.press.consent_wording(words, "subscribe-consent"),
            asked_at: now,
        })
    }

    /// The form, empty or as it was filled in.
    async fn subscribe_page(
        &self,
        asked: &Asked,
        status: StatusCode,
        form: &Form,
        fault: Option<Fault>,
    ) -> Response {
        let feeds = match feeds::definitions(&self.press).await {
            Ok(feeds) => feeds,
            Err(error) => {
                error!("{error}");
                return self.failed(asked);
            }
        };
        let (config, words) = (&self.press.config, self.words(asked, None));
        let seal = forms::seal(&self.press.keys, FORM, "", &form.opened);
        let legal = config.mail.legal.as_ref();
        let page = SubscribePage {
            frame: self.frame(asked, None),
            is_sent: false,
            error: fault.map(|fault| fault.said(words, &form.address)),
            is_address_wrong: fault.is_some_and(Fault::is_of_address),
            address: &form.address,
            action: asked.action("subscribe"),
            opened: &form.opened,
            seal: &seal,
            feeds: feeds.iter().map(|feed| ManagedFeed::of(feed, &form.wants)).collect(),
            digests: config.digests.iter().map(|d| Choice::of_digest(&d.name, words)).collect(),
            languages: config.languages.iter().map(Language::as_str).collect(),
            mail_language: form.language.as_ref().map_or(words.language(), Language::as_str),
            wording: self.press.consent_wording(words, "subscribe-consent"),
            contact: legal.and_then(Legal::answers_about_data),
        };
        self.page(status, self.press.templates.page("web/subscribe.html", &page))
    }

    fn sent_page(&self, asked: &Asked) -> Response {
        let words = self.words(asked, None);
        let page = SubscribePage {
            frame: self.frame(asked, None),
            is_sent: true,
            error: None,
            is_address_wrong: false,
            address: "",
            action: asked.action("subscribe"),
            opened: "",
            seal: "",
            feeds: Vec::new(),
            digests: Vec::new(),
            languages: Vec::new(),
            mail_language: words.language(),
            wording: String::new(),
            contact: None,
        };
        self.page(StatusCode::OK, self.press.templates.page("web/subscribe.html", &page))
    }

    /// There are more than are taken at once.
    fn rush(&self, asked: &Asked) -> Response {
        let mut response = self.message(asked, StatusCode::TOO_MANY_REQUESTS, "error-busy");
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        response
    }
}
