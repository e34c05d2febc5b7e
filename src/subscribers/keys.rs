//! Keys in a folder of their own, never in the database.
//!
//! `token-N.key` sign tokens (the highest N signs, all are read), `address-N.key` seal
//! addresses, `lookup.key` makes the hash under which an address is found and suppressed.
//! Each file holds 32 random bytes in hex.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::model::Address;
use crate::private::make_folder;

const KEY_LEN: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("could not use key folder `{path}`")]
    Folder { path: PathBuf, source: io::Error },
    #[error("could not read key `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("could not write key `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("`{path}` is not a key: 64 hexadecimal digits are wanted")]
    Form { path: PathBuf },
    #[error("address key {0} is missing from the key folder")]
    Missing(i64),
    #[error("an address cannot be opened with address key {0}: it was sealed with another")]
    Sealed(i64),
    #[error("the key folder `{path}` is not the one this store was made with")]
    OtherStore { path: PathBuf },
    #[error("the system gives no random bytes")]
    Random,
}

/// All keys, read once.
pub struct Keys {
    folder: PathBuf,
    token: BTreeMap<i64, hmac::Key>,
    address: BTreeMap<i64, LessSafeKey>,
    lookup: hmac::Key,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.folder.display())
    }
}

impl Keys {
    /// Reads the keys in `folder`; what is missing is made, with the folder.
    pub fn open(folder: &Path) -> Result<Self, KeyError> {
        let wrong = |source| KeyError::Folder { path: folder.to_owned(), source };
        make_folder(folder).map_err(wrong)?;
        let mut token = BTreeMap::new();
        let mut address = BTreeMap::new();
        for item in fs::read_dir(folder).map_err(wrong)? {
            let path = item.map_err(wrong)?.path();
            if let Some(number) = numbered(&path, "token-") {
                token.insert(number, hmac_key(&read(&path)?));
            } else if let Some(number) = numbered(&path, "address-") {
                address.insert(number, aead_key(&read(&path)?));
            }
        }
        if token.is_empty() {
            token.insert(1, hmac_key(&read_or_make(&folder.join("token-1.key"))?));
        }
        if address.is_empty() {
            address.insert(1, aead_key(&read_or_make(&folder.join("address-1.key"))?));
        }
        let lookup = hmac_key(&read_or_make(&folder.join("lookup.key"))?);
        Ok(Self { folder: folder.to_owned(), token, address, lookup })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a store keeps to know its own keys again: says nothing about them.
    pub fn check_value(&self) -> String {
        HEXLOWER
            .encode(&hmac::sign(&self.lookup, b"tidings: check value of the store").as_ref()[..16])
    }

    /// Hash under which an address is found and suppressed.
    pub fn lookup(&self, address: &Address) -> Vec<u8> {
        hmac::sign(&self.lookup, address.normalised().as_bytes()).as_ref().to_vec()
    }

    /// Hash under which mails to an address are counted, whatever stands behind its `+`.
    pub fn mailbox(&self, address: &Address) -> Vec<u8> {
        hmac::sign(&self.lookup, address.mailbox().as_bytes()).as_ref().to_vec()
    }

    /// Number of the key that signs new tokens.
    pub fn token_key(&self) -> i64 {
        *self.token.keys().next_back().expect("there is always a token key")
    }

    /// HMAC-SHA-256 under a token key; `None` where that key is gone.
    pub fn sign(&self, token_key: i64, parts: &[&[u8]]) -> Option<hmac::Tag> {
        let mut context = hmac::Context::with_key(self.token.get(&token_key)?);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        Some(context.sign())
    }

    /// Seals an address (ChaCha20-Poly1305, RFC 8439) with the newest key; gives its number.
    pub fn seal(&self, address: &Address) -> Result<(i64, Vec<u8>), KeyError> {
        let (number, key) = self.address.last_key_value().expect("there is always an address key");
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| KeyError::Random)?;
        let mut text = address.as_str().as_bytes().to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
            .map_err(|_| KeyError::Random)?;
        Ok((*number, [&nonce[..], &text].concat()))
    }

    /// Opens what [`Keys::seal`] sealed.
    pub fn open_address(&self, number: i64, cipher: &[u8]) -> Result<Address, KeyError> {
        let key = self.address.get(&number).ok_or(KeyError::Missing(number))?;
        let sealed = || KeyError::Sealed(number);
        let (nonce, text) = cipher.split_at_checked(NONCE_LEN).ok_or_else(sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| sealed())?;
        let mut text = text.to_vec();
        let text = key.open_in_place(nonce, Aad::empty(), &mut text).map_err(|_| sealed())?;
        std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).ok_or_else(sealed)
    }
}

/// N of `PREFIXN.key`.
fn numbered(path: &Path, prefix: &str) -> Option<i64> {
    path.file_name()?.to_str()?.strip_prefix(prefix)?.strip_suffix(".key")?.parse().ok()
}

fn hmac_key(bytes: &[u8; KEY_LEN]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}

fn aead_key(bytes: &[u8; KEY_LEN]) -> LessSafeKey {
    let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).expect("32 bytes are such a key");
    LessSafeKey::new(key)
}

fn read(path: &Path) -> Result<[u8; KEY_LEN], KeyError> {
    let text = fs::read_to_string(path)
        .map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
    HEXLOWER_PERMISSIVE
        .decode(text.trim().as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| KeyError::Form { path: path.to_owned() })
}

/// Reads a key, made first where it is missing. Two processes that make one at the same
/// time end up with the same: the link to its place succeeds once.
fn read_or_make(path: &Path) -> Result<[u8; KEY_LEN], KeyError> {
    if path.exists() {
        return read(path);
    }
    let wrong = |source| KeyError::Write { path: path.to_owned(), source };
    let mut bytes = [0; KEY_LEN];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::Random)?;
    let mut salt = [0; 8];
    SystemRandom::new().fill(&mut salt).map_err(|_| KeyError::Random)?;
    let beside = path.with_extension(format!("new-{}", HEXLOWER.encode(&salt)));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(wrong)?;
    file.write_all(format!("{}\n", HEXLOWER.encode(&bytes)).as_bytes()).map_err(wrong)?;
    file.sync_all().map_err(wrong)?;
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside).map_err(wrong)?;
    match linked {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(wrong(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn address() -> Address {
        "mei.tan@example.org".parse().unwrap()
    }

    #[test]
    fn keys_are_made_once_and_only_their_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let first = Keys::open(&path).unwrap();
        let second = Keys::open(&path).unwrap();
        assert_eq!(first.check_value(), second.check_value());
        assert_eq!(first.lookup(&address()), second.lookup(&address()));
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("lookup.key")), 0o600);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 3);
    }

    #[test]
    fn a_sealed_address_opens_with_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let (number, cipher) = keys.seal(&address()).unwrap();
        assert_eq!(keys.open_address(number, &cipher).unwrap(), address());
        let other = tempfile::tempdir().unwrap();
        let other = Keys::open(other.path()).unwrap();
        assert!(matches!(other.open_address(number, &cipher), Err(KeyError::Sealed(1))));
        assert!(matches!(keys.open_address(7, &cipher), Err(KeyError::Missing(7))));
    }

    #[test]
    fn the_spelling_of_an_address_does_not_change_its_lookup() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path()).unwrap();
        let other: Address = "Mei.Tan@EXAMPLE.org".parse().unwrap();
        assert_eq!(keys.lookup(&address()), keys.lookup(&other));
    }

    #[test]
    fn a_broken_key_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token-1.key"), "short").unwrap();
        let error = Keys::open(folder.path()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("token-1.key` is not a key: 64 hexadecimal digits are wanted")
        );
    }
}
