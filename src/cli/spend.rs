//! `clawvault spend`

use std::process::ExitCode;

use clap::Subcommand;
use clawvault_core::domain::{Decimal, Money, SecretName, moment};
use serde::Serialize;

use super::surroundings::Context;
use super::{arguments, output, set, time};
use crate::app::{App, AppError, Budgets, Checked, Code, Pause, Row, Spending};
use crate::spend::{bars, share};
use clawvault_providers::spend::Budget;

/// Show what keys cost, their limits and where they are heading; ask vendors; set caps
///
/// Figures are those that vendors told; `--due` asks those that are due, `--refresh` all. Limits are
/// in the policy, on secrets, agents, vendors, profiles and on the total.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  clawvault spend                              what was spent, limits, forecast, source and age
  clawvault spend openai                       one vendor, with corrections
  clawvault spend --due                        ask vendors, judge limits, send alerts; for timers
  clawvault spend cap openai '50 USD'          the vendor's own hard cap
  clawvault spend pause openai/main            no program gets it until `spend resume`

It ends with 1 where a limit is passed."
)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Name of a secret or id of a vendor
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    profile: arguments::Profile,
    /// Ask vendors that are due, judge limits and send alerts first
    #[arg(long)]
    due: bool,
    /// Ask all vendors first, due or not
    #[arg(long)]
    refresh: bool,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Set the vendor's own cap, for a vendor or one secret
    Cap {
        /// Id of a vendor, or name of a secret
        #[arg(value_name = "VENDOR|NAME")]
        what: String,
        /// How much, such as "50 USD"
        #[arg(value_name = "AMOUNT")]
        amount: String,
        #[command(flatten)]
        profile: arguments::Profile,
    },
    /// Hand a secret out to no program until it is resumed
    Pause {
        /// Name of the secret
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        profile: arguments::Profile,
    },
    /// Lift the pause of a secret
    Resume {
        /// Name of the secret
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        profile: arguments::Profile,
    },
}

#[derive(Serialize)]
struct Document<'a> {
    figures: Vec<Figure<'a>>,
    unlimited: &'a [String],
    unread: Vec<Reason<'a>>,
    failed: Vec<Reason<'a>>,
    paused: Vec<ShownPause<'a>>,
    corrections: Vec<ShownCorrection<'a>>,
    budgets: Vec<ShownBudget<'a>>,
}

#[derive(Serialize)]
struct ShownBudget<'a> {
    name: &'a str,
    per: &'a str,
    unit: &'a str,
    spent: String,
    limit: Option<String>,
    forecast: Option<String>,
    source: &'a str,
    read: String,
}

#[derive(Serialize)]
struct Figure<'a> {
    subject: String,
    per: &'a str,
    period: &'a str,
    since: Option<&'a str>,
    spent: Option<String>,
    unmeasured: Option<String>,
    unit: Option<&'a str>,
    limit: Option<String>,
    percent: Option<u32>,
    forecast: Option<String>,
    reached: Option<&'a str>,
    left: Option<String>,
    days: Vec<String>,
    source: &'a str,
    read: Option<String>,
    estimate: bool,
}

#[derive(Serialize)]
struct Reason<'a> {
    name: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct ShownPause<'a> {
    profile: &'a str,
    name: &'a str,
    until: Option<String>,
    why: &'a str,
}

#[derive(Serialize)]
struct ShownCorrection<'a> {
    source: &'a str,
    hour: String,
    before: String,
    after: String,
    noticed: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let app = context.telling_app()?;
    match &args.action {
        Some(Action::Cap { what, amount, profile }) => cap(&app, what, amount, profile),
        Some(Action::Pause { name, profile }) => {
            let (profile, name) = (profile.or_default()?, arguments::name(name)?);
            let why = "somebody paused it".to_owned();
            let pause = Pause { profile, name, until_ms: None, why };
            let session = app.pause(&pause)?;
            output::talk(&format!("{} goes to no program until it is resumed", pause.name));
            let done = set::finish(session)?;
            refresh(&app);
            Ok(done)
        }
        Some(Action::Resume { name, profile }) => {
            let (profile, name) = (profile.or_default()?, arguments::name(name)?);
            let (session, lifted) = app.resume(&profile, &name)?;
            output::talk(&format!(
                "{name} {}",
                if lifted { "is handed out again" } else { "was not paused" }
            ));
            let done = set::finish(session)?;
            refresh(&app);
            Ok(done)
        }
        None => show(args, &app),
    }
}

/// Gateways that run are told; who did not take it is named.
fn refresh(app: &App) {
    output::warnings(&app.refresh_gateways());
}

fn cap(
    app: &App,
    what: &str,
    amount: &str,
    profile: &arguments::Profile,
) -> Result<ExitCode, AppError> {
    let amount = Money::parse(amount).map_err(|error| {
        AppError::usage(error.to_string(), "Write an amount and a unit, as in \"50 USD\".")
    })?;
    // What stands where a name should may be anything: only a name is repeated.
    let what = SecretName::parse(what).map_err(|error| {
        AppError::usage(error.to_string(), "Name a vendor such as openai, or a secret.")
    })?;
    let note = app.cap(&profile.or_default()?, what.as_str(), &amount)?;
    output::talk(&format!("{what} is capped at {amount} by its vendor"));
    if let Some(note) = note {
        output::talk(&note);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(args: &Args, app: &App) -> Result<ExitCode, AppError> {
    let mut failed = Vec::new();
    if args.due || args.refresh {
        app.watch()?;
        let checked = app.check_spending(args.refresh)?;
        failed = tell(&checked);
        let delivered = app.deliver()?;
        for (receiver, why) in &delivered.failed {
            output::warnings(&[format!("alert to {receiver} waits: {why}")]);
        }
        if args.due && !args.json && args.name.is_none() {
            return end(&failed);
        }
    }
    let name = args.name.as_deref().map(arguments::name).transpose()?;
    let profile = args.profile.or_default()?;
    let spending = app.spending(name.as_ref().map(|name| (&profile, name.as_str())))?;
    output::warnings(&spending.notes);
    if args.json {
        json(&spending);
    } else {
        table(&spending);
    }
    let passed = spending.rows.iter().find(|row| row.percent.is_some_and(|percent| percent >= 100));
    match passed {
        Some(row) => Err(AppError::new(
            Code::No,
            format!("the limit of {} is passed ({})", row.subject, row.period),
            "Raise it in the policy, or wait until its time is over.",
        )),
        None => end(&failed),
    }
}

fn end(failed: &[(String, String)]) -> Result<ExitCode, AppError> {
    match failed.first() {
        None => Ok(ExitCode::SUCCESS),
        Some((source, why)) => Err(AppError::new(
            Code::Vendor,
            format!("{source}: {why}"),
            "Older figures stay; the next check tries again.",
        )),
    }
}

fn tell(checked: &Checked) -> Vec<(String, String)> {
    output::talk(&format!(
        "{} sources asked, {} new figures, {} corrected, {} alerts",
        checked.asked, checked.new, checked.corrected, checked.alerts
    ));
    for note in &checked.notes {
        output::talk(note);
    }
    for name in &checked.paused {
        output::talk(&format!("{name} is paused: a limit is reached"));
    }
    for name in &checked.resumed {
        output::talk(&format!("{name} is handed out again: its pause is over"));
    }
    for told in &checked.capped {
        output::talk(&format!("{told}: a limit is reached"));
    }
    for (name, state) in &checked.rotated {
        output::talk(&format!("{name} is rotated ({state}): a limit is reached"));
    }
    let mut failed = checked.failed.iter().map(|one| (one.source.clone(), one.why.clone()));
    failed.by_ref().collect()
}

fn json(spending: &Spending) {
    fn figure(row: &Row) -> Figure<'_> {
        Figure {
            subject: row.subject.to_string(),
            per: row.per.as_str(),
            period: &row.period,
            since: row.since.as_deref(),
            spent: row.spent.as_ref().ok().map(|spent| spent.amount.to_string()),
            unmeasured: row.spent.as_ref().err().map(ToString::to_string),
            unit: row.spent.as_ref().ok().or(row.limit.as_ref()).map(|one| one.unit.as_str()),
            limit: row.limit.as_ref().map(|limit| limit.amount.to_string()),
            percent: row.percent,
            forecast: row.forecast.as_ref().map(|one| one.amount.rounded(2).to_string()),
            reached: row.reached.as_deref(),
            left: row.left.as_ref().map(|left| left.amount.to_string()),
            days: if row.spent.is_ok() { texts(&row.days) } else { Vec::new() },
            source: &row.source,
            read: row.read_ms.map(moment),
            estimate: row.estimate,
        }
    }
    fn texts(days: &[Decimal]) -> Vec<String> {
        days.iter().map(ToString::to_string).collect()
    }
    fn reason((name, why): &(String, String)) -> Reason<'_> {
        Reason { name, why }
    }
    fn budget<'a>((held, budget): (&'a Budgets, &'a Budget)) -> ShownBudget<'a> {
        let text = |money: &Option<Money>| money.as_ref().map(|one| one.amount.to_string());
        ShownBudget {
            name: &budget.name,
            per: &budget.per,
            unit: budget.spent.unit.as_str(),
            spent: budget.spent.amount.to_string(),
            limit: text(&budget.limit),
            forecast: text(&budget.forecast),
            source: &held.source,
            read: moment(held.read_ms),
        }
    }
    output::json(&Document {
        budgets: budgets(spending).map(budget).collect(),
        figures: spending.rows.iter().map(figure).collect(),
        unlimited: &spending.unlimited,
        unread: spending.unread.iter().map(reason).collect(),
        failed: spending.failed.iter().map(reason).collect(),
        paused: spending
            .paused
            .iter()
            .map(|one| ShownPause {
                profile: one.profile.as_str(),
                name: one.name.as_str(),
                until: one.until_ms.map(moment),
                why: &one.why,
            })
            .collect(),
        corrections: spending
            .corrections
            .iter()
            .map(|one| ShownCorrection {
                source: &one.source,
                hour: moment(one.hour_ms),
                before: one.before.to_string(),
                after: one.after.to_string(),
                noticed: moment(one.noticed_ms),
            })
            .collect(),
    });
}

fn table(spending: &Spending) {
    let mut rows = Vec::with_capacity(spending.rows.len() + 1);
    if output::is_terminal() && !spending.rows.is_empty() {
        let head = ["WHAT", "PERIOD", "SPENT", "LIMIT", "", "FORECAST", "SOURCE", "AGE", "30 DAYS"];
        rows.push(head.map(str::to_owned).to_vec());
    }
    rows.extend(spending.rows.iter().map(row));
    rows.extend(budgets(spending).map(|(held, budget)| budget_row(held, budget)));
    // The picture, the source, the age, the forecast, the bar.
    output::table_that_fits(rows, &[8, 6, 7, 5, 4]);
    for one in &spending.corrections {
        output::talk(&format!(
            "{}: {} was corrected from {} to {}",
            one.source,
            moment(one.hour_ms),
            one.before,
            one.after
        ));
    }
    for pause in &spending.paused {
        output::talk(&format!("{} is paused: {}", pause.name, pause.why));
    }
    for (vendor, why) in &spending.unread {
        output::talk(&format!("{vendor} is not asked: {why}"));
    }
    for (source, why) in &spending.failed {
        output::talk(&format!("{source} did not answer: {why}"));
    }
    if !spending.unlimited.is_empty() {
        let names = spending.unlimited.join(", ");
        output::talk(&format!(
            "nothing stops the spending at: {names} (no limit that can be measured, no cap)"
        ));
    }
}

fn budgets(spending: &Spending) -> impl Iterator<Item = (&Budgets, &Budget)> {
    spending.budgets.iter().flat_map(|held| held.all.iter().map(move |budget| (held, budget)))
}

/// A budget that a vendor holds: it is told, and counted nowhere.
fn budget_row(held: &Budgets, budget: &Budget) -> Vec<String> {
    let amount = |money: &Money| format!("{} {}", money.amount.rounded(2), money.unit);
    let percent = budget.limit.as_ref().map(|limit| budget.spent.amount.percent_of(limit.amount));
    vec![
        format!("budget {}", budget.name),
        budget.per.clone(),
        amount(&budget.spent),
        budget.limit.as_ref().map(ToString::to_string).unwrap_or_default(),
        percent.map(|percent| format!("{} {percent} %", share(percent))).unwrap_or_default(),
        budget.forecast.as_ref().map(|one| one.amount.rounded(2).to_string()).unwrap_or_default(),
        format!("{} (its own budget)", held.source),
        time::age(held.read_ms),
        String::new(),
    ]
}

fn row(row: &Row) -> Vec<String> {
    let limit = row.limit.as_ref().map(ToString::to_string).unwrap_or_default();
    let used = row.percent.map(|percent| format!("{} {percent} %", share(percent)));
    let pace = row.forecast.as_ref().map(|forecast| forecast.amount.rounded(2).to_string());
    let forecast = match (pace, &row.reached) {
        (Some(pace), Some(day)) => format!("{pace}, limit on {day}"),
        (pace, _) => pace.unwrap_or_default(),
    };
    let spent = match &row.spent {
        Ok(spent) => format!("{} {}", spent.amount.rounded(2), spent.unit),
        Err(why) => why.to_string(),
    };
    let since = row.since.as_ref().map(|hour| format!(" since {hour}")).unwrap_or_default();
    let left = row.left.as_ref().map(|left| format!(", {} left", left.amount.rounded(2)));
    // A picture of days that nobody measured would show them as free.
    let days = row.spent.as_ref().map_or_else(|_| String::new(), |_| bars(&row.days));
    vec![
        row.subject.to_string(),
        row.period.clone(),
        spent + &since + &left.unwrap_or_default(),
        limit,
        used.unwrap_or_default(),
        forecast,
        row.source.clone() + if row.estimate { " (estimate)" } else { "" },
        row.read_ms.map_or_else(|| "never".to_owned(), time::age),
        days,
    ]
}
