//! A session with a PostgreSQL server, opened for one operation.

use std::future::{Future, ready};
use std::pin::Pin;

use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config, Error};

use super::refusal::fault;
use crate::adapter::Kind;
use crate::native::call::{CONNECT, Call, Step, WORK};
use crate::native::place::Place;
use crate::native::socket::{Sealer, Socket, handshake_failed, open};

/// A session; it ends when dropped.
pub(super) struct Session<'a> {
    call: &'a Call<'a>,
    client: Client,
}

/// A login that the server did not let in, in its terms; or no answer to it.
pub(super) enum NoEntry {
    Refused(Error),
    Failed(crate::adapter::VendorError),
}

impl<'a> Session<'a> {
    pub(super) async fn open(call: &'a Call<'a>, place: &Place) -> Result<Self, NoEntry> {
        let path = format!("{}/.s.PGSQL.{}", place.host, place.port);
        let socket = open(call, place, &path).await.map_err(NoEntry::Failed)?;
        let mut config = Config::new();
        config.user(&place.user).password(place.password.expose()).application_name("clawvault");
        config.dbname(place.database.as_deref().unwrap_or(&place.user));
        config.ssl_mode(if place.tls { SslMode::Require } else { SslMode::Disable });
        let sealer = match place.tls {
            true => Some(Sealer::new(call, place).map_err(NoEntry::Failed)?),
            false => None,
        };
        let entered = tokio::time::timeout(CONNECT, config.connect_raw(socket, Tls(sealer))).await;
        let late = call.fault(Kind::Unreachable, "the server took the connection and says nothing");
        match entered {
            Ok(Ok((client, connection))) => {
                tokio::spawn(connection);
                Ok(Self { call, client })
            }
            Ok(Err(error)) if error.as_db_error().is_some() => Err(NoEntry::Refused(error)),
            Ok(Err(error)) => Err(NoEntry::Failed(not_opened(call, &error))),
            Err(_) => Err(NoEntry::Failed(late)),
        }
    }

    /// As [`Session::open`], for whoever needs to be in.
    pub(super) async fn enter(call: &'a Call<'a>, place: &Place) -> Step<Self> {
        Self::open(call, place).await.map_err(|refused| match refused {
            NoEntry::Refused(error) => fault(call, &error),
            NoEntry::Failed(error) => error,
        })
    }

    /// Carries out statements, all or none, and gives the rows of the last one as texts.
    pub(super) async fn run(&self, statements: &str) -> Step<Vec<Vec<Option<String>>>> {
        use tokio_postgres::SimpleQueryMessage::Row;
        self.call
            .within(WORK, Kind::Lost, async {
                let messages = self.client.simple_query(statements).await;
                let messages = messages.map_err(|error| fault(self.call, &error))?;
                let rows = messages.into_iter().filter_map(|message| match message {
                    Row(row) => {
                        Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
                    }
                    _ => None,
                });
                Ok(rows.collect())
            })
            .await
    }
}

/// No word of the server: TLS, or the connection.
fn not_opened(call: &Call<'_>, error: &Error) -> crate::adapter::VendorError {
    use std::error::Error as _;
    match error.source().and_then(|source| source.downcast_ref::<std::io::Error>()) {
        Some(io) => handshake_failed(call, io),
        None => {
            call.fault(Kind::BadAnswer, "no PostgreSQL server, or it offers no TLS or no SCRAM")
        }
    }
}

/// TLS as the crate tokio-postgres wants it.
struct Tls(Option<Sealer>);

impl TlsConnect<Socket> for Tls {
    type Stream = Socket;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Socket>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        match self.0 {
            Some(sealer) => Box::pin(sealer.seal(socket)),
            // Never asked for: the mode is `Disable`.
            None => Box::pin(ready(Err(std::io::ErrorKind::Unsupported.into()))),
        }
    }
}

impl TlsStream for Socket {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}
