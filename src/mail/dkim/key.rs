//! Private keys, from PEM (RFC 7468) with PKCS#8 (RFC 5958) or PKCS#1 (RFC 8017) in it.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

/// Why a key file cannot sign. Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DkimKeyError {
    #[error("it holds no private key in PEM that is free of a passphrase")]
    Form,
    #[error("its RSA key has less than 2048 bits")]
    TooShort,
    #[error("its key is not a good {0} key")]
    Rejected(Kind),
}

/// An algorithm by its name in `k=` (RFC 6376, 3.6.1; RFC 8463, 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Rsa,
    Ed25519,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        })
    }
}

/// A key that signs. Never printed.
pub enum PrivateKey {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, …)", self.kind())
    }
}

impl PrivateKey {
    /// Reads the first key of a PEM text. RSA below 2048 bits is refused: RFC 8301, 3.2 has
    /// signers use no less.
    pub fn from_pem(kind: Kind, pem: &[u8]) -> Result<Self, DkimKeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| DkimKeyError::Form)?;
        let rejected = |error: aws_lc_rs::error::KeyRejected| match error.to_string().as_str() {
            "TooSmall" => DkimKeyError::TooShort,
            _ => DkimKeyError::Rejected(kind),
        };
        match (kind, &der) {
            (Kind::Rsa, PrivateKeyDer::Pkcs1(der)) => {
                RsaKeyPair::from_der(der.secret_pkcs1_der()).map(Self::Rsa).map_err(rejected)
            }
            (Kind::Rsa, PrivateKeyDer::Pkcs8(der)) => {
                RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map(Self::Rsa).map_err(rejected)
            }
            (Kind::Ed25519, PrivateKeyDer::Pkcs8(der)) => {
                Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der())
                    .map(Self::Ed25519)
                    .map_err(rejected)
            }
            _ => Err(DkimKeyError::Rejected(kind)),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Rsa(_) => Kind::Rsa,
            Self::Ed25519(_) => Kind::Ed25519,
        }
    }
}
