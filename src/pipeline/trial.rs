//! Tries an operator's own templates before any of them is used: each is rendered with made-up
//! issues and pages that reach every branch.
//!
//! It happens on a thread of its own, which is left behind when its time is up: a template can
//! hold a loop that does not end, and nothing could stop it from within.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::digest::render::RenderError;
use crate::digest::render::samples::samples;
use crate::digest::render::trial::try_issues;
use crate::feeds::page::{FeedSummary, render_feed, render_index};
use crate::feeds::{Feed, FeedDefinition, Selection, Site};
use crate::model::Entry;
use crate::templates::pages::{ManagePage, ManageState};
use crate::templates::{MessagePage, TemplateError, Templates, UnsubscribePage, UnsubscribeState};

/// A hundred times what the built-in templates take without optimisation.
const MOST_TIME: Duration = Duration::from_secs(30);
/// Components within components are refused at a depth that fits twice.
const STACK_BYTES: usize = 16 << 20;

/// Says what is wrong with templates that replace built-in ones; those are known to be sound.
pub fn try_templates(templates: &Templates, site: &Site) -> Result<(), RenderError> {
    try_within(MOST_TIME, templates, site)
}

fn try_within(time: Duration, templates: &Templates, site: &Site) -> Result<(), RenderError> {
    if !templates.has_replacements() {
        return Ok(());
    }
    let (told, outcome) = channel();
    let at = Arc::new(Mutex::new(String::new()));
    let trial = Trial { templates: templates.clone(), site: site.clone(), at: Arc::clone(&at) };
    let started = thread::Builder::new()
        .name("trial".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || trial.run(&told));
    let whole = |message: String| {
        let name = templates.replacements().collect::<Vec<_>>().join("`, `");
        Err(TemplateError::Whole { name, message }.into())
    };
    if let Err(error) = started {
        return whole(format!("no thread could be started to try it: {error}"));
    }
    let tried = || at.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match outcome.recv_timeout(time) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => whole(format!(
            "{} is not done after {} seconds: look for a loop or a component in it that does not \
             end",
            tried(),
            time.as_secs()
        )),
        Err(RecvTimeoutError::Disconnected) => {
            whole(format!("{} could not be rendered: the templates need too much", tried()))
        }
    }
}

struct Trial {
    templates: Templates,
    site: Site,
    at: Arc<Mutex<String>>,
}

impl Trial {
    fn run(&self, told: &Sender<Result<(), RenderError>>) {
        let outcome = try_issues(&self.templates, &self.site, |what| self.next(what))
            .and_then(|()| Ok(self.try_pages()?));
        // Nobody listens any more when the time was up.
        let _ = told.send(outcome);
    }

    fn next(&self, what: &str) {
        what.clone_into(&mut self.at.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The pages that are made of entries, and those that readers meet on their way out.
    fn try_pages(&self) -> Result<(), TemplateError> {
        let (templates, site) = (&self.templates, &self.site);
        let definition = FeedDefinition::new("all", "All news", Selection::default());
        let entries: Vec<Arc<Entry>> = samples()
            .iter()
            .flat_map(|sample| sample.content().sections)
            .flat_map(|section| section.entries.into_iter().cloned().collect::<Vec<_>>())
            .map(Arc::new)
            .collect();
        self.next("`web/index.html`");
        let summary = |entries: &[Arc<Entry>]| FeedSummary {
            definition: definition.clone(),
            newest: entries.iter().take(3).cloned().collect(),
            entries: entries.len() as u64,
            updated: site.since,
        };
        render_index(templates, &[summary(&entries), summary(&[])], site)?;
        render_index(templates, &[], site)?;
        self.next("`web/feed.html`");
        for entries in [entries, vec![]] {
            let feed = Feed::new(definition.clone(), entries.clone(), vec![], site.since);
            render_feed(templates, &feed, std::slice::from_ref(&definition), &entries, site)?;
        }
        self.next("`web/unsubscribe.html`");
        for state in [
            UnsubscribeState::Ask,
            UnsubscribeState::Done,
            UnsubscribeState::Ended,
            UnsubscribeState::Back,
            UnsubscribeState::Invalid,
        ] {
            for feeds in [None, Some("releases, events".to_owned())] {
                let page = UnsubscribePage {
                    site_title: &site.title,
                    site_url: site.url.as_str(),
                    language: &site.language,
                    state,
                    digest: "daily",
                    feeds,
                    address_masked: "m***@example.org",
                    action: "/unsubscribe/TOKEN",
                    left: Some("1".into()),
                    undo_seal: Some("SEAL".into()),
                };
                templates.page("web/unsubscribe.html", &page)?;
            }
        }
        self.next("`web/manage.html`");
        for state in [
            ManageState::Show,
            ManageState::Saved,
            ManageState::Left,
            ManageState::Back,
            ManageState::Stale,
        ] {
            templates.page("web/manage.html", &ManagePage::sample(site, state))?;
        }
        self.next("`web/message.html`");
        let page = MessagePage {
            site_title: &site.title,
            site_url: site.url.as_str(),
            language: &site.language,
            title: "No such page",
            message: "There is nothing here.",
        };
        templates.page("web/message.html", &page)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::feeds::samples::site;

    /// Without optimisation and beside other tests.
    const LONG: Duration = Duration::from_mins(5);

    fn said(time: Duration, name: &str, change: impl Fn(&str) -> String) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let builtin = Templates::builtin();
        let source = builtin.sources().find(|(n, _)| *n == name).map_or("", |(_, source)| source);
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, change(source)).unwrap();
        let templates = match Templates::load(folder.path()) {
            Ok(templates) => templates,
            Err(error) => return Some(error.to_string()),
        };
        let tried = try_within(time, &templates, &site());
        tried.err().map(|error| error.to_string())
    }

    fn check(name: &str, addition: &str, expected: &str) {
        check_within(LONG, name, addition, expected);
    }

    fn check_within(time: Duration, name: &str, addition: &str, expected: &str) {
        let said = said(time, name, |source| {
            let (before, after) = source.rsplit_once('\n').unwrap_or(("", source));
            format!("{before}\n{addition}\n{after}")
        });
        let said = said.unwrap_or_default();
        assert!(said.contains(expected), "{addition}: {said}");
    }

    #[test]
    fn a_copy_of_each_built_in_template_passes() {
        for (name, _) in Templates::builtin().sources() {
            assert_eq!(said(LONG, name, |source| format!("{source}\n")), None, "{name}");
        }
    }

    #[test]
    fn a_variable_that_only_some_issues_reach_is_found() {
        let text = "{% for s in sections %}{% for e in s.entries %}{% if e.replaced_url %}\
                    {{ e.instead }}{% endif %}{% endfor %}{% endfor %}";
        check("mail/digest.txt", text, "`e.instead` is not known");
        check("mail/digest.txt", "{{ sender.nmae }}", "line 42: `sender.nmae` is not known");
        let headline = |source: &str| source.replace("heading", "headline");
        let of_copy = said(LONG, "web/issue.html", headline).unwrap();
        assert!(of_copy.contains("line 2: `headline` is not known"), "{of_copy}");
        let masked = |source: &str| source.replace("address_masked", "adress_masked");
        let said = said(LONG, "web/unsubscribe.html", masked).unwrap();
        assert!(said.contains("variable `adress_masked` is not defined"), "{said}");
    }

    #[test]
    fn a_misspelt_condition_is_found_though_it_would_only_hide_its_part() {
        check("mail/digest.html", "{% if preheadr %}x{% endif %}", "`preheadr` is not known");
        check(
            "mail/digest.txt",
            "{% if sender.adress %}x{% endif %}",
            "`sender.adress` is not known",
        );
    }

    #[test]
    fn a_component_within_itself_is_refused() {
        let text = "{% component again(n) %}{{<again n={n} />}}{% endcomponent again %}\
                    {{<again n={1} />}}";
        check("mail/digest.txt", text, "recursion");
        let text = "{% component twice(n) %}{% if n > 0 %}{{<twice n={n - 1} />}}\
                    {{<twice n={n - 1} />}}{{<twice n={n - 1} />}}{{<twice n={n - 1} />}}{% endif %}\
                    {% endcomponent twice %}{{<twice n={18} />}}";
        check_within(Duration::from_secs(2), "mail/digest.txt", text, "does not end");
        check("mail/digest.txt", "{% include \"mail/digest.txt\" %}", "itself");
    }

    #[test]
    fn a_loop_that_does_not_end_is_refused() {
        check("mail/digest.txt", "{% for n in range(end=1000000000000) %}x{% endfor %}", "range");
        let nested = "{% for a in range(end=90000) %}{% for b in range(end=90000) %}\
                      {% for c in range(end=90000) %}{{ TEXT }}{% endfor %}{% endfor %}{% endfor %}";
        let silent = nested.replace("{{ TEXT }}", "");
        check_within(Duration::from_secs(2), "mail/digest.txt", &silent, "does not end");
        check("mail/digest.txt", &nested.replace("{{ TEXT }}", &"x".repeat(4_000)), "more than");
    }

    #[test]
    fn a_template_that_makes_an_unfit_mail_is_refused() {
        check("mail/digest.html", "<a href=\"/x\">Rates</a>", "`/x` is not absolute");
        check("mail/digest.txt", "{% raw %}{{ title }}{% endraw %}", "was left over");
        let without =
            said(LONG, "mail/digest.txt", |source| source.replace("{{ unsubscribe_url }}", ""));
        assert!(without.unwrap().contains("has no place for the unsubscribe link"));
    }
}
