//! The interpreter of recipes: a vendor's calls as its manifest lists them.
//!
//! A recipe runs from its first step to its last, once. Nothing that a vendor answers is shown as it
//! is: what is taken of it is bounded, loses control characters, and is dropped where it repeats a
//! value.

mod auth;
mod exact;
mod figures;
mod fill;
mod finding;
mod list;
mod read;
mod request;
mod step;
mod time;

pub use figures::Window;
pub(crate) use figures::{Pages, date};
pub use read::check_paths;

use std::sync::LazyLock;
use std::time::SystemTime;

use clawvault_core::domain::{FieldName, Value};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use zeroize::Zeroizing;

use crate::adapter::{
    Abilities, Adapter, Answer, Ask, Created, Fields, Guide, Identity, Kind, Level, Listed,
    Operation, Revoked, Validity, VendorError,
};
use crate::http::{Client, Reply};
use crate::manifest::recipes::{self as grammar, Api, Interface, Recipes, Step};

use fill::Scope;
use step::{Outcome, Verdict};

/// The figures of one answer.
pub(crate) fn read_figures(
    read: &crate::manifest::money::ReadEntry,
    body: &[u8],
    now_ms: i64,
) -> Option<Vec<clawvault_core::domain::Reading>> {
    figures::figures_of(read, body, now_ms).ok().map(|(figures, _)| figures)
}

/// A vendor whose interface is described by recipes.
#[derive(Debug)]
pub struct RecipeAdapter {
    vendor: String,
    interface: Interface,
    base_url: Option<String>,
    client: Client,
}

impl RecipeAdapter {
    /// An adapter that makes the interface's calls; `base_url` replaces every host.
    pub fn new(
        vendor: &str,
        interface: Interface,
        base_url: Option<String>,
        client: Client,
    ) -> Self {
        let base_url = base_url.map(|url| url.trim_end_matches('/').to_owned());
        Self { vendor: vendor.to_owned(), interface, base_url, client }
    }

    /// The recipes for a key: by its kind, by the secret's name, and by which params are given. None
    /// at all for a secret that the manifest names and gives no recipes.
    fn recipes(&self, ask: &Ask) -> &Recipes {
        static NONE: LazyLock<Recipes> = LazyLock::new(Recipes::default);
        let format = ask.key.iter().find_map(|(_, value)| {
            let (vendor, format) = crate::identify(value.expose())?;
            (vendor.id == self.vendor).then_some(format)
        });
        let own =
            |secret: &str| secret.strip_prefix(&self.vendor)?.strip_prefix('/').map(str::to_owned);
        let name = own(&ask.secret).unwrap_or_default();
        let fits = |variant: &&grammar::Variant| {
            let by_kind =
                format.is_some_and(|format| variant.kinds.iter().any(|k| k == format.kind));
            let any = variant.kinds.is_empty() && variant.secrets.is_empty();
            let wanted = any || by_kind || variant.secrets.contains(&name);
            wanted && variant.param.as_ref().is_none_or(|param| ask.params.contains_key(param))
        };
        let meant = |secret: &str| match &self.interface.recipes.secrets {
            Some(secrets) => secrets.iter().any(|one| one == secret),
            None => secret == "main",
        };
        // What is known to be something else is not asked about as if it were a key.
        let by_kind = format.and_then(|format| own(format.secret)).is_none_or(|name| meant(&name));
        let usual = by_kind && (meant(&name) || !self.names(&ask.secret));
        let variant = self.interface.variants.iter().find(fits);
        match variant {
            Some(variant) => &variant.recipes,
            None if usual => &self.interface.recipes,
            None => &NONE,
        }
    }

    /// Whether the built-in manifest names a secret.
    fn names(&self, secret: &str) -> bool {
        crate::vendor(&self.vendor).is_some_and(|vendor| {
            let mut variables = vendor.variables.iter().map(|one| one.secret);
            let mut formats = vendor.formats.iter().map(|one| one.secret);
            variables.any(|one| one == secret) || formats.any(|one| one == secret)
        })
    }

    fn steps<'a>(&self, recipes: &'a Recipes, operation: Operation) -> &'a [Step] {
        match operation {
            Operation::Validate => &recipes.validate,
            Operation::Create => &recipes.create,
            Operation::Revoke => &recipes.revoke,
            Operation::List => &recipes.list,
        }
    }

    /// What a run of one operation starts from.
    fn scope<'a>(&'a self, operation: Operation, ask: &'a Ask) -> Result<Scope<'a>, VendorError> {
        let recipes = self.recipes(ask);
        let key_id = ask.key_id.clone().or_else(|| finding::in_key(recipes, ask));
        let scope = Scope::new(&self.interface.api, ask, key_id, SystemTime::now());
        let steps = self.steps(recipes, operation);
        if steps.is_empty() {
            let detail = "the vendor has no call for it";
            return Err(self.error(operation, Kind::NotOffered, detail));
        }
        if steps.iter().any(|step| step.no_overlap) && !ask.no_overlap_allowed {
            let detail =
                "the only call replaces the key in place, and the policy does not allow that";
            return Err(self.error(operation, Kind::NotOffered, detail));
        }
        let api = &self.interface.api;
        if ask.admin.is_none() && steps.iter().any(|step| needs_admin(api, operation, step)) {
            let detail =
                "it takes an admin credential, and the policy names none that is in the vault";
            return Err(self.error(operation, Kind::NotConfigured, detail));
        }
        Ok(scope)
    }

    fn error(&self, operation: Operation, kind: Kind, detail: impl Into<String>) -> VendorError {
        VendorError {
            vendor: self.vendor.clone(),
            operation,
            kind,
            status: None,
            retry_after_s: None,
            detail: detail.into(),
        }
    }

    /// Runs the steps; the outcome of the last one that was reached.
    async fn run(
        &self,
        operation: Operation,
        scope: &mut Scope<'_>,
    ) -> Result<Outcome, VendorError> {
        let recipes = self.recipes(scope.ask);
        let steps = self.steps(recipes, operation);
        if scope.key_id.is_none() && finding::is_wanted(steps) && !recipes.list.is_empty() {
            scope.key_id = Some(self.find_key_id(operation, scope).await?);
        }
        let last = steps.len() - 1;
        for (at, step) in steps.iter().enumerate() {
            if step.finds_key_id && scope.key_id.is_some() && at < last {
                continue;
            }
            let outcome = self.step(operation, step, scope).await;
            if at == last {
                return outcome;
            }
            match outcome {
                Ok(Outcome { verdict: Verdict::Good, answer, .. }) => {
                    scope.take(step, &answer).map_err(|why| self.bad(operation, why))?;
                }
                Ok(refused) if operation != Operation::Create && !step.may_fail => {
                    return Ok(refused);
                }
                Ok(_) if step.may_fail => {}
                Ok(_) => {
                    let detail = "the vendor refuses the key, whose rights the new one was to have";
                    return Err(self.error(operation, Kind::Unauthorized, detail));
                }
                Err(error) if step.may_fail && !error.may_pass() => {}
                Err(error) => return Err(error),
            }
        }
        Err(self.error(operation, Kind::NotOffered, "the vendor has no call for it"))
    }

    fn bad(&self, operation: Operation, detail: impl Into<String>) -> VendorError {
        self.error(operation, Kind::BadAnswer, detail)
    }

    async fn validity(&self, ask: &Ask) -> Result<Validity, VendorError> {
        let operation = Operation::Validate;
        let mut scope = self.scope(operation, ask)?;
        let outcome = match self.run(operation, &mut scope).await {
            Ok(outcome) => outcome,
            Err(error)
                if matches!(error.kind, Kind::Forbidden | Kind::Refused | Kind::NotFound) =>
            {
                return Ok(Validity::Unknown(error.told()));
            }
            Err(error) => return Err(error),
        };
        match outcome.verdict {
            Verdict::Dead(reason) => return Ok(Validity::Dead(reason)),
            Verdict::Gone => return Ok(Validity::Dead("not found".to_owned())),
            Verdict::Unsaid => {
                let why = "the answer does not say whether the key is accepted";
                return Ok(Validity::Unknown(why.to_owned()));
            }
            Verdict::Good => {}
        }
        let step = self.recipes(ask).validate.last();
        let mut identity = match step {
            Some(step) => scope.identity(step, &outcome.answer),
            None => Identity::default(),
        };
        if identity.key_id.is_none() {
            identity.key_id = scope.key_id;
        }
        if identity.expires_ms.is_some_and(|end| end <= scope.now_ms) {
            return Ok(Validity::Dead("expired".to_owned()));
        }
        Ok(Validity::Live(identity))
    }

    async fn creation(&self, ask: &Ask) -> Result<Created, VendorError> {
        let operation = Operation::Create;
        let mut scope = self.scope(operation, ask)?;
        let outcome = self.run(operation, &mut scope).await?;
        let Some(step) = self.recipes(ask).create.last() else {
            return Err(self.error(operation, Kind::NotOffered, "the vendor has no call for it"));
        };
        let mut fields = Fields::new();
        for (name, source) in &step.fields {
            let bytes = scope.secret(source, &outcome.answer);
            let value = bytes.and_then(|bytes| Value::copy_of(&bytes).ok());
            let name = FieldName::parse(name).ok();
            let (Some(value), Some(name)) = (value, name) else {
                return Err(self.bad(operation, "the answer does not hold the key that was made"));
            };
            fields.push((name, value));
        }
        let identity = scope.identity(step, &outcome.answer);
        Ok(Created { fields, key_id: identity.key_id, expires_ms: identity.expires_ms })
    }

    async fn revocation(&self, ask: &Ask) -> Result<Revoked, VendorError> {
        let operation = Operation::Revoke;
        let mut scope = self.scope(operation, ask)?;
        let outcome = self.run(operation, &mut scope).await?;
        match outcome.verdict {
            Verdict::Good if outcome.status == 202 => Ok(Revoked::Accepted),
            Verdict::Good | Verdict::Gone | Verdict::Dead(_) => Ok(Revoked::Done),
            Verdict::Unsaid => Err(self.bad(operation, "the answer does not say that it is done")),
        }
    }

    /// What would be told of an answer to the last call of an operation, as one text; nothing is sent.
    /// For whoever tries the reader with bytes of their own.
    pub fn told(&self, operation: Operation, ask: &Ask, status: u16, body: &[u8]) -> String {
        let recipes = self.recipes(ask);
        let (Some(step), Ok(status)) =
            (self.steps(recipes, operation).last(), StatusCode::from_u16(status))
        else {
            return String::new();
        };
        let body = Zeroizing::new(body.to_vec());
        let reply = Reply { status, headers: HeaderMap::new(), body };
        let outcome = match self.judge(operation, step, &reply) {
            Ok(outcome) => outcome,
            Err(error) => return error.to_string(),
        };
        let mut scope = Scope::new(&self.interface.api, ask, None, SystemTime::now());
        let identity = scope.identity(step, &outcome.answer);
        let rows = list::rows_of(step, &scope, &outcome.answer);
        let made =
            step.fields.values().filter(|field| scope.secret(field, &outcome.answer).is_some());
        let made = made.count();
        let taken = scope.take(step, &outcome.answer).is_ok();
        let (owner, scopes) = (identity.owner, identity.scopes);
        format!("{:?} {owner:?} {scopes:?} {:?} {made} {taken}", outcome.verdict, names(&rows))
    }

    /// What the calls of an operation need, and what they are.
    fn plan_of(&self, operation: Operation, ask: &Ask) -> Vec<String> {
        let recipes = self.recipes(ask);
        let key_id = ask.key_id.clone().or_else(|| finding::in_key(recipes, ask));
        let scope = Scope::new(&self.interface.api, ask, key_id, SystemTime::now());
        let steps = self.steps(recipes, operation);
        let finds = scope.key_id.is_none() && finding::is_wanted(steps);
        let before = if finds { recipes.list.as_slice() } else { &[] };
        let skipped = |step: &&Step| !(step.finds_key_id && scope.key_id.is_some());
        let all = before.iter().chain(steps.iter().filter(skipped));
        all.map(|step| self.line(step, &scope)).collect()
    }
}

impl Adapter for RecipeAdapter {
    fn abilities(&self) -> Abilities {
        abilities(&self.interface.api, &self.interface.recipes)
    }

    fn abilities_for(&self, ask: &Ask) -> Abilities {
        abilities(&self.interface.api, self.recipes(ask))
    }

    fn guide(&self, operation: Operation, ask: &Ask) -> Guide {
        let guide = &self.recipes(ask).guide;
        let steps = match operation {
            Operation::Create => guide.create.clone(),
            Operation::Revoke => guide.revoke.clone(),
            Operation::Validate | Operation::List => Vec::new(),
        };
        let built_in = || crate::vendor(&self.vendor)?.console.map(str::to_owned);
        Guide { console: guide.console.clone().or_else(built_in), steps }
    }

    fn validate<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Validity> {
        Box::pin(self.validity(ask))
    }

    fn create<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Created> {
        Box::pin(self.creation(ask))
    }

    fn revoke<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Revoked> {
        Box::pin(self.revocation(ask))
    }

    fn list<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Vec<Listed>> {
        Box::pin(async {
            let scope = self.scope(Operation::List, ask)?;
            self.rows(Operation::List, &scope).await
        })
    }

    fn plan(&self, operation: Operation, ask: &Ask) -> Vec<String> {
        self.plan_of(operation, ask)
    }
}

/// What a person sees of listed keys.
fn names(rows: &[Listed]) -> Vec<(Option<&String>, Option<&String>)> {
    rows.iter().map(|row| (row.name.as_ref(), row.hint.as_ref())).collect()
}

fn abilities(api: &Api, recipes: &Recipes) -> Abilities {
    let admin = |operation, steps: &[Step]| steps.iter().any(|s| needs_admin(api, operation, s));
    Abilities {
        level: match recipes.level {
            grammar::Level::Automatic => Level::Automatic,
            grammar::Level::Assisted => Level::Assisted,
            grammar::Level::Manual => Level::Manual,
            grammar::Level::NoOverlap => Level::NoOverlap,
        },
        validate: !recipes.validate.is_empty(),
        create: !recipes.create.is_empty(),
        create_needs_admin: admin(Operation::Create, &recipes.create),
        revoke: !recipes.revoke.is_empty(),
        revoke_needs_admin: admin(Operation::Revoke, &recipes.revoke),
        list: !recipes.list.is_empty(),
        most_keys: recipes.most_keys,
        propagation_s: recipes.propagation_s,
    }
}

/// Whether a step acts by the right of the admin credential.
fn needs_admin(api: &Api, operation: Operation, step: &Step) -> bool {
    let way = step::way_of(operation, step);
    let by_auth = match api.auth.get(way) {
        Some(auth) => auth.templates().into_iter().any(fill::names_admin),
        None => way == "admin",
    };
    by_auth || step.templates().into_iter().any(fill::names_admin)
}
