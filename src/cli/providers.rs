//! `clawvault providers`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use clawvault_core::domain::Policy;
use clawvault_core::platform::PlatformError;
use clawvault_core::platform::read::read_bounded;
use clawvault_providers::adapter::{Abilities, Adapter, Ask, Level, Operation};
use clawvault_providers::manifest::MAX_MANIFEST;
use clawvault_providers::manifest::recipes::Interface;
use clawvault_providers::native::{NATIVE, native};
use clawvault_providers::{vendor, vendors};
use serde::Serialize;

use super::surroundings::Context;
use super::{output, set};
use crate::app::{AppError, Code, Vendors, check_manifest};

/// Vendors: what is built in, and manifests of your own
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault providers                     which vendors there are, and what their interfaces do
  clawvault providers show openai         its calls, params and variables
  clawvault providers check acme.toml
  clawvault providers add acme.toml       from now on `acme/...` is known")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// As one JSON document
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show one vendor
    Show {
        /// Its id
        vendor: String,
    },
    /// Check a manifest; prints line and column of what is wrong
    Check {
        /// TOML document
        file: PathBuf,
    },
    /// Put a manifest into the vault's policy
    Add {
        /// TOML document
        file: PathBuf,
        /// Also where it takes an id, a variable or a host of another vendor
        #[arg(long)]
        replace: bool,
    },
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    match &args.action {
        None => list(&known(context)?, args.json),
        Some(Action::Show { vendor }) => return show(&known(context)?, vendor, args.json),
        Some(Action::Check { file }) => {
            check_manifest(&file.display().to_string(), &read(file)?)?;
            output::talk("the manifest is in order");
        }
        Some(Action::Add { file, replace }) => return add(file, *replace, context),
    }
    Ok(ExitCode::SUCCESS)
}

fn add(file: &Path, replace: bool, context: &Context) -> Result<ExitCode, AppError> {
    let source = file.display().to_string();
    let added = context.app()?.add_provider(&source, &read(file)?, replace)?;
    let done = if added.replaced { "replaced" } else { "added" };
    output::talk(&format!("{} is {done}", added.id));
    for host in &added.hosts {
        output::talk(&format!("its keys are sent to {host} when they are verified or rotated"));
    }
    for (name, variable) in &added.without_variable {
        output::talk(&format!(
            "{name} was stored before and has no variable: `clawvault set` with --env {variable} gives it one"
        ));
    }
    set::finish(added.session)
}

fn read(file: &Path) -> Result<String, AppError> {
    let bytes = read_bounded(file, MAX_MANIFEST).map_err(|error| {
        let what = PlatformError::read(file, error).to_string();
        AppError::new(Code::Missing, what, "Name a TOML file that you may read.")
    })?;
    String::from_utf8(bytes.to_vec()).map_err(|_| {
        AppError::usage(format!("{} is not text", file.display()), "A manifest is TOML.")
    })
}

/// The vendors, the user's own among them where the vault opens without a question.
fn known(context: &Context) -> Result<Vendors, AppError> {
    let policy = context.app().ok().and_then(|mut app| {
        app.keys.prompt = Box::new(|| None);
        Policy::parse(&app.policy_text().ok()?).ok()
    });
    let manifests = policy.map(|policy| policy.manifests).unwrap_or_default();
    Vendors::new(&Policy { manifests, ..Policy::default() })
}

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    console: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    own: bool,
    level: &'static str,
    verify: bool,
    create: bool,
    revoke: bool,
    list: bool,
    variables: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<Param>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    calls: Vec<Call>,
}

#[derive(Serialize)]
struct Param {
    name: String,
    about: String,
    default: Option<String>,
}

#[derive(Serialize)]
struct Call {
    operation: &'static str,
    call: String,
}

fn list(known: &Vendors, json: bool) {
    let own = known.catalog().own().iter().map(|manifest| manifest.id.as_str());
    let natives = NATIVE.iter().map(|one| one.id);
    let built_in = vendors().iter().map(|vendor| vendor.id).chain(natives);
    let mut ids: Vec<&str> = built_in.chain(own).collect();
    ids.sort_unstable();
    ids.dedup();
    let all: Vec<Shown<'_>> = ids.into_iter().filter_map(|id| shown(known, id)).collect();
    if json {
        return output::json(&all);
    }
    let word = |yes: bool, word: &str| if yes { word.to_owned() } else { "-".to_owned() };
    let mut rows = Vec::new();
    for one in &all {
        let can = [(one.verify, "verify"), (one.create, "create"), (one.revoke, "revoke")];
        let mut row = vec![one.id.to_owned(), one.level.to_owned()];
        row.extend(can.map(|(yes, name)| word(yes, name)));
        row.extend(one.own.then(|| "your own".to_owned()));
        rows.push(row);
    }
    output::table(&rows);
}

fn show(known: &Vendors, id: &str, json: bool) -> Result<ExitCode, AppError> {
    let mut one = shown(known, id).ok_or_else(|| {
        let advice = "`clawvault providers` lists them; your own only where the vault is open.";
        AppError::new(Code::Missing, "there is no vendor of that id", advice)
    })?;
    let own = known.catalog().own_vendor(id).is_some();
    if let Some(native) = native(id).filter(|_| !own) {
        let param = |(name, about): &(&str, &str)| Param {
            name: (*name).to_owned(),
            about: (*about).to_owned(),
            default: None,
        };
        one.params = native.params.iter().map(param).collect();
    } else if let Some(interface) = interface(known, id) {
        let param = |(name, param): (String, clawvault_providers::manifest::recipes::Param)| {
            Param { name, about: param.about, default: param.default }
        };
        one.params = interface.api.params.into_iter().map(param).collect();
    }
    one.calls = known.adapter(id).map(|adapter| calls(adapter.as_ref())).unwrap_or_default();
    if json {
        output::json(&one);
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![vec!["name".to_owned(), one.name.to_owned()]];
    rows.extend(one.console.map(|url| vec!["console".to_owned(), url.to_owned()]));
    rows.push(vec!["level".to_owned(), one.level.to_owned()]);
    rows.extend(one.variables.iter().map(|name| vec!["variable".to_owned(), (*name).to_owned()]));
    for param in &one.params {
        rows.push(vec!["param".to_owned(), format!("{}: {}", param.name, param.about)]);
    }
    rows.extend(one.calls.iter().map(|call| vec![call.operation.to_owned(), call.call.clone()]));
    output::table(&rows);
    Ok(ExitCode::SUCCESS)
}

/// The interface by which a vendor is asked.
fn interface(known: &Vendors, id: &str) -> Option<Interface> {
    match known.catalog().own_vendor(id) {
        Some(own) => own.interface().ok()?,
        None => vendor(id)?.interface(),
    }
}

fn shown<'a>(known: &'a Vendors, id: &'a str) -> Option<Shown<'a>> {
    let catalog = known.catalog();
    let own = catalog.own_vendor(id);
    let variables = match own {
        Some(own) => own.variables.iter().map(|one| one.variable.as_str()).collect(),
        None => match vendor(id) {
            Some(vendor) => vendor.variables.iter().map(|one| one.variable).collect(),
            None => Vec::new(),
        },
    };
    let name = catalog.name_of(id).or_else(|| native(id).map(|native| native.name))?;
    let abilities = known.adapter(id).map(|adapter| adapter.abilities());
    let can = |has: fn(&Abilities) -> bool| abilities.as_ref().is_some_and(has);
    Some(Shown {
        id,
        name,
        console: catalog.console_of(id),
        own: own.is_some(),
        level: match abilities.as_ref().map(|abilities| abilities.level) {
            Some(Level::Automatic) => "automatic",
            Some(Level::Assisted) => "assisted",
            Some(Level::NoOverlap) => "no-overlap",
            Some(Level::Manual) | None => "manual",
        },
        verify: can(|abilities| abilities.validate),
        create: can(|abilities| abilities.create),
        revoke: can(|abilities| abilities.revoke),
        list: can(|abilities| abilities.list),
        variables,
        params: Vec::new(),
        calls: Vec::new(),
    })
}

/// The calls of each operation, with names where values would stand.
fn calls(adapter: &dyn Adapter) -> Vec<Call> {
    let operations = [
        (Operation::Validate, "verify"),
        (Operation::Create, "create"),
        (Operation::Revoke, "revoke"),
        (Operation::List, "list"),
    ];
    let ask = Ask::default();
    let of = |(operation, name)| {
        let lines = adapter.plan(operation, &ask).into_iter();
        lines.map(move |call| Call { operation: name, call })
    };
    operations.into_iter().flat_map(of).collect()
}
