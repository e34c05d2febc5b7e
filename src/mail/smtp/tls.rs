//! TLS towards the relay: implicit (RFC 8314, 3.3) or after STARTTLS (RFC 3207).

use std::io;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::wire::Stream;

/// Whom to trust. Certificate and name are always checked, with TLS 1.2 or later.
#[derive(Debug, Clone)]
pub struct TlsSettings(Arc<OnceCell<Arc<ClientConfig>>>);

impl TlsSettings {
    /// The roots of the system, or of the file that `SSL_CERT_FILE` names. They are read once
    /// for a process, with the first connection that needs them.
    pub fn system() -> Self {
        static SHARED: LazyLock<TlsSettings> = LazyLock::new(|| TlsSettings(Arc::default()));
        SHARED.clone()
    }

    /// These roots and no others.
    pub fn trusting(roots: RootCertStore) -> Self {
        Self(Arc::new(OnceCell::new_with(Some(config(roots)))))
    }

    /// Shakes hands with `host` over `stream`.
    pub(super) async fn wrap(
        &self,
        stream: Box<dyn Stream>,
        host: &str,
    ) -> io::Result<TlsStream<Box<dyn Stream>>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let config = self.0.get_or_try_init(system_config).await?;
        TlsConnector::from(Arc::clone(config)).connect(name, stream).await
    }
}

async fn system_config() -> io::Result<Arc<ClientConfig>> {
    let found =
        spawn_blocking(rustls_native_certs::load_native_certs).await.map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(match found.errors.into_iter().next() {
            Some(error) => io::Error::other(error),
            None => io::Error::other("the system has no root certificates"),
        });
    }
    Ok(config(roots))
}

fn config(roots: RootCertStore) -> Arc<ClientConfig> {
    Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}
