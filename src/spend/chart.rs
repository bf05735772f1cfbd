//! Small pictures of figures, in one line of text.

use clawvault_core::domain::Decimal;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One bar for each figure, as high as it is beside the highest; nothing is a dot.
pub fn bars(all: &[Decimal]) -> String {
    let highest = all.iter().copied().max().unwrap_or_default();
    let bar = |one: &Decimal| {
        if *one <= Decimal::ZERO {
            return '·';
        }
        let at = usize::try_from(one.percent_of(highest) * 7 / 100).unwrap_or(0);
        BARS.get(at).copied().unwrap_or('█')
    };
    all.iter().map(bar).collect()
}

/// How much of a whole is used, in ten places.
pub fn share(percent: u32) -> String {
    let full = usize::try_from(percent.min(100) / 10).unwrap_or(0);
    "█".repeat(full) + &"░".repeat(10 - full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures() {
        let all: Vec<Decimal> = ["0", "1", "2", "4"].map(|t| Decimal::parse(t).unwrap()).to_vec();
        assert_eq!(bars(&all), "·▂▄█");
        assert_eq!(
            (share(0), share(55), share(250)),
            ("░".repeat(10), "█████░░░░░".into(), "█".repeat(10))
        );
    }
}
