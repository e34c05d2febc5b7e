//! Whether a template asks for what it is not given: names, and words to say.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::error::file_of;
use super::{TemplateError, Templates, is_template, names, say};

/// What a template is given: names that stand alone in it, and those behind a dot.
#[derive(Debug, Clone, Default)]
pub struct Known {
    names: BTreeSet<String>,
    fields: BTreeSet<String>,
}

impl Known {
    /// All that values which reach every branch have.
    pub fn of(values: impl IntoIterator<Item = Value>) -> Self {
        let mut known = Self::default();
        let mut open: Vec<Value> = values.into_iter().collect();
        known
            .names
            .extend(open.iter().filter_map(Value::as_object).flat_map(|o| o.keys().cloned()));
        while let Some(value) = open.pop() {
            match value {
                Value::Object(object) => {
                    for (name, value) in object {
                        known.fields.insert(name);
                        open.push(value);
                    }
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        known
    }
}

impl Templates {
    /// Whether the operator's own templates, and what they include, ask for what none is given;
    /// `known` says it for each template that is rendered by name. What several of these use may
    /// ask for what any of them is given.
    ///
    /// Rendering alone would not tell: in a condition an unknown name is false.
    pub fn check_names(&self, known: &[(&str, Known)]) -> Result<(), TemplateError> {
        let reached: Vec<(BTreeSet<&str>, &Known)> =
            known.iter().map(|(name, known)| (self.reached(name), known)).collect();
        for name in &self.replaced {
            let source = &self.sources[name];
            let users: Vec<_> =
                reached.iter().filter(|(users, _)| users.contains(name.as_str())).collect();
            let given = match users.as_slice() {
                [] if names::has_component(source) => self.given(&reached),
                [] => continue,
                users => self.given(users.iter().copied()),
            };
            if let Some((line, path)) = self.unknown(name, &given) {
                let message = format!("`{path}` is not known");
                return Err(TemplateError::Render { name: name.clone(), line, message });
            }
        }
        Ok(())
    }

    /// Whether all that `t` is asked to say is there, with all that it takes: an unknown key
    /// must not wait for a reader.
    pub(super) fn check_keys(&self, folder: &Path) -> Result<(), TemplateError> {
        for (name, source) in self.sources.iter().filter(|(name, _)| is_template(name)) {
            for said in names::said(source) {
                if let Some(message) = say::fault(&self.words, &said) {
                    let file = file_of(name, &self.replaced, folder);
                    return Err(TemplateError::Syntax { file, line: said.line, message });
                }
            }
        }
        Ok(())
    }

    /// A template, and all that it extends or includes.
    pub(super) fn reached<'a>(&'a self, name: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            if let Some(source) = self.sources.get(name)
                && reached.insert(name)
            {
                open.extend(names::referred(source));
            }
        }
        reached
    }

    /// What templates are given, and what those that use them name themselves.
    fn given<'a>(
        &self,
        users: impl IntoIterator<Item = &'a (BTreeSet<&'a str>, &'a Known)>,
    ) -> Known {
        let mut given = Known::default();
        for (reached, known) in users {
            given.fields.extend(known.fields.iter().cloned());
            given.names.extend(known.names.iter().cloned());
            given.names.extend(reached.iter().flat_map(|name| names::bound(&self.sources[*name])));
        }
        given
    }

    /// The first name that is not given: its line, and the path it ends.
    fn unknown(&self, name: &str, given: &Known) -> Option<(usize, String)> {
        let source = &self.sources[name];
        names::unknown_field(source, &given.fields).or_else(|| {
            let used = self.tera.get_template_variables(name).unwrap_or_default();
            let unknown = used.into_iter().filter(|used| !given.names.contains(*used));
            // One that only a parent or a part of it uses is not this template's.
            unknown.filter_map(|used| Some((names::line_of(source, used)?, used.to_owned()))).min()
        })
    }
}
