//! An output folder on a disk that is full or cannot be written, and one of somebody else.

use std::fs;
use std::process::Command;

use super::{office, publish, put, put_first_releases};

/// Publishes on a disk of its own (`$1`: its options), then what does not fit, after `$2` was
/// done to the disk, and again after `$3` was.
const SCRIPT: &str = r#"
mount -t tmpfs -o "$1" tmpfs public || exit 9
"$0" publish-now --feeds-only >/dev/null || exit 8
cp -a public before && mv new.md content/_posts/new.md && $2
"$0" publish-now --feeds-only; echo "exit code $?"
diff -r before public && echo "the old set stands"
$3 && "$0" publish-now --feeds-only >/dev/null; echo "then $?"
grep -q "New and large" public/feeds/all.atom && echo "the new set stands"
"#;

#[test]
fn on_a_full_disk_the_old_set_stands_until_there_is_room() {
    check("size=1m", "true", "mount -o remount,size=100m public", "make room on the disk");
}

#[test]
fn on_a_disk_that_cannot_be_written_the_old_set_stands_until_it_can() {
    let told = "let the user that runs Tidings write there";
    check("size=100m", "mount -o remount,ro public", "mount -o remount,rw public", told);
}

fn check(options: &str, spoil: &str, mend: &str, told: &str) {
    let unshare = ["--map-root-user", "--mount"];
    match Command::new("unshare").args(unshare).arg("true").output() {
        Err(_) => return println!("skipped: unshare is not installed"),
        Ok(tried) if !tried.status.success() => {
            return println!("skipped: unshare is not allowed");
        }
        Ok(_) => {}
    }
    let office = office();
    put_first_releases(&office);
    put(&office, "new", 59, "category: c1", &format!("New and large. {}", noise()));
    fs::create_dir(office.path("public")).unwrap();
    fs::rename(office.path("content/_posts/new.md"), office.path("new.md")).unwrap();
    let mut command = Command::new("unshare");
    command.args(unshare).args(["sh", "-c", SCRIPT, env!("CARGO_BIN_EXE_tidings")]);
    command.args([options, spoil, mend]).current_dir(office.path(""));
    let done = command.output().unwrap();
    let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
    for part in ["exit code 1\n", "the old set stands\n", told, "then 0\n", "the new set stands\n"]
    {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    assert!(said.contains("error: ") && said.contains("public"), "{said}");
}

/// Half a megabyte of words that no coding makes small.
fn noise() -> String {
    let mut state = 20_261_121_u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{:x} ", state >> 16)
    };
    (0..40_000).map(|_| word()).collect()
}

#[test]
fn a_folder_of_another_program_is_left_as_it_is() {
    let office = office();
    put_first_releases(&office);
    office.write("public/index.html", "theirs");
    let done = office.run(&["publish-now", "--feeds-only"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.stderr.contains("`.tidings`") && done.stderr.contains("hint: "), "{done:?}");
    assert_eq!(office.documents(), [("index.html".to_owned(), b"theirs".to_vec())]);
    fs::remove_file(office.path("public/index.html")).unwrap();
    publish(&office);
}
