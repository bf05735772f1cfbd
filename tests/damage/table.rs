//! Counts samples by file, kind of damage and how they ended.

use std::collections::BTreeMap;

use super::harm::Kind;
use super::judge::{Class, Verdict};

#[derive(Default)]
pub(crate) struct Table {
    counts: BTreeMap<(String, Kind, Class), usize>,
    by_vault: BTreeMap<(bool, Class), usize>,
    said: BTreeMap<(String, Class, String), usize>,
}

impl Table {
    pub(crate) fn add(&mut self, is_behind: bool, file: &str, kind: Kind, verdict: &Verdict) {
        let (class, said) = verdict;
        *self.counts.entry((file.to_owned(), kind, *class)).or_default() += 1;
        *self.by_vault.entry((is_behind, *class)).or_default() += 1;
        // Numbers differ from sample to sample, sentences do not.
        let said: String =
            said.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).take(150).collect();
        *self.said.entry((file.to_owned(), *class, said)).or_default() += 1;
    }

    /// Samples that ended in one of these classes, in per cent.
    pub(crate) fn share(&self, classes: &[Class]) -> f64 {
        let all: usize = self.counts.values().sum();
        let these = self.counts.iter().filter(|((_, _, class), _)| classes.contains(class));
        100.0 * these.map(|(_, count)| *count).sum::<usize>() as f64 / all.max(1) as f64
    }

    pub(crate) fn print(&self) {
        let head: String = Class::ALL.iter().map(|class| format!("{class:>10}")).collect();
        println!("{:<18}{:<15}{head}", "file", "damage");
        let mut rows: Vec<(&str, Kind)> =
            self.counts.keys().map(|(file, kind, _)| (file.as_str(), *kind)).collect();
        rows.dedup();
        for (file, kind) in rows {
            let count = |class: &Class| self.counts.get(&(file.to_owned(), kind, *class));
            println!("{file:<18}{kind:<15}{}", row(count));
        }
        for (behind, name) in [(false, "snapshot current"), (true, "snapshot behind")] {
            println!("{name:<33}{}", row(|class| self.by_vault.get(&(behind, *class))));
        }
        for class in Class::ALL {
            println!("{class:<10} {:5.1} %", self.share(&[class]));
        }
        println!("what was said:");
        for ((file, class, said), count) in
            self.said.iter().filter(|((_, c, _), _)| *c != Class::Intact)
        {
            println!("{count:6}  {file:<16}{class:<10}{said}");
        }
    }
}

fn row<'a>(count: impl Fn(&Class) -> Option<&'a usize>) -> String {
    let cell = |class| match count(class) {
        Some(count) => format!("{count:>10}"),
        None => format!("{:>10}", "-"),
    };
    Class::ALL.iter().map(cell).collect()
}
