//! One file of a journal: where a record lies, and which of them count after a crash.
//!
//! A file begins with two places for its head, of which the newer whole one counts: the number
//! of the first record that does. Behind them lie the records in the order of their numbers,
//! each with its length and a checksum. What the file held before it was started anew has lower
//! numbers, and counts no more whether or not it was wiped.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

use super::Applied;
use crate::failpoint;

/// Each head has a block of its own: a torn write harms one of them.
const BLOCK: u64 = 4096;

/// Where the records begin.
pub(super) const START: u64 = 2 * BLOCK;

const MAGIC: &[u8; 8] = b"TIDINGSJ";

/// Octets of a checksum; it guards against accidents, not against people.
const CHECK_LEN: usize = 12;
/// Number, length, checksum.
pub(super) const FRAME_LEN: usize = 8 + 4 + CHECK_LEN;
const HEAD_LEN: usize = 8 + 8 + CHECK_LEN;

/// A record and its number.
pub(super) type Numbered = (u64, Vec<u8>);

#[derive(Debug)]
pub(super) struct Half {
    pub(super) path: PathBuf,
    file: File,
    size: u64,
    /// Records with lower numbers are applied.
    from: u64,
    applied: Applied,
    /// Where the next record goes.
    end: u64,
    /// Behind it nothing was written that is not wiped.
    written: u64,
    /// Number of the last record that counts; absent where none does.
    last: Option<u64>,
    /// Which place holds the head.
    place: u64,
}

impl Half {
    /// Opens the file, made or lengthened to `capacity` octets that really lie on the disk, and
    /// gives the records that count.
    pub(super) fn open(
        path: &Path,
        capacity: u64,
        applied: Applied,
    ) -> io::Result<(Self, Vec<Numbered>)> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        let size = allocate(&file, path, capacity)?;
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, 0)?;
        // With no head that is whole all count: to apply one twice does no harm.
        let (from, place) = head(&bytes).unwrap_or((0, 1));
        let (mut records, mut end) = chain(&bytes);
        records.retain(|(number, _)| *number >= from);
        let last = records.last().map(|(number, _)| *number);
        if last.is_none() {
            end = START;
        }
        if applied == Applied::AreWiped {
            // A crash may have come between, and an earlier version left all.
            let behind = bytes.get(usize::try_from(end).map_err(io::Error::other)?..);
            let left = behind.unwrap_or_default().iter().rposition(|octet| *octet != 0);
            write_zeros(&file, end, left.map_or(end, |left| end + left as u64 + 1))?;
        }
        let path = path.to_owned();
        Ok((Self { path, file, size, from, applied, end, written: end, last, place }, records))
    }

    /// The lowest number that no record has had, as far as this file knows.
    pub(super) fn next_number(&self) -> u64 {
        self.last.map_or(0, |last| last + 1).max(self.from)
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Octets of records it may still take, each with its frame.
    pub(super) fn room(&self) -> u64 {
        self.size - self.end
    }

    /// Whether a record of this length could ever be held.
    pub(super) fn could_hold(&self, length: usize) -> bool {
        framed_len(length) <= self.size - START
    }

    /// Appends records with the numbers from `first`; they are on the disk when it returns.
    ///
    /// After an error the next call writes to the same place. What was written of these is then
    /// found after a crash or is not: nobody was promised it.
    pub(super) fn append(&mut self, first: u64, records: &[&[u8]]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for (number, record) in (first..).zip(records) {
            frame(&mut bytes, number, record);
        }
        self.written = self.written.max(self.end + bytes.len() as u64);
        failpoint::reach("before-journal-write");
        self.file.write_all_at(&bytes, self.end)?;
        failpoint::reach("before-journal-sync");
        self.file.sync_data()?;
        failpoint::reach("after-journal-sync");
        self.end += bytes.len() as u64;
        self.last = Some(first + records.len() as u64 - 1);
        Ok(())
    }

    /// Its records are applied: it begins anew, for records with numbers from `from`.
    pub(super) fn begin_anew(&mut self, from: u64) -> io::Result<()> {
        let place = 1 - self.place;
        failpoint::reach("before-journal-reset");
        self.file.write_all_at(&made_head(from), place * BLOCK)?;
        failpoint::reach("mid-journal-reset");
        self.file.sync_data()?;
        failpoint::reach("after-journal-reset");
        (self.from, self.end, self.last, self.place) = (from, START, None, place);
        if self.applied == Applied::AreWiped {
            // They count no more, so that this may be cut off anywhere; it goes to the disk with
            // the next sync.
            write_zeros(&self.file, START, self.written)?;
            self.written = START;
        }
        Ok(())
    }
}

pub(super) fn framed_len(length: usize) -> u64 {
    (FRAME_LEN + length) as u64
}

/// Sees to it that so many octets lie on the disk, and not as holes; gives how many there are.
fn allocate(file: &File, path: &Path, capacity: u64) -> io::Result<u64> {
    let found = file.metadata()?;
    let (length, size) = (found.len(), found.len().max(capacity));
    if length < size {
        write_zeros(file, length, size)?;
    }
    if file.metadata()?.blocks() * 512 < length {
        // A copy of it may have holes. A file system that makes zeros smaller shows some for
        // ever, and promises nothing: where that cannot be written the file is as good as it was.
        let _ = write_again(file, length);
    }
    if length < size {
        // Only here does a file system that allocates late say that there is no room.
        file.sync_all()?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(size)
}

fn write_zeros(file: &File, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; 64 << 10];
    let mut at = from;
    while at < to {
        let length = usize::try_from(to - at).map_or(zeros.len(), |left| left.min(zeros.len()));
        file.write_all_at(&zeros[..length], at)?;
        at += length as u64;
    }
    Ok(())
}

fn write_again(file: &File, length: u64) -> io::Result<()> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    file.write_all_at(&bytes, 0)?;
    file.sync_all()
}

fn check(parts: &[&[u8]]) -> [u8; CHECK_LEN] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let digest = context.finish();
    digest.as_ref()[..CHECK_LEN].try_into().expect("a digest is longer")
}

fn made_head(from: u64) -> [u8; HEAD_LEN] {
    let mut head = [0; HEAD_LEN];
    let number = from.to_le_bytes();
    head[..8].copy_from_slice(MAGIC);
    head[8..16].copy_from_slice(&number);
    head[16..].copy_from_slice(&check(&[MAGIC, &number]));
    head
}

/// From which number records count, and the place that says so.
fn head(bytes: &[u8]) -> Option<(u64, u64)> {
    let read = |place: u64| {
        let at = usize::try_from(place * BLOCK).ok()?;
        let head = bytes.get(at..at + HEAD_LEN)?;
        let from = number(&head[8..16]);
        (head == made_head(from)).then_some((from, place))
    };
    [read(0), read(1)].into_iter().flatten().max()
}

fn frame(bytes: &mut Vec<u8>, number: u64, record: &[u8]) {
    let number = number.to_le_bytes();
    let length = u32::try_from(record.len()).expect("a record fits into its file").to_le_bytes();
    bytes.extend(number);
    bytes.extend(length);
    bytes.extend(check(&[&number, &length, record]));
    bytes.extend(record);
}

/// The whole records from the start whose numbers follow each other, and where they end: a torn
/// one, or one from before, ends them.
fn chain(bytes: &[u8]) -> (Vec<Numbered>, u64) {
    let mut records: Vec<Numbered> = Vec::new();
    let mut at = usize::try_from(START).expect("it is small");
    while let Some((number, record)) = unframed(bytes.get(at..).unwrap_or_default()) {
        if records.last().is_some_and(|(last, _)| last.checked_add(1) != Some(number)) {
            break;
        }
        at += FRAME_LEN + record.len();
        records.push((number, record.to_vec()));
    }
    (records, at as u64)
}

fn unframed(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let frame = bytes.get(..FRAME_LEN)?;
    let length = u32::from_le_bytes(frame[8..12].try_into().expect("four bytes were taken"));
    let end = FRAME_LEN.checked_add(usize::try_from(length).ok()?)?;
    let record = bytes.get(FRAME_LEN..end)?;
    let is_whole = check(&[&frame[..12], record]) == frame[12..];
    is_whole.then(|| (number(frame), record))
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes were taken"))
}
