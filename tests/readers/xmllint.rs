//! xmllint, which reads XML as strictly as libxml2 does.

use std::process::Command;

/// Whether a path is that of an XML document.
pub fn is_xml(path: &str) -> bool {
    [".rss", ".atom", ".opml"].iter().any(|ending| path.ends_with(ending))
}

/// All that is said of these documents.
pub fn findings(xmllint: &str, documents: &[Vec<u8>]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(xmllint);
    command.args(["--noout", "--nonet", "--pedantic"]).current_dir(folder.path());
    for (number, document) in documents.iter().enumerate() {
        let name = format!("{number}.xml");
        std::fs::write(folder.path().join(&name), document).unwrap();
        command.arg(name);
    }
    let output = command.output().unwrap();
    assert!(output.status.success() || !output.stderr.is_empty(), "{output:?}");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
