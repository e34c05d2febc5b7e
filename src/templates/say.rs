//! `t(key="manage-title")` in templates: the words of a key, in the language of the page or mail.
//!
//! The language is the `language` that the template is given; `t(…, language="zh")` takes
//! another. In HTML everything is escaped; an argument that a template made itself, by
//! `{% set name %}…{% endset %}`, keeps its markup, so that messages need to hold none.

use std::sync::Arc;

use fluent_bundle::FluentArgs;
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use super::names::Said;
use crate::words::{Argument, Wordbook};

/// Stands in a text for an argument with markup until the rest is escaped: of a private use plane,
/// which the content pipeline strips from what authors write.
const FIRST_PLACE: u32 = 0xf_0180;

/// Parameters of `t` that are no arguments of a message.
const KEY: &str = "key";
const LANGUAGE: &str = "language";

pub(super) fn register(tera: &mut Tera, book: Arc<Wordbook>) {
    tera.register_function("t", move |kwargs: Kwargs, state: &State<'_>| {
        say(&book, &kwargs, state)
    });
}

fn say(book: &Wordbook, kwargs: &Kwargs, state: &State<'_>) -> TeraResult<Value> {
    let key = kwargs.must_get::<&str>(KEY)?;
    let language = match kwargs.get::<&str>(LANGUAGE)? {
        Some(language) => language.to_owned(),
        None => state.get::<String>(LANGUAGE)?.unwrap_or_default(),
    };
    let mut arguments = FluentArgs::new();
    let mut marked = Vec::new();
    for (name, value) in kwargs.iter() {
        let Some(name) = name.as_str().filter(|name| ![KEY, LANGUAGE].contains(name)) else {
            continue;
        };
        if state.autoescaping_enabled() && value.is_string() && value.is_safe() {
            let place = place(marked.len())?;
            marked.push((place, value.as_str().unwrap_or_default()));
            arguments.set(name, place.to_string());
        } else {
            arguments.set(name, argument(value));
        }
    }
    let said = book.words(&language).said(key, &arguments);
    let text = said.ok_or_else(|| Error::message(format!("no message has the key `{key}`")))?;
    if marked.is_empty() {
        return Ok(text.into());
    }
    let escaped = state.escape(&text)?;
    let whole = marked.iter().fold(escaped, |text, (place, markup)| text.replace(*place, markup));
    Ok(Value::safe_string(&whole))
}

fn place(index: usize) -> TeraResult<char> {
    let place = u32::try_from(index).ok().and_then(|index| char::from_u32(FIRST_PLACE + index));
    place.ok_or_else(|| Error::message("`t` is given too many arguments"))
}

fn argument(value: &Value) -> Argument<'_> {
    if let Some(text) = value.as_str() {
        text.into()
    } else if let Some(number) = value.as_i64() {
        number.into()
    } else {
        value.to_string().into()
    }
}

/// Why what a template asks `t` to say could not be said.
pub(super) fn fault(book: &Wordbook, said: &Said<'_>) -> Option<String> {
    let Some(key) = said.key else {
        return Some("`t` needs a `key` written out, as `t(key=\"manage-title\")`".to_owned());
    };
    let Some(arguments) = book.arguments(key) else {
        let near = book.nearest(key).map(|near| format!(": did you mean `{near}`?"));
        return Some(format!("no message has the key `{key}`{}", near.unwrap_or_default()));
    };
    let missing = arguments.iter().find(|name| !said.arguments.contains(name.as_str()))?;
    Some(format!("the message `{key}` needs `{missing}`, which `t` is not given"))
}
