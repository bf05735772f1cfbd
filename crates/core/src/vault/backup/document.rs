//! Writing `secrets.json`: one secret after the other, one version in memory at a time.

use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use zeroize::Zeroize;

use crate::domain::{FieldName, SecretInfo, Value};
use crate::platform::PlatformError;

use super::{FORMAT, Vault, VaultError};

/// Bytes of a value that are encoded at a time: a multiple of three, so that the pieces join.
const PIECE: usize = 768;

/// Where a backup is written, and how much was.
pub(super) struct Out<'a> {
    to: &'a mut dyn Write,
    path: &'a Path,
    /// Bytes so far.
    pub(super) written: u64,
}

impl<'a> Out<'a> {
    /// Writes to `to`; `path` is its name in messages.
    pub(super) fn new(to: &'a mut dyn Write, path: &'a Path) -> Self {
        Self { to, path, written: 0 }
    }

    /// Writes bytes as they are.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), VaultError> {
        self.written += bytes.len() as u64;
        let written = self.to.write_all(bytes);
        Ok(written.map_err(|error| PlatformError::io("write", self.path, error))?)
    }

    /// Writes what holds no value as JSON.
    fn json(&mut self, of: &impl Serialize) -> Result<(), VaultError> {
        let text = serde_json::to_vec(of).map_err(std::io::Error::other);
        self.put(&text.map_err(|error| PlatformError::io("write", self.path, error))?)
    }

    /// Writes `,"name":` and JSON after it.
    fn member(&mut self, name: &str, of: &impl Serialize) -> Result<(), VaultError> {
        self.put(format!(",\"{name}\":").as_bytes())?;
        self.json(of)
    }
}

/// Writes the document. The same vault gives the same bytes each time.
pub(super) fn write(
    vault: &Vault,
    infos: &[SecretInfo],
    written_ms: i64,
    out: &mut Out<'_>,
) -> Result<(), VaultError> {
    let slots: Vec<_> = vault.header.slots.iter().map(super::Slot::saved).collect();
    out.put(b"{\"format\":")?;
    out.json(&FORMAT)?;
    out.member("vault", &vault.header.vault)?;
    out.member("generation", &vault.generation())?;
    out.member("written_ms", &written_ms)?;
    out.member("slots", &slots)?;
    out.put(b",\"secrets\":[")?;
    for (at, info) in infos.iter().enumerate() {
        out.put(if at == 0 { b"\n" } else { b",\n" })?;
        secret(vault, info, out)?;
    }
    out.put(b"\n]")?;
    out.member("rotations", &vault.lives_to_save()?)?;
    out.member("records", &vault.records_to_save()?)?;
    out.put(b"}\n")
}

fn secret(vault: &Vault, info: &SecretInfo, out: &mut Out<'_>) -> Result<(), VaultError> {
    out.put(b"{\"profile\":")?;
    out.json(&info.profile)?;
    out.member("name", &info.name)?;
    out.member("vendor", &info.vendor)?;
    out.member("injections", &info.injections)?;
    out.member("admin", &info.admin)?;
    out.member("created_ms", &info.created_ms)?;
    out.member("removed_ms", &info.removed_ms)?;
    out.put(b",\"versions\":[")?;
    for (at, version) in info.versions.iter().enumerate() {
        out.put(if at == 0 { b"{\"number\":" } else { b",{\"number\":" })?;
        out.json(&version.number)?;
        out.member("stage", &version.stage)?;
        out.member("created_ms", &version.created_ms)?;
        out.put(b",\"fields\":[")?;
        let fields = vault.open_fields(info.clone(), version.number)?.fields;
        for (at, (name, value)) in fields.iter().enumerate() {
            out.put(if at == 0 { b"{\"name\":" } else { b",{\"name\":" })?;
            field(name, value, out)?;
        }
        out.put(b"]}")?;
    }
    out.put(b"]}")
}

fn field(name: &FieldName, value: &Value, out: &mut Out<'_>) -> Result<(), VaultError> {
    out.json(name)?;
    match str::from_utf8(value.expose()) {
        Ok(text) => {
            out.put(b",\"value\":\"")?;
            escaped(text, out)?;
        }
        Err(_) => {
            out.put(b",\"value_b64\":\"")?;
            let mut piece = [0; PIECE / 3 * 4];
            for bytes in value.expose().chunks(PIECE) {
                // The piece has room for all of it, so nothing is cut.
                let used = BASE64.encode_slice(bytes, &mut piece).unwrap_or_default();
                out.put(&piece[..used])?;
            }
            piece.zeroize();
        }
    }
    out.put(b"\"}")
}

/// Text inside a JSON string (RFC 8259 §7), in the pieces that it has: no copy is made.
fn escaped(text: &str, out: &mut Out<'_>) -> Result<(), VaultError> {
    let mut rest = text.as_bytes();
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    while let Some(at) = rest.iter().position(special) {
        out.put(&rest[..at])?;
        match rest[at] {
            byte @ (b'"' | b'\\') => out.put(&[b'\\', byte])?,
            byte => out.put(format!("\\u{byte:04x}").as_bytes())?,
        }
        rest = &rest[at + 1..];
    }
    out.put(rest)
}
