//! Tries templates with the sample issues, so that a mistake is met by the operator who made it
//! and never by a reader.

use std::collections::BTreeSet;

use serde_json::Value;

use super::samples::{Sample, samples};
use super::view::IssueView;
use super::{Form, RenderError, SubjectView, lint, lint_leftovers, render, render_as, render_web};
use crate::feeds::Site;
use crate::templates::{TemplateError, Templates};

/// Renders and checks every sample issue; `at` is told what is tried next.
pub fn try_issues(
    templates: &Templates,
    site: &Site,
    at: impl Fn(&str),
) -> Result<(), RenderError> {
    let samples = samples();
    templates.check_names(&known_fields(site, &samples), &known_names(site, &samples))?;
    for sample in &samples {
        at(&format!("the sample issue `{}`", sample.name));
        let content = sample.content();
        let rendered = render(templates, site, &content)?;
        // Also the form that a large issue would get.
        let compact = render_as(templates, site, &content, Form::Compact)?;
        let leftovers = lint_leftovers(&rendered);
        if let Some(finding) =
            leftovers.into_iter().chain(lint(&rendered)).chain(lint(&compact)).next()
        {
            return Err(TemplateError::Whole {
                name: "mail/digest".to_owned(),
                message: format!("with the sample issue `{}`, {finding}", sample.name),
            }
            .into());
        }
        render_web(templates, site, &content)?;
    }
    Ok(())
}

fn views(site: &Site, samples: &[Sample]) -> Vec<Value> {
    let subject_view = SubjectView { title: "", others: 0, site_title: "" };
    let of = |sample: &Sample| {
        let view = IssueView::new(site, &sample.content(), String::new(), Form::Full);
        serde_json::to_value(view).expect("what templates see is always JSON")
    };
    let subject_view = serde_json::to_value(subject_view).expect("these values are always JSON");
    samples.iter().map(of).chain([subject_view]).collect()
}

/// Names that stand alone in a template.
fn known_names(site: &Site, samples: &[Sample]) -> BTreeSet<String> {
    views(site, samples)
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|view| view.keys().cloned())
        .collect()
}

/// Names that stand behind a dot.
fn known_fields(site: &Site, samples: &[Sample]) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    let mut open = views(site, samples);
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    fields.insert(name);
                    open.push(value);
                }
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    fields
}
