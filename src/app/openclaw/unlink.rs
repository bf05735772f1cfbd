//! `unlink`: the references become values again, and our provider is gone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::domain::{ProfileName, json_text};
use clawvault_core::platform::HeldFile;
use zeroize::Zeroizing;

use crate::app::session::Request;
use crate::app::{Access, App, AppError, Code};
use crate::intake::{self, Edit, Format, Tree};
use crate::openclaw::config;
use crate::openclaw::exec::{ExecReference, PROVIDER_PATH, linked};

/// What unlinking did.
#[derive(Debug, Default)]
pub struct Unlinked {
    /// The files that changed.
    pub files: Vec<PathBuf>,
    /// How many references became values.
    pub references: usize,
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl App {
    /// Writes values in place of the references of a home's configuration and takes our provider
    /// out. All that is needed is opened before the first file changes.
    ///
    /// # Errors
    /// Where a secret is not to be had, or a file cannot be changed; earlier ones are changed then.
    pub fn unlink(&self, home: &Path, profile: &ProfileName) -> Result<Unlinked, AppError> {
        let linked = linked(home)?;
        if linked.resolver.is_none() && linked.references.is_empty() {
            let what = "the configuration refers to nothing of the vault";
            return Err(AppError::new(Code::Missing, what, "There is nothing to unlink."));
        }
        let named = |there: &ExecReference| clawvault_resolver::parse(&there.id);
        let ids = linked.references.iter().filter_map(named).collect();
        let mut session = self.session(Access::Read)?;
        let revealed = session.ask(Request::Resolve(profile.clone(), ids))?.revealed;
        let mut files: BTreeMap<&Path, BTreeMap<String, Edit>> = BTreeMap::new();
        for there in &linked.references {
            let value = clawvault_resolver::value_of(&revealed, &there.id);
            let text = value.and_then(|value| str::from_utf8(value.expose()).ok());
            let text = text.ok_or_else(|| {
                let what = format!("the vault does not give {} back", there.id);
                AppError::new(Code::Missing, what, "No file was changed; see `clawvault list`.")
            })?;
            let edits = files.entry(&there.file).or_default();
            edits.insert(there.place.clone(), Edit::Put(quoted(text)));
        }
        let main = Path::new(config::FILE);
        if linked.resolver.is_some() {
            files.entry(main).or_default();
        }
        let mut planned = Vec::new();
        for (file, edits) in &mut files {
            let held = HeldFile::open(home, file, MAX_DOCUMENT)?;
            if *file == main && linked.resolver.is_some() {
                edits.insert(emptied(held.bytes()).to_owned(), Edit::Gone);
            }
            let result = intake::edit(Format::Json5, held.bytes(), edits).map_err(|error| {
                let what = format!("{}: {error}", held.path().display());
                AppError::new(Code::Failed, what, "No file was changed; edit it by hand.")
            })?;
            planned.push((held, result));
        }
        let mut unlinked = Unlinked { references: linked.references.len(), ..Unlinked::default() };
        for (held, result) in planned {
            held.replace(&result, held.mode())?;
            unlinked.files.push(held.path().to_owned());
        }
        unlinked.warnings = session.warnings();
        session.close()?;
        Ok(unlinked)
    }
}

/// What of the configuration holds our provider and nothing else: as much as linking put there.
fn emptied(config: &[u8]) -> &'static str {
    let tree = config::parse(config).ok();
    let mut here = tree.as_ref();
    let mut emptied = None;
    for (at, _) in PROVIDER_PATH.match_indices('.') {
        let key = PROVIDER_PATH[..at].rsplit('.').next().unwrap_or_default();
        here = here.and_then(|tree| tree.get(key));
        let is_ours_alone = matches!(here, Some(Tree::Map(map)) if map.len() == 1);
        emptied = emptied.filter(|_| is_ours_alone).or(is_ours_alone.then_some(at));
    }
    emptied.map_or(PROVIDER_PATH, |at| &PROVIDER_PATH[..at])
}

/// A text as JSON, in a buffer that never grows.
fn quoted(text: &str) -> Zeroizing<String> {
    let mut out = Vec::with_capacity(text.len() * 6 + 2);
    json_text(text, &mut out);
    Zeroizing::new(String::from_utf8(out).unwrap_or_default())
}
