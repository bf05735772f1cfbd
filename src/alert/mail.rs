//! Mail, by SMTP with TLS and never without.

use std::path::Path;

use clawvault_core::domain::{Receiver, Security, Value};
use clawvault_core::platform::read::read_bounded;
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{SmtpTransport, Transport};

use super::Message;
use super::send::{PATIENCE, Unsent};

/// Largest file with an authority's certificate.
const MAX_CA: usize = 256 * 1024;

pub(super) fn send(
    receiver: &Receiver,
    token: Option<&Value>,
    message: &Message,
) -> Result<(), Unsent> {
    let (host, port) = place(receiver)?;
    let mut tls = TlsParameters::builder(host.to_owned());
    if let Some(path) = &receiver.ca {
        for certificate in authorities(path)? {
            tls = tls.add_root_certificate(certificate);
        }
    }
    let tls = tls.build().map_err(|_| "the certificates cannot be used")?;
    let tls = match receiver.security {
        Security::Tls => Tls::Wrapper(tls),
        Security::Starttls => Tls::Required(tls),
    };
    let mut transport = SmtpTransport::builder_dangerous(host).port(port).tls(tls);
    transport = transport.timeout(Some(PATIENCE));
    if let Some(token) = token {
        let user = receiver.user.as_ref().or(receiver.from.as_ref()).cloned().unwrap_or_default();
        let password = str::from_utf8(token.expose()).map_err(|_| "its secret is no text")?;
        transport = transport.credentials(Credentials::new(user, password.trim_end().to_owned()));
    }
    let mail = mail(receiver, message)?;
    match transport.build().send(&mail) {
        Ok(answer) if answer.is_positive() => Ok(()),
        Ok(_) => Err("the mail server did not take it".to_owned()),
        Err(error) => Err(reason(&error)),
    }
}

fn mail(receiver: &Receiver, message: &Message) -> Result<lettre::Message, Unsent> {
    let mailbox = |text: &String| {
        text.parse::<Mailbox>().map_err(|_| "a mail address of the policy is malformed".to_owned())
    };
    let from = receiver.from.as_ref().ok_or("the policy lacks `from` for it")?;
    let mut mail = lettre::Message::builder()
        .from(mailbox(from)?)
        .subject(message.title.clone())
        .message_id(Some(format!("<{}@clawvault.invalid>", message.id)));
    for to in &receiver.recipients {
        mail = mail.to(mailbox(to)?);
    }
    let text = format!("{}\n\nid: {}\n", message.text, message.id);
    let mail = mail.header(ContentType::TEXT_PLAIN).body(text);
    mail.map_err(|_| "the mail cannot be written".to_owned())
}

fn place(receiver: &Receiver) -> Result<(&str, u16), Unsent> {
    let to = receiver.to.as_deref().unwrap_or_default();
    let usual = match receiver.security {
        Security::Tls => 465,
        Security::Starttls => 587,
    };
    match to.rsplit_once(':') {
        None => Ok((to, usual)),
        Some((host, port)) => {
            let port = port.parse().map_err(|_| "`to` of the policy is not HOST:PORT")?;
            Ok((host, port))
        }
    }
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, Unsent> {
    let bytes = read_bounded(path, MAX_CA).map_err(|_| "the file of `ca` cannot be read")?;
    let text = str::from_utf8(&bytes).map_err(|_| "the file of `ca` is no PEM")?;
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let mut all = Vec::new();
    for piece in text.split(begin).skip(1) {
        let inner = piece.split(end).next().unwrap_or_default();
        let certificate = Certificate::from_pem(format!("{begin}{inner}{end}\n").as_bytes());
        all.push(certificate.map_err(|_| "the file of `ca` is no PEM")?);
    }
    if all.is_empty() { Err("the file of `ca` is no PEM".to_owned()) } else { Ok(all) }
}

/// What went wrong, without the server's words.
fn reason(error: &lettre::transport::smtp::Error) -> Unsent {
    if error.is_tls() {
        return "no trusted TLS connection to the mail server".to_owned();
    }
    if error.is_timeout() {
        return "the mail server took too long".to_owned();
    }
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None => "the mail server was not reached, or broke off".to_owned(),
    }
}
