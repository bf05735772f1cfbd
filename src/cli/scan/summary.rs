//! What was scanned, in words, on stderr.

use clawvault_scan::report::printable;

use super::output;
use crate::app::Scanned;

/// So many things that could not be read are named.
const NAMED: usize = 10;

/// Says what was scanned, and what was not.
pub(super) fn tell(scanned: &Scanned) {
    let Scanned { summary, about, notes, .. } = scanned;
    if about.source == "staged" && summary.texts == 0 && summary.skipped.is_empty() {
        output::talk("nothing is staged");
    } else {
        output::talk(&read(scanned));
    }
    if !summary.skipped.is_empty() {
        let each = summary.skipped.iter().map(|(why, count)| format!("{} {why}", grouped(count)));
        output::talk(&format!("skipped: {}", each.collect::<Vec<_>>().join(", ")));
    }
    if summary.missing > 0 {
        output::talk(&format!("{} missing", count(summary.missing, "object")));
    }
    for (what, why) in summary.unreadable.iter().take(NAMED) {
        let (what, why) = (printable(what.as_bytes()), printable(why.as_bytes()));
        output::talk(&format!("not read: {what}: {why}"));
    }
    if let Some(more) = summary.unreadable.len().checked_sub(NAMED + 1) {
        output::talk(&format!("not read: {} more", more + 1));
    }
    let ignored: u64 = about.ignored.iter().map(|(_, count)| count).sum();
    if ignored > 0 {
        let each = about
            .ignored
            .iter()
            .map(|(by, count)| format!("{} by {}", grouped(*count), printable(by.as_bytes())));
        let each = each.collect::<Vec<_>>().join(", ");
        output::talk(&format!("ignored {}: {each}", count(ignored, "finding")));
    }
    if about.left_out > 0 {
        output::talk(&format!("left out by options: {}", count(about.left_out, "finding")));
    }
    output::talk(&format!("vault: {}", about.vault));
    for note in notes {
        output::talk(note);
    }
}

fn read(scanned: &Scanned) -> String {
    let Scanned { summary, about, .. } = scanned;
    let mut text = format!("scanned {}", count(summary.texts, noun(&about.source)));
    if summary.commits > 0 {
        text.push_str(&format!(" of {}", count(summary.commits, "commit")));
    }
    text.push_str(&format!(", {} in {:.2} s", size(summary.bytes), about.seconds));
    if about.seconds >= 0.05 {
        let rate = size((summary.bytes as f64 / about.seconds) as u64);
        text.push_str(&format!(" ({rate}/s)"));
    }
    if summary.remembered > 0 {
        text.push_str(&format!("; {} known from earlier scans", grouped(summary.remembered)));
    }
    text
}

/// What a source's texts are called.
pub(super) fn noun(source: &str) -> &'static str {
    match source {
        "history" => "blob",
        "stdin" => "text",
        _ => "file",
    }
}

/// A number and a noun.
pub(super) fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A size in its largest unit.
pub(super) fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["B", "kB", "MB", "GB", "TB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if size < 999.95 {
            break;
        }
        (size, unit) = (size / 1000.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

/// A number with its digits in groups.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes() {
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(1_234_567, "file"), "1,234,567 files");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_000), "1.0 kB");
        assert_eq!(size(999_999), "1.0 MB");
        assert_eq!(size(5_800_000_000), "5.8 GB");
    }
}
