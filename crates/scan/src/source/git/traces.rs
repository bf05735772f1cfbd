//! Follows known blobs at known paths through trees: where they are first, and whether a branch
//! still holds them.

use std::collections::{BTreeMap, HashMap, HashSet};

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice as _};
use gix::objs::TreeRefIter;

use super::objects::{Holders, read_tree};
use super::trees::Found;

/// Directories and files that are followed, as a tree of names.
pub(super) struct Traces {
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    names: BTreeMap<BString, usize>,
    /// Blobs that lie here in some tree.
    blobs: HashSet<ObjectId>,
    path: BString,
}

/// Trees that were followed already, each at a place.
pub(super) type Seen = HashSet<(ObjectId, usize)>;

impl Traces {
    pub(super) fn new(found: &HashMap<ObjectId, Found>) -> Self {
        let mut traces = Self { nodes: vec![Node::default()] };
        for (id, found) in found {
            for (path, _) in &found.paths {
                let mut at = 0;
                for name in path.split_str("/") {
                    let next = traces.nodes.len();
                    at = *traces.nodes[at].names.entry(name.into()).or_insert(next);
                    if at == next {
                        traces.nodes.push(Node::default());
                    }
                }
                traces.nodes[at].blobs.insert(*id);
                traces.nodes[at].path = path.clone();
            }
        }
        traces
    }

    /// Tells each followed blob that a tree holds, and its path, unless it was seen at that place.
    pub(super) fn follow(
        &self,
        (repo, holders): (&gix::Repository, Option<&Holders>),
        tree: ObjectId,
        seen: &mut Seen,
        each: &mut dyn FnMut(ObjectId, &BString),
    ) {
        let mut open = vec![(tree, 0)];
        let mut bytes = Vec::new();
        while let Some((tree, at)) = open.pop() {
            let names = &self.nodes[at].names;
            // What cannot be read was told when the trees were walked.
            if !seen.insert((tree, at)) || read_tree(holders, repo, tree, &mut bytes).is_err() {
                continue;
            }
            for entry in TreeRefIter::from_bytes(&bytes, tree.kind()).map_while(Result::ok) {
                let Some(at) = names.get(entry.filename) else { continue };
                if entry.mode.is_tree() {
                    open.push((entry.oid.to_owned(), *at));
                } else if self.nodes[*at].blobs.contains(entry.oid) {
                    each(entry.oid.to_owned(), &self.nodes[*at].path);
                }
            }
        }
    }
}
