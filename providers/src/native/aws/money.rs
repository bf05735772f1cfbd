//! Money at AWS: Cost Explorer tells what each account cost on each day, AWS Budgets holds a budget.
//!
//! How an answer is read stands in the manifest, as with every vendor; only how a request is signed and
//! written is AWS's own. Cost Explorer bills each request, so one asks for the whole stretch of time,
//! and pages are bounded.

use std::time::{SystemTime, UNIX_EPOCH};

use clawvault_core::domain::{Decimal, Money, Reading, Unit};
use serde_json::{Value as Tree, json};
use zeroize::Zeroizing;

use super::sign::Keys;
use super::{Aws, Refused, Service, VENDOR, region, reply, unread};
use crate::adapter::{Ask, Kind, Operation};
use crate::manifest::money::{Cap, Spend};
use crate::native::call::{Call, Step};
use crate::recipe::{Pages, Window, date};
use crate::spend::Budget;

/// Most requests of one reading: each is billed.
const MAX_CALLS: usize = 20;
/// Name of the budget that is ours.
const BUDGET: &str = "clawvault";
const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");
const COSTS: [(&str, &str); 2] =
    [JSON, ("x-amz-target", "AWSInsightsIndexService.GetCostAndUsage")];
/// Most budgets that are read: an account may have thousands.
const MAX_BUDGETS: usize = 200;
const BUDGETS: [(&str, &str); 2] =
    [JSON, ("x-amz-target", "AWSBudgetServiceGateway.DescribeBudgets")];
const NEW_BUDGET: [(&str, &str); 2] =
    [JSON, ("x-amz-target", "AWSBudgetServiceGateway.CreateBudget")];
const OLD_BUDGET: [(&str, &str); 2] =
    [JSON, ("x-amz-target", "AWSBudgetServiceGateway.UpdateBudget")];

impl Aws {
    /// What each account cost on each day of a stretch of time.
    pub(crate) async fn figures(
        &self,
        spend: &Spend,
        ask: &Ask,
        window: Window,
    ) -> Step<Vec<Reading>> {
        let call = Call::new(VENDOR, Operation::List, ask);
        let service = self.elsewhere(&call, "ce", "2017-10-25")?;
        let mut readings = Vec::new();
        for read in &spend.reads {
            let mut pages = Pages::new(read, now_ms());
            let mut more = true;
            for _ in 0..MAX_CALLS {
                let mut body = json!({
                    // The end is not part of it.
                    "TimePeriod": { "Start": date(window.from_s), "End": date(window.to_s + DAY_S - 1) },
                    "Granularity": "DAILY",
                    "Metrics": ["UnblendedCost"],
                    "GroupBy": [{ "Type": "DIMENSION", "Key": "LINKED_ACCOUNT" }],
                });
                if let Some((name, token)) = &pages.next {
                    body[name.as_str()] = Tree::from(token.as_str());
                }
                let answer = self.told(&call, &service, &COSTS, &body).await;
                let answer = answer.map_err(|refused| refused.into_error(&call))?;
                let taken = pages.take(&answer, &mut readings);
                more = taken.map_err(|(kind, why)| call.fault(kind, why))?;
                if !more {
                    break;
                }
            }
            if more {
                return Err(call.fault(Kind::Unbounded, "the answer has more than 20 pages"));
            }
        }
        Ok(readings)
    }

    /// The budgets of the account that are about costs, each with what AWS reckons of it. These requests
    /// are not billed.
    pub(crate) async fn budgets(&self, ask: &Ask) -> Step<Vec<Budget>> {
        let call = Call::new(VENDOR, Operation::List, ask);
        let account = self.account(&call).await?;
        let service = self.elsewhere(&call, "budgets", "2016-10-20")?;
        let mut budgets = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..MAX_CALLS {
            let mut body = json!({ "AccountId": account, "MaxResults": 100 });
            if let Some(token) = &next {
                body["NextToken"] = Tree::from(token.as_str());
            }
            let answer = self.told(&call, &service, &BUDGETS, &body).await;
            let answer = answer.map_err(|refused| refused.into_error(&call))?;
            let page: Tree = serde_json::from_slice(&answer).map_err(|_| unread(&call))?;
            // An account without a budget has no list.
            let all = page["Budgets"].as_array().map_or(&[][..], Vec::as_slice);
            budgets.extend(all.iter().filter_map(budget));
            let token = page["NextToken"].as_str().filter(|token| !token.is_empty());
            match token {
                Some(token) if budgets.len() < MAX_BUDGETS && next.as_deref() != Some(token) => {
                    next = Some(token.to_owned());
                }
                _ => break,
            }
        }
        budgets.truncate(MAX_BUDGETS);
        Ok(budgets)
    }

    /// Sets our budget of the account, by month.
    pub(crate) async fn set_budget(&self, cap: &Cap, ask: &Ask, amount: Decimal) -> Step<()> {
        let call = Call::new(VENDOR, Operation::List, ask);
        let account = self.account(&call).await?;
        let service = self.elsewhere(&call, "budgets", "2016-10-20")?;
        let budget = json!({
            "BudgetName": BUDGET,
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": { "Amount": amount.to_string(), "Unit": cap.unit },
        });
        let body = json!({ "AccountId": account, "Budget": budget });
        match self.told(&call, &service, &NEW_BUDGET, &body).await {
            Err(Refused::Told(error, _)) if error.code == "DuplicateRecordException" => {}
            made => return made.map(drop).map_err(|refused| refused.into_error(&call)),
        }
        let body = json!({ "AccountId": account, "NewBudget": budget });
        let set = self.told(&call, &service, &OLD_BUDGET, &body).await;
        set.map(drop).map_err(|refused| refused.into_error(&call))
    }

    /// The account that the policy names, else that of the credential that asks.
    async fn account(&self, call: &Call<'_>) -> Step<String> {
        if let Some(account) = call.param("account") {
            return Ok(account.to_owned());
        }
        let form = vec![("Action", "GetCallerIdentity")];
        let body = self.post(call, &self.sts(call)?, asker(call)?, form).await;
        let body = body.map_err(|refused| refused.into_error(call))?;
        reply::text(&body, "Account").ok_or_else(|| unread(call))
    }

    async fn told(
        &self,
        call: &Call<'_>,
        service: &Service,
        own: &[(&'static str, &'static str)],
        body: &Tree,
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let keys = asker(call).map_err(Refused::Failed)?;
        let answer = self.send(call, service, keys, own, body.to_string().into_bytes()).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let told = reply::json_error(&answer.body).or_else(|| reply::error(&answer.body));
        Err(Refused::of(call, told, answer.status.as_u16()))
    }

    /// A service that has one address for each partition.
    fn elsewhere(
        &self,
        call: &Call<'_>,
        name: &'static str,
        version: &'static str,
    ) -> Step<Service> {
        let (region, end) = match region(call)? {
            cn if cn.starts_with("cn-") => ("cn-northwest-1", "amazonaws.com.cn"),
            _ => ("us-east-1", "amazonaws.com"),
        };
        let host = match name {
            "ce" => format!("ce.{region}.{end}"),
            _ => format!("{name}.{end}"),
        };
        Ok(self.service(name, version, region, &host))
    }
}

/// One budget of an answer; none where it is about something else than costs, or has no amount.
fn budget(told: &Tree) -> Option<Budget> {
    const MAX_TEXT: usize = 100;
    let money = |told: &Tree| {
        let amount = Decimal::parse(told["Amount"].as_str()?).ok()?;
        Some(Money { amount, unit: Unit::parse(told["Unit"].as_str()?).ok()? })
    };
    let text = |name: &str| {
        let clean = told[name].as_str()?.chars().filter(|c| !c.is_control());
        Some(clean.take(MAX_TEXT).collect::<String>())
    };
    if told["BudgetType"].as_str() != Some("COST") {
        return None;
    }
    Some(Budget {
        name: text("BudgetName")?,
        per: text("TimeUnit")?.to_ascii_lowercase(),
        limit: money(&told["BudgetLimit"]),
        spent: money(&told["CalculatedSpend"]["ActualSpend"])?,
        forecast: money(&told["CalculatedSpend"]["ForecastedSpend"]),
    })
}

/// The admin credential: nothing here is a key's own business.
fn asker<'a>(call: &Call<'a>) -> Step<Keys<'a>> {
    let missing = || call.not_configured("the policy names no admin credential");
    Keys::of(call, call.ask.admin.as_ref().ok_or_else(missing)?)
}

const DAY_S: i64 = 86_400;

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
