//! An XML document as a tree of elements with their namespaces, for the rules to look at.

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

#[derive(Debug, Default)]
pub struct Element {
    pub namespace: String,
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// All text and CDATA directly inside, joined.
    pub text: String,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(namespace, name))
    }

    pub fn first(&self, namespace: &str, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(namespace, name))
    }

    pub fn count(&self, namespace: &str, name: &str) -> usize {
        self.all(namespace, name).count()
    }

    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }
}

/// Reads a document that [`tidings::feeds::xml::check`] passes.
pub fn read(bytes: &[u8]) -> Element {
    tidings::feeds::xml::check(bytes).unwrap();
    let mut reader = NsReader::from_str(std::str::from_utf8(bytes).unwrap());
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => open.push(element(&tag, &reader)),
            Event::Empty(tag) => {
                let empty = element(&tag, &reader);
                open.last_mut().unwrap().children.push(empty);
            }
            Event::End(_) => {
                let closed = open.pop().unwrap();
                open.last_mut().unwrap().children.push(closed);
            }
            Event::Text(text) => open.last_mut().unwrap().text += &text.xml10_content().unwrap(),
            Event::CData(text) => open.last_mut().unwrap().text += &text.xml10_content().unwrap(),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().unwrap().map(String::from);
                let name = reference.decode().unwrap();
                let text = character
                    .unwrap_or_else(|| resolve_predefined_entity(&name).unwrap().to_owned());
                open.last_mut().unwrap().text += &text;
            }
            Event::Eof => return open.pop().unwrap().children.pop().unwrap(),
            _ => {}
        }
    }
}

fn element(tag: &BytesStart<'_>, reader: &NsReader<&[u8]>) -> Element {
    let (namespace, local) = reader.resolver().resolve_element(tag.name());
    let namespace = match namespace {
        ResolveResult::Bound(namespace) => String::from_utf8(namespace.0.to_vec()).unwrap(),
        _ => String::new(),
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let attributes = tag.attributes().map(Result::unwrap).map(|attribute| {
        let value = attribute.decoded_and_normalized_value(XmlVersion::default(), reader.decoder());
        (text(attribute.key.as_ref()), value.unwrap().into_owned())
    });
    Element {
        namespace,
        name: text(local.as_ref()),
        attributes: attributes.collect(),
        ..Element::default()
    }
}
