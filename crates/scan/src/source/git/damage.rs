//! What of a repository is not there or cannot be read. It is counted, and the scan goes on.

use std::collections::HashSet;

use gix::ObjectId;
use gix::objs::{Find as _, Kind};

use super::error::said;
use crate::source::Summary;

/// Most lines that are kept on what could not be read.
const MAX_TOLD: usize = 1000;

/// Why an object that a partial clone lacks is not scanned.
pub(super) const PROMISED: &str = "objects that a remote promised and has not sent";

/// What was found to be wrong so far.
pub(super) struct Damage {
    /// Whether a remote promised what is missing.
    partial: bool,
    missing: HashSet<ObjectId>,
    unreadable: HashSet<String>,
    /// What is told of it.
    pub(super) summary: Summary,
}

impl Damage {
    pub(super) fn new(partial: bool) -> Self {
        let (missing, unreadable) = (HashSet::new(), HashSet::new());
        Self { partial, missing, unreadable, summary: Summary::default() }
    }

    /// An object is named and not there.
    pub(super) fn missing(&mut self, id: ObjectId) {
        if !self.missing.insert(id) {
            return;
        }
        if self.partial {
            self.skip(PROMISED);
        } else {
            self.summary.missing += 1;
        }
    }

    /// An object is there and makes no sense.
    pub(super) fn damaged(&mut self, id: ObjectId, why: &str) {
        self.tell(id.to_string(), why.to_owned());
    }

    /// Something cannot be read.
    pub(super) fn unreadable(&mut self, what: &str, error: &gix::Error) {
        self.tell(what.to_owned(), said(error));
    }

    fn tell(&mut self, what: String, why: String) {
        let told = &mut self.summary.unreadable;
        if told.len() < MAX_TOLD && self.unreadable.insert(what.clone()) {
            told.push((what, why));
        }
    }

    /// Something was left out.
    pub(super) fn skip(&mut self, why: &'static str) {
        self.summary.skipped.add(why, 1);
    }
}

/// Reads a tree; an error of none where it is not there.
pub(super) fn read_tree(
    repo: &gix::Repository,
    id: ObjectId,
    bytes: &mut Vec<u8>,
) -> Result<(), Option<gix::Error>> {
    if id.is_empty_tree() {
        bytes.clear();
        return Ok(());
    }
    match repo.objects.try_find(&id, bytes) {
        Ok(Some(object)) if object.kind == Kind::Tree => Ok(()),
        Ok(Some(_)) => Err(Some(gix::error::message("it is no tree").into())),
        Ok(None) => Err(None),
        Err(error) => Err(Some(error)),
    }
}
