//! Limits on what is spent, as the policy has them: on a secret, an agent, a vendor, a profile, on all.

use serde::Deserialize;

use super::Money;

/// Percents of a limit that are told where a rule names none.
const USUAL: [u16; 3] = [50, 80, 100];

/// One limit.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The stretch of time that it holds for.
    pub per: Per,
    /// How much may be spent in it; readings in another unit do not count.
    pub amount: Above,
    /// Percents at which it is told.
    #[serde(default)]
    pub at: Percents,
    /// What happens at 100 percent; at the others only alerts are sent.
    #[serde(default = "alert")]
    pub then: Vec<Then>,
}

/// A stretch of the calendar, in the time zone of `[defaults]`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// From a full hour to the next.
    Hour,
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
}

impl Per {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// What a limit that is reached does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// Tells the receivers of alerts.
    Alert,
    /// Hands the secrets concerned out to no program until the time is over or it is lifted.
    Pause,
    /// Sets the vendor's own cap to the amount, where it has an interface for that.
    Cap,
    /// Has the secrets concerned rotated.
    Rotate,
}

/// An amount above nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Above(pub Money);

impl TryFrom<String> for Above {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let money = Money::parse(&text).ok().filter(|money| money.amount > super::Decimal::ZERO);
        money.map(Self).ok_or("not an amount such as 50 USD")
    }
}

/// Percents, rising.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "Vec<u16>")]
pub struct Percents(pub Vec<u16>);

impl Default for Percents {
    fn default() -> Self {
        Self(USUAL.to_vec())
    }
}

impl TryFrom<Vec<u16>> for Percents {
    type Error = &'static str;

    fn try_from(all: Vec<u16>) -> Result<Self, Self::Error> {
        let good = (1..=16).contains(&all.len())
            && all.iter().all(|percent| (1..=1000).contains(percent))
            && all.is_sorted_by(|one, next| one < next);
        good.then_some(Self(all)).ok_or("not percents from 1 to 1000 that rise")
    }
}

fn alert() -> Vec<Then> {
    vec![Then::Alert]
}

/// Limits of something that has no other rules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limited {
    /// Its limits.
    #[serde(default)]
    pub limits: Vec<Limit>,
}

/// Limits on everything together, and what holds for all secrets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Total {
    /// Limits on the sum of all secrets.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// Whether unusual hours are told: `alert`, or `off`.
    #[serde(default)]
    pub spikes: Spikes,
}

/// Whether unusual hours are told.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Spikes {
    /// They are.
    #[default]
    Alert,
    /// They are not.
    Off,
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::*;

    #[test]
    fn limits_are_read_and_mistakes_have_their_place() {
        let text = "[total]\nlimits = [{ per = \"day\", amount = \"5 USD\" }]\n\
                    [vendors.openai]\nlimits = [{ per = \"month\", amount = \"50.5 USD\", at = [90], then = [\"alert\", \"pause\"] }]\n";
        let policy = Policy::parse(text).unwrap();
        assert_eq!(policy.total.limits[0].at, Percents(vec![50, 80, 100]));
        assert_eq!(policy.total.limits[0].then, [Then::Alert]);
        let limit = &policy.vendors["openai"].limits[0];
        assert_eq!((limit.amount.0.to_string(), limit.per), ("50.5 USD".to_owned(), Per::Month));
        assert_eq!(limit.then, [Then::Alert, Then::Pause]);
        for (text, line, column) in [
            ("[total]\nlimits = [{ per = \"year\", amount = \"5 USD\" }]", 2, 19),
            ("[total]\nlimits = [{ per = \"day\", amount = \"5\" }]", 2, 35),
            ("[total]\nlimits = [{ per = \"day\", amount = \"0 USD\" }]", 2, 35),
            ("[total]\nlimits = [{ per = \"day\", amount = \"5 USD\", at = [80, 50] }]", 2, 49),
            ("[total]\nlimits = [{ per = \"day\", amount = \"5 USD\", hunter2 = 1 }]", 2, 44),
            ("[profiles.prod]\nspikes = \"off\"", 2, 1),
        ] {
            let error = Policy::parse(text).unwrap_err();
            assert_eq!((error.line, error.column), (line, column), "{text}: {error:?}");
            assert!(!error.what.contains("hunter2"), "{error:?}");
        }
    }
}
