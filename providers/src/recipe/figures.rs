//! Money by recipe: figures read, page by page, and the vendor's own cap set.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use clawvault_core::domain::{Decimal, Flow, MAX_NUMBER, Reading, Scope as About, Unit};
use serde_json::Value as Tree;
use zeroize::Zeroizing;

use crate::adapter::{Ask, Kind, Operation, VendorError};
use crate::manifest::money::{Cap, FlowEntry, Owners, ReadEntry, Spend};
use crate::manifest::recipes::{Next, Step};

use super::RecipeAdapter;
use super::exact::{self, Piece};
use super::fill::Scope;
use super::step::Verdict;
use super::time;

/// Most pages of one call.
const MAX_PAGES: usize = 1000;
/// Most figures of one reading.
const MAX_FIGURES: usize = 1_000_000;
/// Longest id that a vendor gives.
const MAX_ID: usize = 128;
const HOUR_S: i64 = 3600;

/// A stretch of time, in seconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// Its beginning.
    pub from_s: i64,
    /// Its end.
    pub to_s: i64,
}

impl RecipeAdapter {
    /// All figures of a stretch of time.
    pub(crate) async fn figures(
        &self,
        spend: &Spend,
        ask: &Ask,
        window: Window,
    ) -> Result<Vec<Reading>, VendorError> {
        let mut readings = Vec::new();
        let wanted =
            |read: &&ReadEntry| read.admin.is_none_or(|admin| admin == ask.admin.is_some());
        for read in spend.reads.iter().filter(wanted) {
            let timed = read.start.is_some() && spend.days > 0;
            for window in if timed { parts(window, spend.days) } else { vec![window] } {
                self.pages_of(read, ask, window, &mut readings).await?;
            }
        }
        Ok(readings)
    }

    async fn pages_of(
        &self,
        read: &ReadEntry,
        ask: &Ask,
        window: Window,
        readings: &mut Vec<Reading>,
    ) -> Result<(), VendorError> {
        let scope = self.money_scope(ask, &named(window));
        let mut pages = Pages::new(read, scope.now_ms);
        loop {
            let page = pages.next.as_ref().map(|(name, value)| (name.as_str(), value.as_str()));
            let body = self.money_call(&read.call, &scope, page).await?;
            let more = pages.take(&body, readings);
            if !more.map_err(|(kind, why)| self.error(Operation::List, kind, why))? {
                return Ok(());
            }
        }
    }

    /// Whose each key is that figures are told by: the vendor's id of the key, and of its owner.
    pub(crate) async fn owners(
        &self,
        owners: &Owners,
        ask: &Ask,
    ) -> Result<BTreeMap<String, String>, VendorError> {
        let fault = |kind, why: &str| self.error(Operation::List, kind, why);
        let scope = self.money_scope(ask, &[]);
        let (mut found, mut next) = (BTreeMap::new(), None::<(String, String)>);
        for nth in 1..=MAX_PAGES {
            let page = next.as_ref().map(|(name, value)| (name.as_str(), value.as_str()));
            let body = self.money_call(&owners.call, &scope, page).await?;
            let whole = exact::whole(&body)
                .ok_or_else(|| fault(Kind::BadAnswer, "the answer is not JSON"))?;
            let rows = exact::all(whole, &owners.rows);
            let count = rows.len();
            let short = |id: String| Some(id).filter(|id| !id.is_empty() && id.len() <= MAX_ID);
            let pair = |row| {
                Some((
                    short(exact::text(row, &owners.id)?)?,
                    short(exact::text(row, &owners.owner)?)?,
                ))
            };
            found.extend(rows.into_iter().filter_map(pair));
            let after = following(&owners.call, &body, nth, count);
            match after.map_err(|why| fault(Kind::BadAnswer, why))? {
                None => return Ok(found),
                after if after == next => break,
                after => next = after,
            }
        }
        Err(fault(Kind::Unbounded, "the list of keys does not end"))
    }

    /// Sets the vendor's own cap.
    pub(crate) async fn set_cap(
        &self,
        cap: &Cap,
        ask: &Ask,
        amount: Decimal,
    ) -> Result<(), VendorError> {
        let scaled = amount.times_ten_to(-cap.power).map(|amount| amount.to_string());
        let whole = scaled.filter(|text| cap.power == 0 || !text.contains('.'));
        let fault = |kind, why: &str| self.error(Operation::List, kind, why);
        let inexact = || fault(Kind::NotConfigured, "the vendor takes no amount that fine");
        let taken = vec![("amount", Tree::String(whole.ok_or_else(inexact)?))];
        let scope = self.money_scope(ask, &taken);
        let outcome = self.page(Operation::List, &cap.call, &scope, None).await?;
        match outcome.verdict {
            Verdict::Good => Ok(()),
            _ => Err(fault(Kind::BadAnswer, "the vendor does not say that it set the cap")),
        }
    }

    fn money_scope<'a>(&'a self, ask: &'a Ask, taken: &[(&str, Tree)]) -> Scope<'a> {
        let mut scope = Scope::new(&self.interface.api, ask, ask.key_id.clone(), SystemTime::now());
        for (name, tree) in taken {
            scope.taken.insert((*name).to_owned(), tree.clone());
        }
        scope
    }

    /// One call; the bytes of a good answer.
    async fn money_call(
        &self,
        step: &Step,
        scope: &Scope<'_>,
        page: Option<(&str, &str)>,
    ) -> Result<Zeroizing<Vec<u8>>, VendorError> {
        let operation = Operation::List;
        let call = self.call(operation, step, scope, page);
        let call = call.map_err(|why| self.error(operation, Kind::NotConfigured, why))?;
        let reply = self.client.send(call).await.map_err(|failure| VendorError {
            status: failure.status,
            ..self.error(operation, failure.kind, failure.detail)
        })?;
        match self.judge(operation, step, &reply)?.verdict {
            Verdict::Good => Ok(reply.body),
            _ => {
                let detail = "the vendor does not accept the credential that asked";
                Err(VendorError {
                    status: Some(reply.status.as_u16()),
                    ..self.error(operation, Kind::Unauthorized, detail)
                })
            }
        }
    }
}

/// Pages of one call, taken in one after the other.
pub(crate) struct Pages<'a> {
    read: &'a ReadEntry,
    now_ms: i64,
    taken: usize,
    seen: BTreeSet<String>,
    /// What asks for the next page, and its value; none for the first one.
    pub(crate) next: Option<(String, String)>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(read: &'a ReadEntry, now_ms: i64) -> Self {
        Self { read, now_ms, taken: 0, seen: BTreeSet::new(), next: None }
    }

    /// Takes a page in; true where there is another one.
    pub(crate) fn take(
        &mut self,
        body: &[u8],
        readings: &mut Vec<Reading>,
    ) -> Result<bool, (Kind, &'static str)> {
        let bad = |why| (Kind::BadAnswer, why);
        let (figures, rows) = figures_of(self.read, body, self.now_ms).map_err(bad)?;
        readings.extend(figures);
        if readings.len() > MAX_FIGURES {
            return Err(bad("the answer has more than 1,000,000 figures"));
        }
        self.taken += 1;
        self.next = following(&self.read.call, body, self.taken, rows).map_err(bad)?;
        match &self.next {
            None => Ok(false),
            // A page that was there already: what it tells would go round for ever.
            Some((_, cursor)) if !self.seen.insert(cursor.clone()) => {
                Err(bad("a page names itself, or an earlier one, as the next"))
            }
            Some(_) if self.taken == MAX_PAGES => {
                Err((Kind::Unbounded, "the answer has more than 1,000 pages"))
            }
            Some(_) => Ok(true),
        }
    }
}

/// The figures of one answer, and its number of rows.
pub(super) fn figures_of(
    read: &ReadEntry,
    body: &[u8],
    now_ms: i64,
) -> Result<(Vec<Reading>, usize), &'static str> {
    let body = exact::whole(body).ok_or("the answer is not JSON")?;
    let buckets = match &read.buckets {
        Some(path) => {
            // An empty list is no fault; no list at all is one.
            let parent = path.split("[*]").next().unwrap_or(path);
            if exact::all(body, parent).is_empty() {
                return Err("the answer holds no list of figures");
            }
            exact::all(body, path)
        }
        None => vec![body],
    };
    let mut all: Vec<Reading> = Vec::new();
    let mut count = 0;
    for bucket in buckets {
        let hour = match &read.start {
            Some(path) => {
                let told = exact::text(bucket, path).ok_or("a figure has no beginning")?;
                let tree = told.parse::<i64>().map_or(Tree::String(told), Tree::from);
                hour_of(time::read(&tree).ok_or("a figure has a beginning that is no time")?)
            }
            None => hour_of(now_ms),
        };
        let hour = hour.ok_or("a figure has a beginning that is no time")?;
        let rows = match &read.rows {
            Some(path) => exact::all(bucket, path),
            None => vec![bucket],
        };
        count += rows.len();
        for row in rows {
            if read.only.iter().all(|(path, wanted)| {
                exact::text(row, path).is_some_and(|told| wanted.contains(&told))
            }) {
                let one = figure(read, row, hour)?;
                let same = |other: &&mut Reading| {
                    Reading { amount: one.amount, ..(**other).clone() } == one
                };
                match read.sums.then(|| all.iter_mut().find(same)).flatten() {
                    Some(other) => {
                        let sum = other.amount.plus(one.amount);
                        other.amount = sum.ok_or("an amount has too many digits")?;
                    }
                    None => all.push(one),
                }
            }
        }
    }
    Ok((all, count))
}

fn figure(read: &ReadEntry, row: Piece<'_>, hour: u32) -> Result<Reading, &'static str> {
    let (told, flow) = match (exact::text(row, &read.amount), &read.lifetime) {
        (None, Some(lifetime)) => (exact::text(row, lifetime), FlowEntry::Counter),
        (told, _) => (told, read.flow),
    };
    let told = told.ok_or("a figure has no amount")?;
    if told.len() > MAX_NUMBER {
        return Err("an amount has too many digits");
    }
    let amount = Decimal::parse(&told).map_err(|_| "an amount is no decimal number")?;
    let amount = amount.times_ten_to(read.power).ok_or("an amount has too many digits")?;
    let amount = match read.negated {
        true => Decimal::ZERO.minus(amount).ok_or("an amount has too many digits")?,
        false => amount,
    };
    let unit = match read.unit.starts_with('$') {
        true => exact::text(row, &read.unit).ok_or("a figure has no unit")?,
        false => read.unit.clone(),
    };
    let unit = Unit::parse(&unit).map_err(|_| "a figure has an unknown unit")?;
    let id = |path: &Option<String>| {
        let id = exact::text(row, path.as_ref()?)?;
        (!id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|b| b.is_ascii_graphic()))
            .then_some(id)
    };
    let scope = match (id(&read.key), id(&read.project)) {
        (Some(key), Some(project)) => About::KeyOf(project, key),
        (Some(key), None) => About::Key(key),
        (None, Some(project)) => About::Project(project),
        (None, None) => About::Account,
    };
    let flow = match flow {
        FlowEntry::Cost => Flow::Cost,
        FlowEntry::Counter => Flow::Counter,
        FlowEntry::Balance => Flow::Balance,
        FlowEntry::Monthly => Flow::Monthly,
    };
    let width = counted_hours(read, row, hour).unwrap_or(read.width);
    Ok(Reading { scope, flow, unit, hour, width, amount })
}

/// For how many hours a counter has counted, where the row tells when it begins anew.
fn counted_hours(read: &ReadEntry, row: Piece<'_>, hour: u32) -> Option<u16> {
    let told: i64 = exact::text(row, read.anew.as_ref()?)?.parse().ok()?;
    let anew = jiff::Timestamp::from_millisecond(time::read(&Tree::from(told))?).ok()?;
    let began = anew.to_zoned(jiff::tz::TimeZone::UTC).checked_sub(jiff::Span::new().months(1));
    let began = hour_of(began.ok()?.timestamp().as_millisecond())?;
    u16::try_from(hour.checked_sub(began)?).ok()
}

/// What asks for the next page; none after the last.
fn following(
    call: &Step,
    body: &[u8],
    nth: usize,
    rows: usize,
) -> Result<Option<(String, String)>, &'static str> {
    let Some(page) = &call.page else { return Ok(None) };
    let body = exact::whole(body).ok_or("the answer is not JSON")?;
    let more = page.more.as_ref().and_then(|path| exact::text(body, path));
    let query = page.query.clone().unwrap_or_default();
    match page.next {
        Next::Cursor => {
            let cursor = page.cursor.as_ref().and_then(|path| exact::text(body, path));
            match (more.as_deref(), cursor.filter(|cursor| !cursor.is_empty())) {
                (Some("false"), _) | (None, None) => Ok(None),
                (_, Some(cursor)) => Ok(Some((query, cursor))),
                // Said to go on, and not how: what is there is not all.
                (Some(_), None) => Err("the answer says that there is more, and not where"),
            }
        }
        _ if page.size.is_some_and(|size| rows < size) || rows == 0 => Ok(None),
        Next::Number => Ok(Some((query, (nth + 1).to_string()))),
        Next::Offset => Ok(Some((query, (nth * page.size.unwrap_or(rows)).to_string()))),
        Next::Link => Err("pages of figures are not told by links"),
    }
}

/// A stretch in pieces of at most so many days, oldest first.
fn parts(window: Window, days: u16) -> Vec<Window> {
    let length = i64::from(days.max(1)) * 24 * HOUR_S;
    let mut all = Vec::new();
    let mut from_s = window.from_s;
    while from_s < window.to_s && all.len() < 64 {
        let to_s = (from_s + length).min(window.to_s);
        all.push(Window { from_s, to_s });
        from_s = to_s;
    }
    all
}

fn named(window: Window) -> Vec<(&'static str, Tree)> {
    let moment = |s: i64| jiff::Timestamp::from_second(s).unwrap_or_default();
    let long = |s| Tree::String(moment(s).strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let date = |s| Tree::String(date(s));
    let Window { from_s, to_s } = window;
    vec![
        ("from", long(from_s)),
        ("to", long(to_s)),
        ("from_s", Tree::from(from_s)),
        ("to_s", Tree::from(to_s)),
        ("from_date", date(from_s)),
        ("to_date", date(to_s)),
    ]
}

/// The day of an instant, in UTC.
pub(crate) fn date(s: i64) -> String {
    jiff::Timestamp::from_second(s).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}

fn hour_of(ms: i64) -> Option<u32> {
    u32::try_from(ms.div_euclid(HOUR_S * 1000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_asked_for_in_pieces() {
        let day = 86_400;
        let all = parts(Window { from_s: 0, to_s: 70 * day }, 31);
        let ends: Vec<i64> = all.iter().map(|window| window.to_s / day).collect();
        assert_eq!(ends, [31, 62, 70]);
    }
}
