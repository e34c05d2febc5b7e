//! Tries templates with the sample issues, so that a mistake is met by the operator who made it
//! and never by a reader.

use serde::Serialize;
use serde_json::Value;

use super::lint::lint_told;
use super::samples::{Sample, samples};
use super::view::IssueView;
use super::{
    Form, IssueContent, RenderError, RenderedIssue, SubjectView, lint, lint_own_words, render,
    render_as, render_web,
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
        if let Some(finding) = findings(site, &content, &[rendered, compact]).into_iter().next() {
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

/// What is wrong with an issue, in each of its forms.
fn findings(site: &Site, content: &IssueContent<'_>, forms: &[RenderedIssue]) -> Vec<String> {
    let view = view(site, content, Form::Full);
    let told = view.must_say();
    forms
        .iter()
        .flat_map(|issue| [lint_own_words(issue), lint_told(issue, &told), lint(issue)])
        .flatten()
        .collect()
}

/// What the templates of an issue are given.
pub fn known(site: &Site) -> Vec<(&'static str, Known)> {
    let samples = samples();
    let subject = SubjectView { title: "", others: 0, site_title: "" };
    let of = |sample: &Sample| value(&view(site, &sample.content(), Form::Full));
    let issue = Known::of(samples.iter().map(of));
    vec![
        ("mail/digest.html", issue.clone()),
        ("mail/digest.txt", issue.clone()),
        ("web/issue.html", issue),
        ("mail/digest_subject.txt", Known::of([value(&subject)])),
    ]
}

fn view<'a>(site: &'a Site, content: &IssueContent<'a>, form: Form) -> IssueView<'a> {
    IssueView::new(site, content, String::new(), form)
}

fn value(view: &impl Serialize) -> Value {
    serde_json::to_value(view).expect("what templates see is always JSON")
}
