//! Tries templates with the sample issues, so that a mistake is met by the operator who made it
//! and never by a reader.

use serde::Serialize;
use serde_json::Value;

use super::lint::lint_told;
use super::samples::{Sample, samples};
use super::{
    Form, IssueContent, RenderError, RenderedIssue, SubjectView, answer, lint, lint_own_words,
    render, render_as, render_web, view_of,
};
use crate::feeds::Site;
use crate::templates::{Known, TemplateError, Templates};

/// Renders and checks every sample issue; `at` is told what is tried next.
pub fn try_issues(
    templates: &Templates,
    site: &Site,
    at: impl Fn(&str),
) -> Result<(), RenderError> {
    for sample in &samples() {
        at(&format!("the sample issue `{}`", sample.name));
        let content = sample.content();
        let rendered = render(templates, site, &content)?;
        // Also the form that a large issue would get.
        let compact = render_as(templates, site, &content, Form::Compact)?;
        if let Some(finding) =
            findings(templates, site, &content, &[rendered, compact]).into_iter().next()
        {
            return Err(TemplateError::Whole {
                name: "mail/digest".to_owned(),
                message: format!("with the sample issue `{}`, {finding}", sample.name),
            }
            .into());
        }
        render_web(templates, site, &content)?;
    }
    at("the sample answers");
    answer::try_answers(templates, site)
}

/// What is wrong with an issue, in each of its forms.
fn findings(
    templates: &Templates,
    site: &Site,
    content: &IssueContent<'_>,
    forms: &[RenderedIssue],
) -> Vec<String> {
    let view = view_of(templates, site, content, String::new(), Form::Full);
    let told = view.must_say();
    forms
        .iter()
        .flat_map(|issue| [lint_own_words(issue), lint_told(issue, &told), lint(issue)])
        .flatten()
        .collect()
}

/// What the templates of an issue are given.
pub fn known(templates: &Templates, site: &Site) -> Vec<(&'static str, Known)> {
    let samples = samples();
    let subject = SubjectView { language: "", title: "", others: 0, site_title: "" };
    let of = |sample: &Sample| {
        value(&view_of(templates, site, &sample.content(), String::new(), Form::Full))
    };
    let issue = Known::of(samples.iter().map(of));
    let of_issues = [
        ("mail/digest.html", issue.clone()),
        ("mail/digest.txt", issue.clone()),
        ("web/issue.html", issue),
        ("mail/digest_subject.txt", Known::of([value(&subject)])),
    ];
    of_issues.into_iter().chain(answer::known(templates, site)).collect()
}

fn value(view: &impl Serialize) -> Value {
    serde_json::to_value(view).expect("what templates see is always JSON")
}
