//! The vendor's own cap: set once, by the vendor's interface.

use std::sync::Arc;

use clawvault_core::domain::{Money, ProfileName, SecretInfo, Unit};
use clawvault_core::vault::Want;
use clawvault_providers::Catalog;
use clawvault_providers::adapter::{Ask, Fields, Kind};
use clawvault_providers::http::{Client, Limits};
use clawvault_providers::spend::{CapOf, CapPlan, cap_plan, set_cap};

use super::book::Index;
use super::check::settings_of;
use super::sources::key_ids;
use crate::app::alerts::{close, policy};
use crate::app::naming::vendor_in;
use crate::app::session::Request;
use crate::app::vendors::catalog_of;
use crate::app::{Access, App, AppError, Code};

impl App {
    /// Sets the cap of a vendor, or of one secret's key, to an amount. Gives what a person should know.
    pub fn cap(
        &self,
        profile: &ProfileName,
        what: &str,
        amount: &Money,
    ) -> Result<Option<String>, AppError> {
        let is_vendor = !what.contains('/');
        let mut session = self.session(Access::Write)?;
        let policy = policy(&mut session)?;
        let catalog = Arc::new(catalog_of(&policy));
        if is_vendor {
            plan_of(&catalog, what, amount)?;
        }
        let infos = session.ask(Request::List(None, false))?.infos;
        let lives = session.ask(Request::Lives(None))?.lives;
        let meant = |info: &SecretInfo| {
            let vendor = vendor_in(info, &policy)?;
            let named = if is_vendor { vendor == what } else { info.name.as_str() == what };
            let own = info.profile == *profile && !info.admin && !policy.is_admin(&info.name);
            (named && own).then_some(vendor)
        };
        let found = infos.iter().find_map(|info| Some((info, meant(info)?)));
        let (info, vendor) = found.ok_or_else(|| {
            let what = "there is no secret of that name or vendor in this profile";
            AppError::new(Code::Missing, what, "`clawvault list` shows what there is.")
        })?;
        let plan = plan_of(&catalog, &vendor, amount)?;
        if plan.of == CapOf::Key && is_vendor {
            let what = "this vendor caps single keys";
            return Err(AppError::usage(what, format!("Name one, as in {}.", info.name)));
        }
        let rule = policy.rule(&info.profile, &info.name, Some(&vendor));
        let admin = rule.admin.clone().ok_or_else(|| {
            AppError::new(
                Code::Denied,
                "the policy names no admin credential for it",
                "Add `admin` to its rule with `clawvault policy apply FILE`.",
            )
        })?;
        let want = Want { profile: info.profile.clone(), name: admin, version: None };
        let mut revealed = session.ask(Request::Get(want, false))?.revealed;
        let fields: Fields = revealed.pop().map(|one| one.fields).unwrap_or_default();
        close(session);
        // What the policy says, else what the last rotation learnt.
        let key_id = key_ids(info, &lives, &rule.params).pop();
        let ask = Ask { admin: Some(fields), params: rule.params, key_id, ..Ask::default() };
        let mut settings = settings_of(&policy, &catalog, &vendor);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            let what = format!("no runtime can be made: {}", error.kind());
            AppError::new(Code::Failed, what, "Free some memory or descriptors.")
        })?;
        runtime
            .block_on(async {
                settings.client = Client::new(Limits::default()).ok();
                set_cap(&vendor, &settings, &ask, amount.amount).await
            })
            .map_err(|error| {
                let what = format!("{vendor} set no cap: {}", error.told());
                let advice = match error.kind {
                    Kind::NotConfigured => "Nothing was asked for: see its `params` in the policy.",
                    _ => "Look at its console whether it was set.",
                };
                AppError::new(Code::Vendor, what, advice)
            })?;
        let mut session = self.session(Access::Write)?;
        // What stops nothing is no cap: such a vendor is still named as one that nothing stops.
        if !plan.soft {
            Index::change(&mut session, |index| {
                index.caps.insert(what.to_owned(), amount.to_string());
            })?;
        }
        close(session);
        Ok(plan.note)
    }
}

fn plan_of(catalog: &Catalog, vendor: &str, amount: &Money) -> Result<CapPlan, AppError> {
    let plan = cap_plan(catalog, vendor).ok_or_else(|| {
        let console = catalog.console_of(vendor);
        let advice = match console {
            Some(console) => format!("Set it at its console, {console}, if it has one there."),
            None => {
                "A cap is for a vendor of ours, as in `spend cap openai \"50 USD\"`.".to_owned()
            }
        };
        AppError::new(Code::Missing, "that vendor has no interface for a cap", advice)
    })?;
    match Unit::parse(&plan.unit) {
        Ok(unit) if unit == amount.unit => Ok(plan),
        _ => Err(AppError::usage(
            format!("a cap there is in {}", plan.unit),
            format!("Write the amount as in \"50 {}\".", plan.unit),
        )),
    }
}
