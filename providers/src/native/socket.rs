//! A connection to a server: TCP or a Unix socket, and TLS over it.

use std::io::Result;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use clawvault_core::platform::read::read_bounded;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::call::{CONNECT, Call, Step};
use super::place::Place;
use crate::adapter::Kind;

/// Largest file of trusted certificates, in bytes.
const MAX_CA: usize = 1024 * 1024;

/// What bytes go over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, sealed or not.
pub(super) struct Socket(Box<dyn Stream>);

/// A connection without TLS; `path` is the Unix socket of a local server.
pub(super) async fn open(call: &Call<'_>, place: &Place, path: &str) -> Step<Socket> {
    let unreachable = |error: std::io::Error| {
        call.fault(
            Kind::Unreachable,
            format!("{} cannot be reached ({})", place.server(), error.kind()),
        )
    };
    call.within(CONNECT, Kind::Unreachable, async {
        if place.is_local_socket() {
            let stream = UnixStream::connect(path).await.map_err(unreachable)?;
            return Ok(Socket(Box::new(stream)));
        }
        let stream = TcpStream::connect((place.host.as_str(), place.port)).await;
        let stream = stream.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        Ok(Socket(Box::new(stream)))
    })
    .await
}

/// How TLS is spoken to one server.
pub(super) struct Sealer {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Sealer {
    /// Trusts the system's certificates, or those of `params.ca_file` alone.
    pub(super) fn new(call: &Call<'_>, place: &Place) -> Step<Self> {
        let tls =
            |error: rustls::Error| call.fault(Kind::Tls, format!("TLS cannot be set up: {error}"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().map_err(tls)?;
        let builder = match &place.ca_file {
            Some(path) => builder.with_root_certificates(roots(call, path)?),
            None => builder.with_platform_verifier().map_err(tls)?,
        };
        let no_name = |_| call.not_configured("the host is no name that a certificate could hold");
        Ok(Self {
            connector: TlsConnector::from(Arc::new(builder.with_no_client_auth())),
            name: ServerName::try_from(place.host.clone()).map_err(no_name)?,
        })
    }

    /// Speaks TLS over `socket` from here on.
    pub(super) async fn seal(self, socket: Socket) -> Result<Socket> {
        Ok(Socket(Box::new(self.connector.connect(self.name, socket).await?)))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// What a failed handshake means: a certificate that is not trusted, or a lost connection.
pub(super) fn handshake_failed(
    call: &Call<'_>,
    error: &std::io::Error,
) -> crate::adapter::VendorError {
    let kind = match error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        true => Kind::Tls,
        false => Kind::Unreachable,
    };
    call.fault(kind, "no trusted TLS connection (certificate, or a server without TLS)")
}

fn roots(call: &Call<'_>, path: &Path) -> Step<RootCertStore> {
    let refused = |why: String| call.not_configured(format!("params.ca_file: {why}"));
    if !path.is_absolute() {
        return Err(refused("the path is not absolute".to_owned()));
    }
    let pem = read_bounded(path, MAX_CA).map_err(|error| refused(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| refused("no PEM certificate".to_owned()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refused("holds no certificate".to_owned()));
    }
    Ok(roots)
}
