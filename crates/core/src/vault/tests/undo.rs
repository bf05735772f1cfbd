//! What scrubs keep: sealed with the vault, bounded, gone with the secret that they would bring back.

use super::*;
use crate::domain::limits::MAX_SCRUBS;

impl Bench {
    fn scrub(&self, name: &str, texts: &[&[u8]]) -> Result<Recorded, VaultError> {
        let files: Vec<Original<'_>> = texts
            .iter()
            .enumerate()
            .map(|(at, bytes)| Original {
                path: format!("/some/file-{at}").into_bytes(),
                mode: 0o640,
                bytes,
                left: None,
            })
            .collect();
        let secrets = [(ProfileName::default(), secret(name))];
        let mut vault = self.open();
        let recorded = vault.record_scrub(&self.who, &files, &secrets)?;
        vault.close()?;
        Ok(recorded)
    }

    fn scrubs(&self) -> Vec<u32> {
        self.open().scrubs().unwrap().iter().map(|info| info.id).collect()
    }
}

#[test]
fn a_scrub_is_put_back_also_after_a_rekey_and_is_forgotten_then() {
    let bench = Bench::new();
    assert_eq!(bench.scrub("a/b", &[b"first", b"second"]).unwrap().id, 1);
    bench.rekey(None);
    let mut vault = bench.open();
    assert!(vault.warnings().is_empty());
    let info = vault.scrubs().unwrap().remove(0);
    let opened = vault.reveal_scrub(&bench.who, &info).unwrap();
    let opened: Vec<(&[u8], u32)> =
        opened.iter().map(|(file, bytes)| (bytes.as_slice(), file.mode)).collect();
    assert_eq!(opened, [(&b"first"[..], 0o640), (b"second", 0o640)]);
    vault.forget_scrubbed(1, &[0]).unwrap();
    assert_eq!(vault.scrubs().unwrap()[0].files[0].path().to_str(), Some("/some/file-1"));
    vault.forget_scrubbed(1, &[1]).unwrap();
    assert!(vault.scrubs().unwrap().is_empty());
    // Nothing is left of it but the list, and no number is given twice.
    assert_eq!(vault.check().unwrap().0, 2);
    vault.close().unwrap();
    assert_eq!(bench.scrub("a/b", &[b"x"]).unwrap().id, 2);
}

#[test]
fn only_so_many_scrubs_are_kept() {
    let bench = Bench::new();
    for id in 1..=MAX_SCRUBS + 1 {
        let recorded = bench.scrub("a/b", &[b"x"]).unwrap();
        assert_eq!(recorded.id as usize, id);
        assert_eq!(recorded.forgotten, if id > MAX_SCRUBS { vec![1] } else { Vec::new() });
    }
    assert_eq!(bench.scrubs(), (2..=MAX_SCRUBS as u32 + 1).collect::<Vec<_>>());
}

#[test]
fn a_purge_forgets_the_scrubs_of_its_secret_alone() {
    let bench = Bench::new();
    for name in ["a/b", "c/d"] {
        bench.set(name, "value");
        bench.scrub(name, &[b"x"]).unwrap();
    }
    let mut vault = bench.open();
    let (profile, before) = (ProfileName::default(), vault.check().unwrap().0);
    assert_eq!(vault.purge(&bench.who, &profile, &secret("a/b")).unwrap(), [1]);
    // The secret, its version, the file.
    assert_eq!(vault.check().unwrap().0, before - 3);
    drop(vault);
    assert_eq!(bench.scrubs(), [2]);
}

#[test]
fn the_vault_says_which_version_keeps_a_value() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    bench.set("a/b", "two");
    let mut vault = bench.open();
    let (profile, name, field) = (ProfileName::default(), secret("a/b"), FieldName::default());
    let keeps = |vault: &Vault, text: &str| {
        let value = Value::new(text.as_bytes().to_vec()).unwrap();
        vault.keeps(&profile, &name, &field, &value).unwrap()
    };
    assert_eq!(["one", "two", "three"].map(|text| keeps(&vault, text)), [Some(1), Some(2), None]);
    vault.remove(&bench.who, &profile, &name).unwrap();
    assert_eq!(keeps(&vault, "two"), None);
}
