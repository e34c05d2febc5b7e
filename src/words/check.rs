//! Looks into messages: what a file holds, and what would go wrong only before a reader's eyes.

use std::collections::BTreeSet;

use fluent_bundle::FluentResource;
use fluent_syntax::ast::{
    Entry, Expression, InlineExpression, Message, Pattern, PatternElement, Term,
};

use super::{Speech, WordsError};

/// Term that says whether a speaker has read the words: `draft` or `read`.
const STATUS: &str = "status";

/// Parses a file; the first thing that is wrong with it is told.
pub(super) fn parse(source: &str, file: &str) -> Result<FluentResource, WordsError> {
    let wrong = |line, message| WordsError { file: file.to_owned(), line, message };
    let source = source.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let resource = FluentResource::try_new(source).map_err(|(resource, errors)| {
        let first = errors.first().map(|error| (error.pos.start, error.kind.to_string()));
        let (at, message) = first.unwrap_or_default();
        let head = resource.source().get(..at).unwrap_or_default();
        let mut chars = message.chars();
        let head_letter = chars.next().into_iter().flat_map(char::to_lowercase);
        wrong(head.matches('\n').count() + 1, head_letter.chain(chars).collect())
    })?;
    let mut seen = BTreeSet::new();
    for key in keys(&resource) {
        if !seen.insert(key) {
            return Err(wrong(line(&resource, key), format!("`{key}` stands in it twice")));
        }
    }
    for message in messages(&resource) {
        let (key, at) = (message.id.name, line(&resource, message.id.name));
        if message.value.is_none() || !message.attributes.is_empty() {
            return Err(wrong(at, format!("`{key}` should have a text and no attributes")));
        }
    }
    Ok(resource)
}

/// Keys of its messages, in order.
pub(super) fn keys(resource: &FluentResource) -> impl Iterator<Item = &str> {
    messages(resource).map(|message| message.id.name)
}

/// Keys that its messages refer to.
pub(super) fn referred(resource: &FluentResource) -> impl Iterator<Item = &str> {
    let patterns = messages(resource).filter_map(|message| message.value.as_ref());
    patterns.flat_map(|pattern| parts(pattern).messages)
}

fn messages(resource: &FluentResource) -> impl Iterator<Item = &Message<&str>> {
    resource.entries().filter_map(|entry| match entry {
        Entry::Message(message) => Some(message),
        _ => None,
    })
}

fn terms(resource: &FluentResource) -> impl Iterator<Item = &Term<&str>> {
    resource.entries().filter_map(|entry| match entry {
        Entry::Term(term) => Some(term),
        _ => None,
    })
}

/// What it says of its own words.
pub(super) fn status(resource: &FluentResource) -> Option<&str> {
    let term = terms(resource).find(|term| term.id.name == STATUS)?;
    match term.value.elements.as_slice() {
        [PatternElement::TextElement { value }] => Some(value.trim()),
        _ => None,
    }
}

/// Line of a message, from 1.
fn line(resource: &FluentResource, key: &str) -> usize {
    let is_it =
        |line: &&str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let lines = resource.source().lines();
    // Of two with this key the last: it is the one too many.
    lines.enumerate().filter(|(_, line)| is_it(line)).last().map_or(1, |(index, _)| index + 1)
}

/// What a text is made of, beside its letters.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) arguments: BTreeSet<&'a str>,
    pub(super) messages: BTreeSet<&'a str>,
    terms: BTreeSet<&'a str>,
    functions: BTreeSet<&'a str>,
}

pub(super) fn parts<'a>(pattern: &'a Pattern<&'a str>) -> Parts<'a> {
    let mut parts = Parts::default();
    let mut open = vec![pattern];
    while let Some(pattern) = open.pop() {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                look(expression, &mut parts, &mut open);
            }
        }
    }
    parts
}

fn look<'a>(
    expression: &'a Expression<&'a str>,
    parts: &mut Parts<'a>,
    open: &mut Vec<&'a Pattern<&'a str>>,
) {
    let inline = match expression {
        Expression::Inline(inline) => inline,
        Expression::Select { selector, variants } => {
            open.extend(variants.iter().map(|variant| &variant.value));
            selector
        }
    };
    match inline {
        InlineExpression::VariableReference { id } => {
            parts.arguments.insert(id.name);
        }
        InlineExpression::MessageReference { id, .. } => {
            parts.messages.insert(id.name);
        }
        InlineExpression::TermReference { id, .. } => {
            parts.terms.insert(id.name);
        }
        InlineExpression::FunctionReference { id, .. } => {
            parts.functions.insert(id.name);
        }
        InlineExpression::Placeable { expression } => look(expression, parts, open),
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
    }
}

/// Whether every message of a file can be said: what it asks for is given, and what it refers to
/// is there and does not lead back to it. Line and fault of the first that cannot.
pub(super) fn arguments(
    resource: &FluentResource,
    english: &[&FluentResource],
    speech: &Speech,
) -> Result<(), (usize, String)> {
    let known_terms: BTreeSet<&str> = terms(resource).map(|term| term.id.name).collect();
    for message in messages(resource) {
        let key = message.id.name;
        let Some(pattern) = &message.value else { continue };
        let parts = parts(pattern);
        let fault = if let Some(name) = parts.functions.first() {
            Some(format!("`{key}` uses `{name}()`, and there are no functions"))
        } else if let Some(name) = parts.terms.difference(&known_terms).next() {
            Some(format!("`{key}` refers to `-{name}`, which the file does not have"))
        } else if let Some(name) = parts.messages.iter().find(|m| !speech.bundle.has_message(m)) {
            Some(format!("`{key}` refers to `{name}`, which there is not"))
        } else if leads_back(key, speech) {
            Some(format!("`{key}` refers to itself"))
        } else {
            not_given(key, english, speech)
                .map(|name| format!("`{key}` asks for `${name}`, which it is not given"))
        };
        if let Some(fault) = fault {
            return Err((line(resource, key), fault));
        }
    }
    Ok(())
}

/// An argument that the built-in English message does not have; a key of an office's own takes
/// what its templates give.
fn not_given(key: &str, english: &[&FluentResource], speech: &Speech) -> Option<String> {
    let is_built_in = english.iter().any(|resource| keys(resource).any(|known| known == key));
    if !is_built_in {
        return None;
    }
    let given = given(key, english);
    speech.arguments(key)?.into_iter().find(|name| !given.contains(name.as_str()))
}

/// The arguments of a built-in English message, also by way of those it refers to.
fn given<'a>(key: &'a str, english: &[&'a FluentResource]) -> BTreeSet<&'a str> {
    let mut arguments = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![key];
    while let Some(key) = open.pop() {
        if !seen.insert(key) {
            continue;
        }
        let mut found = english.iter().flat_map(|resource| messages(resource));
        let message = found.find(|message| message.id.name == key);
        if let Some(pattern) = message.and_then(|message| message.value.as_ref()) {
            let parts = parts(pattern);
            arguments.extend(parts.arguments);
            open.extend(parts.messages);
        }
    }
    arguments
}

fn leads_back(key: &str, speech: &Speech) -> bool {
    let pattern = |key: &str| speech.bundle.get_message(key).and_then(|message| message.value());
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> =
        pattern(key).map(|p| parts(p).messages).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if next == key {
            return true;
        }
        if seen.insert(next)
            && let Some(pattern) = pattern(next)
        {
            open.extend(parts(pattern).messages);
        }
    }
    false
}
