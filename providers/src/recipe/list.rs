//! Lists: rows over pages, bounded.

use std::collections::BTreeSet;

use reqwest::header::LINK;
use serde_json::Value as Tree;

use crate::adapter::{Kind, Listed, Operation, VendorError};
use crate::manifest::recipes::{Next, Page, Step};

use super::RecipeAdapter;
use super::fill::Scope;
use super::read::{Read, all, dead_word, first, is_good, text_of};
use super::step::{Outcome, Verdict};
use super::time;

/// Most pages of one list.
const MAX_PAGES: usize = 100;
/// Most rows of one list.
const MAX_ROWS: usize = 10_000;

impl RecipeAdapter {
    /// All keys that the vendor lists.
    pub(super) async fn rows(
        &self,
        operation: Operation,
        scope: &Scope<'_>,
    ) -> Result<Vec<Listed>, VendorError> {
        let steps = &self.recipes(scope.ask).list;
        let mut inner =
            Scope::new(&self.interface.api, scope.ask, scope.key_id.clone(), scope.now());
        let Some((last, before)) = steps.split_last() else {
            return Err(self.error(operation, Kind::NotOffered, "the vendor lists no keys"));
        };
        for step in before {
            let outcome = self.good(operation, self.step(Operation::List, step, &inner).await?)?;
            inner
                .take(step, &outcome)
                .map_err(|why| self.error(operation, Kind::BadAnswer, why))?;
        }
        self.pages(operation, last, &inner).await
    }

    async fn pages(
        &self,
        operation: Operation,
        step: &Step,
        scope: &Scope<'_>,
    ) -> Result<Vec<Listed>, VendorError> {
        let mut rows: Vec<Listed> = Vec::new();
        let mut known = BTreeSet::new();
        let mut seen = 0;
        let mut next: Option<(String, String)> = None;
        for nth in 1..=MAX_PAGES {
            let page = next.as_ref().map(|(name, value)| (name.as_str(), value.as_str()));
            let outcome = self.page(Operation::List, step, scope, page).await?;
            let answer = self.good(operation, outcome)?;
            let path = step.rows.as_deref().unwrap_or("$[*]");
            let found = all(&answer.body, path);
            if found.is_empty() && !holds_list(&answer.body) {
                return Err(self.error(operation, Kind::BadAnswer, "the answer holds no list"));
            }
            seen += found.len();
            let before = known.len();
            for tree in &found {
                let row = row(step, scope, &answer, tree);
                rows.extend(row.filter(|row| known.insert(row.key_id.clone())));
            }
            // A page that says nothing new is the last, whatever it says of others.
            let news = known.len() > before;
            if rows.len() > MAX_ROWS {
                return Err(self.error(
                    operation,
                    Kind::Unbounded,
                    "the list is longer than 10,000 keys",
                ));
            }
            let page = step.page.as_ref().filter(|_| news || is_sparse(step, &found));
            next = page.and_then(|page| following(page, &answer, nth, seen, found.len()));
            if next.is_none() {
                return Ok(rows);
            }
        }
        Err(self.error(operation, Kind::Unbounded, "the list has more than 100 pages"))
    }

    fn good(&self, operation: Operation, outcome: Outcome) -> Result<Read, VendorError> {
        match outcome.verdict {
            Verdict::Good => Ok(outcome.answer),
            _ => Err(VendorError {
                status: Some(outcome.status),
                ..self.error(operation, Kind::BadAnswer, "the vendor gives no list")
            }),
        }
    }
}

/// Whether a page may hold rows none of which is a key of ours.
fn is_sparse(step: &Step, found: &[&Tree]) -> bool {
    let filtered = step.rows.as_ref().is_some_and(|path| path.contains('?'));
    filtered && found.is_empty()
}

fn row(step: &Step, scope: &Scope<'_>, answer: &Read, tree: &Tree) -> Option<Listed> {
    let at = |name: &str| scope.sourced(step.take.get(name)?, answer, tree);
    Some(Listed {
        key_id: text_of(&at("key_id")?)?,
        name: at("name").and_then(|tree| scope.tame(&tree)),
        created_ms: at("created").and_then(|tree| time::read(&tree)),
        active: dead_word(step, tree).is_none() && is_good(step, tree),
        hint: at("hint").and_then(|tree| scope.tame(&tree)),
    })
}

/// Whether a body has any array, so that no rows means an empty list.
fn holds_list(body: &Tree) -> bool {
    match body {
        Tree::Array(_) => true,
        Tree::Object(members) => members.values().any(holds_list),
        _ => false,
    }
}

/// The query of the next page; none after the last.
fn following(
    page: &Page,
    answer: &Read,
    nth: usize,
    seen: usize,
    rows: usize,
) -> Option<(String, String)> {
    let more = page.more.as_ref().map(|path| answer.at(path) == Some(&Tree::Bool(true)));
    let short = page.size.is_some_and(|size| rows < size) || rows == 0 && page.next != Next::Cursor;
    if more == Some(false) || short {
        return None;
    }
    let value = match page.next {
        Next::Cursor => text_of(first(&answer.body, page.cursor.as_deref()?)?)?,
        Next::Number => (nth + 1).to_string(),
        Next::Offset => seen.to_string(),
        Next::Link => return linked(answer.header(LINK.as_str())?),
    };
    Some((page.query.clone()?, value))
}

/// The last parameter `page` or `cursor` of the address that a `Link` header calls the next: only
/// the parameter is taken over, so that no answer chooses where a request goes.
fn linked(header: &str) -> Option<(String, String)> {
    let next = header.split(',').find(|link| link.contains("rel=\"next\""))?;
    let address = next.split_once('<')?.1.split_once('>')?.0;
    let url = reqwest::Url::parse(address).ok()?;
    let wanted = |name: &str| matches!(name, "page" | "cursor" | "page_token" | "after");
    let pairs = url.query_pairs().filter(|(name, _)| wanted(name));
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).last()
}
