//! How far a revocation has come: on a terminal a table that is redrawn, a line for each vendor;
//! elsewhere a line for each key as it comes to rest.

use std::collections::BTreeMap;

use super::{output, rotate};
use crate::app::rotation::{Line, Rest, Row};

/// Most vendors that are drawn; one more line tells of the others.
const ROWS: usize = 16;

/// What is told while it goes on.
pub(super) struct Table {
    manner: Manner,
    /// True where it is rehearsed.
    drill: bool,
    vendors: BTreeMap<String, Counts>,
    /// What needs no more than a word in the table is told in full at its end.
    told: Vec<String>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Manner {
    Silent,
    Lines,
    Drawn,
}

/// The keys of one vendor.
#[derive(Default)]
struct Counts {
    keys: usize,
    refused: usize,
    person: usize,
    later: usize,
    ms: u128,
}

impl Table {
    pub(super) fn new(silent: bool, drill: bool) -> Self {
        let manner = match (silent, output::talks_to_terminal()) {
            (true, _) => Manner::Silent,
            (false, true) => Manner::Drawn,
            (false, false) => Manner::Lines,
        };
        Self { manner, drill, vendors: BTreeMap::new(), told: Vec::new() }
    }

    pub(super) fn tell(&mut self, row: &Row<'_>) {
        match row {
            _ if self.manner == Manner::Silent => {}
            Row::Cut(vendors, ms) => {
                for vendor in *vendors {
                    self.counts(vendor.as_deref()).keys += 1;
                }
                let count = vendors.len();
                let plural = if count == 1 { "" } else { "s" };
                output::talk(&match self.drill {
                    true => format!(
                        "a drill: {count} secret{plural} would be handed out to nobody any more; \
                         now vendors that are played"
                    ),
                    false => format!(
                        "{count} secret{plural} handed out to nobody any more ({ms} ms); now the \
                         vendors"
                    ),
                });
                self.draw();
            }
            Row::Rest(line, ms) => {
                self.count(line, *ms);
                let vendor = line.vendor.as_deref().unwrap_or("-");
                let drill = if self.drill { "drill: " } else { "" };
                let text = format!("{ms:>7} ms  {drill}{vendor}  {}", rotate::sentence(line));
                match self.manner {
                    Manner::Lines => output::talk(&text),
                    // What went as it should is in the table; what a person has to do is listed later.
                    _ if !matches!(line.rest, Rest::Done | Rest::Person) => self.told.push(text),
                    _ => {}
                }
                self.draw();
            }
        }
    }

    /// The last thing that is drawn stays; what did not go as it should follows.
    pub(super) fn end(self) {
        if self.manner == Manner::Drawn {
            output::keep_block();
            self.told.iter().for_each(|line| output::talk(line));
        }
    }

    fn counts(&mut self, vendor: Option<&str>) -> &mut Counts {
        self.vendors.entry(vendor.unwrap_or("-").to_owned()).or_default()
    }

    fn count(&mut self, line: &Line, ms: u128) {
        let counts = self.counts(line.vendor.as_deref());
        match line.rest {
            Rest::Done => counts.refused += 1,
            Rest::Person | Rest::Failed => counts.person += 1,
            Rest::Goes | Rest::Retries => counts.later += 1,
        }
        counts.ms = counts.ms.max(ms);
        // One that could not be begun was not counted before.
        counts.keys = counts.keys.max(counts.at_rest());
    }

    fn draw(&self) {
        if self.manner == Manner::Drawn {
            output::block(&self.lines());
        }
    }

    /// A head, a line for each vendor, those that are under way first, and the sum.
    fn lines(&self) -> Vec<String> {
        let row = |name: &str, counts: &Counts| {
            let open = counts.keys - counts.at_rest();
            let Counts { refused, person, later, .. } = counts;
            let time = if open == 0 { format!("{} ms", counts.ms) } else { "...".to_owned() };
            format!("{name:<20.20} {refused:>8} {person:>8} {later:>8} {open:>8} {time:>10}")
        };
        let mut vendors: Vec<(&String, &Counts)> = self.vendors.iter().collect();
        vendors.sort_by_key(|(_, counts)| counts.keys == counts.at_rest());
        let mut lines =
            vec!["vendor                refused   person    later     open       time".to_owned()];
        lines.extend(vendors.iter().take(ROWS).map(|(name, counts)| row(name, counts)));
        if vendors.len() > ROWS {
            lines.push(format!("and {} more vendors", vendors.len() - ROWS));
        }
        let mut sum = Counts::default();
        for counts in self.vendors.values() {
            sum.keys += counts.keys;
            sum.refused += counts.refused;
            sum.person += counts.person;
            sum.later += counts.later;
            sum.ms = sum.ms.max(counts.ms);
        }
        lines.push(row("all", &sum));
        lines
    }
}

impl Counts {
    fn at_rest(&self) -> usize {
        self.refused + self.person + self.later
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_that_are_under_way_come_first_and_all_are_summed() {
        let counts = |keys, refused| Counts { keys, refused, ms: 7, ..Counts::default() };
        let mut vendors: BTreeMap<String, Counts> =
            (0..20).map(|n| (format!("v{n:02}"), counts(1, 1))).collect();
        vendors.insert("z".to_owned(), counts(3, 1));
        let table = Table { manner: Manner::Drawn, drill: false, vendors, told: Vec::new() };
        let lines = table.lines();
        assert_eq!(lines.len(), ROWS + 3);
        assert!(lines[1].starts_with("z ") && lines[1].ends_with("..."), "{lines:?}");
        assert!(lines[ROWS + 1].contains("5 more"));
        let words: Vec<&str> = lines[ROWS + 2].split_whitespace().collect();
        assert_eq!(words, ["all", "21", "0", "0", "2", "..."]);
    }
}
