//! Money at AWS: Cost Explorer tells what each account cost on each day, AWS Budgets holds a budget.
//!
//! How an answer is read stands in the manifest, as with every vendor; only how a request is signed and
//! written is AWS's own. Cost Explorer bills each request, so one asks for the whole stretch of time,
//! and pages are bounded.

use std::time::{SystemTime, UNIX_EPOCH};

use clawvault_core::domain::{Decimal, Reading};
use serde_json::{Value as Tree, json};
use zeroize::Zeroizing;

use super::sign::Keys;
use super::{Aws, Refused, Service, VENDOR, region, reply, unread};
use crate::adapter::{Ask, Kind, Operation};
use crate::manifest::money::{Cap, Spend};
use crate::native::call::{Call, Step};
use crate::recipe::{Pages, Window, date};

/// Most requests of one reading: each is billed.
const MAX_CALLS: usize = 20;
/// Name of the budget that is ours.
const BUDGET: &str = "clawvault";
const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");
const COSTS: [(&str, &str); 2] =
    [JSON, ("x-amz-target", "AWSInsightsIndexService.GetCostAndUsage")];
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

    /// Sets our budget of the account, by month.
    pub(crate) async fn set_budget(&self, cap: &Cap, ask: &Ask, amount: Decimal) -> Step<()> {
        let call = Call::new(VENDOR, Operation::List, ask);
        let account = match call.param("account") {
            Some(account) => account.to_owned(),
            None => self.account(&call).await?,
        };
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

    /// The account of the credential that asks.
    async fn account(&self, call: &Call<'_>) -> Step<String> {
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
