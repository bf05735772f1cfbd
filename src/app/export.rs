//! Export: the values of a profile as a document that this program, and others, read again.

mod container;

use base64::Engine as _;
use clawvault_core::domain::{ProfileName, Revealed, SecretName, Value, json_text};
use zeroize::Zeroizing;

use super::session::{Reply, Request};
use super::{Access, App, AppError};

/// Form of the document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExportFormat {
    /// `NAME='value'` lines, one for each variable.
    Dotenv,
    /// Profile, then secrets with their fields; `value_b64` where a value is not UTF-8.
    Json,
}

/// Marks a field whose value is base64, because JSON cannot hold it as it is.
pub(super) const BASE64_SUFFIX: &str = "_b64";

/// Who the document is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ExportTo {
    /// A `v1` Secret of this name, with every value in base64.
    K8sSecret(String),
    /// `NAME=value` lines for `docker run --env-file`.
    DockerEnv,
    /// This program and others like it.
    Document(ExportFormat),
}

impl App {
    /// Opens the secrets of a profile, or `only` these of them, after logging it, and writes the
    /// document.
    pub fn export(
        &self,
        profile: &ProfileName,
        only: &[SecretName],
        to: &ExportTo,
    ) -> Result<(Zeroizing<Vec<u8>>, Vec<String>), AppError> {
        if let ExportTo::K8sSecret(name) = to {
            container::check_object_name(name)?;
        }
        let mut session = self.session(Access::Read)?;
        let without_admin = !matches!(to, ExportTo::Document(_));
        let ask = Request::Export(profile.clone(), only.to_vec(), without_admin);
        let Reply { revealed, mut notes, .. } = session.ask(ask)?;
        let document = match to {
            ExportTo::K8sSecret(name) => container::k8s_secret(&revealed, name)?,
            ExportTo::DockerEnv => {
                let (document, more) = container::docker_env(&revealed)?;
                notes.extend(more);
                document
            }
            ExportTo::Document(format) => {
                let (document, more) = export(profile, &revealed, *format);
                notes.extend(more);
                document
            }
        };
        notes.extend(session.warnings());
        Ok((document, notes))
    }
}

/// Writes the document; the second part says what it could not hold.
pub fn export(
    profile: &ProfileName,
    revealed: &[Revealed],
    format: ExportFormat,
) -> (Zeroizing<Vec<u8>>, Vec<String>) {
    // Grown only before anything is written: a reallocation would leave a copy behind.
    let values = revealed.iter().flat_map(|r| &r.fields).map(|(_, v)| v.len() * 6 + 256);
    let names = revealed.iter().map(|r| 512 + r.info.injections.len() * 256);
    let mut out =
        Zeroizing::new(Vec::with_capacity(1024 + values.sum::<usize>() * 2 + names.sum::<usize>()));
    let mut notes = Vec::new();
    match format {
        ExportFormat::Dotenv => dotenv(revealed, &mut out, &mut notes),
        ExportFormat::Json => json(profile, revealed, &mut out),
    }
    (out, notes)
}

fn dotenv(revealed: &[Revealed], out: &mut Vec<u8>, notes: &mut Vec<String>) {
    for one in revealed {
        if one.info.injections.is_empty() {
            notes.push(format!("{} has no variable and is not in this document", one.info.name));
        }
        for injection in &one.info.injections {
            let Some(value) = one.field(&injection.field) else { continue };
            if str::from_utf8(value.expose()).is_err() {
                notes.push(format!("{} is not text and is not in this document", one.info.name));
                continue;
            }
            out.extend_from_slice(injection.variable.as_str().as_bytes());
            out.push(b'=');
            quote(value, out);
            out.push(b'\n');
        }
    }
}

/// Single quotes where they can hold the value; else double ones with escapes.
fn quote(value: &Value, out: &mut Vec<u8>) {
    let bytes = value.expose();
    let plain = |b: &u8| *b != b'\'' && *b != b'\n' && *b != b'\r' && *b != b'\\';
    if bytes.iter().all(plain) {
        out.push(b'\'');
        out.extend_from_slice(bytes);
        out.push(b'\'');
        return;
    }
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'"' | b'\\' | b'$' => out.extend_from_slice(&[b'\\', *byte]),
            other => out.push(*other),
        }
    }
    out.push(b'"');
}

fn json(profile: &ProfileName, revealed: &[Revealed], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"profile\":");
    json_text(profile.as_str(), out);
    out.extend_from_slice(b",\"secrets\":{");
    for (at, one) in revealed.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"\n ");
        json_text(one.info.name.as_str(), out);
        out.extend_from_slice(b":{");
        for (at, (name, value)) in one.fields.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match str::from_utf8(value.expose()) {
                Ok(plain) if !name.as_str().ends_with(BASE64_SUFFIX) => {
                    json_text(name.as_str(), out);
                    out.push(b':');
                    json_text(plain, out);
                }
                _ => {
                    json_text(&format!("{name}{BASE64_SUFFIX}"), out);
                    out.push(b':');
                    let encoded = base64::engine::general_purpose::STANDARD.encode(value.expose());
                    json_text(&Zeroizing::new(encoded), out);
                }
            }
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"\n}}\n");
}

#[cfg(test)]
mod tests {
    use clawvault_core::domain::{FieldName, Injection, SecretInfo, SecretName, Variable};
    use proptest::prelude::*;

    use super::*;
    use crate::intake;

    fn revealed(text: &str) -> Revealed {
        let field = FieldName::default();
        let variable = Variable::parse("A_KEY").unwrap();
        let info = SecretInfo {
            profile: ProfileName::default(),
            name: SecretName::parse("a/b").unwrap(),
            vendor: None,
            injections: vec![Injection { variable, field: field.clone() }],
            admin: false,
            created_ms: 0,
            removed_ms: None,
            versions: Vec::new(),
        };
        let value = Value::new(text.as_bytes().to_vec()).unwrap();
        Revealed { info, version: 1, fields: vec![(field, value)] }
    }

    proptest! {
        #[test]
        fn what_is_exported_imports_the_same(text in "[^\0]{1,80}") {
            let one = [revealed(&text)];
            let profile = ProfileName::default();
            let (document, notes) = export(&profile, &one, ExportFormat::Dotenv);
            prop_assert!(notes.is_empty());
            let read = intake::read(intake::Format::Dotenv, &document, "x").unwrap();
            prop_assert_eq!(read.found[0].value.expose(), text.as_bytes());
            let (document, _) = export(&profile, &one, ExportFormat::Json);
            let parsed: serde_json::Value = serde_json::from_slice(&document).unwrap();
            prop_assert_eq!(parsed["secrets"]["a/b"]["value"].as_str().unwrap(), text);
        }
    }
}
