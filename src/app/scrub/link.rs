//! The scrub of a home whose values OpenClaw gets from the vault: where a value stood in the
//! configuration there is a reference afterwards, elsewhere nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::domain::{FieldName, SecretName};
use clawvault_core::platform::{HeldFile, process};
use zeroize::Zeroizing;

use super::keeper::Keeper;
use super::plan::{Cut, GATEWAY, Planner, other_in_copy};
use super::{PlannedFile, Proof, Removal, ScrubPlan, Taken, Then};
use crate::app::{Access, App, AppError, ImportOptions, Imported};
use crate::intake::{self, Edit, Format, Spot};
use crate::openclaw::exec::{PROVIDER_PATH, linked, reference};
use crate::openclaw::{self, Credential, HomeDocument, InPlace};

/// What linking a home would do.
#[derive(Default)]
pub struct LinkPlan {
    /// The files that change, and what stays.
    pub scrub: ScrubPlan,
    /// Places of the configuration, and the ids that they refer to from then on.
    pub targets: Vec<(String, String)>,
    /// Every secret that the configuration refers to afterwards.
    pub secrets: BTreeSet<SecretName>,
}

impl App {
    /// What linking a home would do after this import. `provider` describes our provider; where
    /// there is none, the home is linked already, and what came to it since is taken out.
    pub fn plan_link(
        &self,
        (home, extra): (&Path, &[PathBuf]),
        imported: &Imported,
        options: &ImportOptions,
        provider: Option<&str>,
    ) -> Result<LinkPlan, AppError> {
        let vault = self.open(Access::Read)?;
        let keeper = Keeper::new(&vault, &options.profile, &imported.taken, options.dry_run)?;
        let mut linker = Linker {
            planner: Planner::new(keeper)?,
            provider,
            targets: Vec::new(),
            linked: BTreeSet::new(),
        };
        for there in linked(home)?.references {
            let (name, field) = there.id.split_once('#').unwrap_or((&there.id, "value"));
            if let (Ok(name), Ok(field)) = (SecretName::parse(name), FieldName::parse(field)) {
                linker.linked.insert((name, field));
            }
        }
        // The configuration comes first: the others depend on what it refers to.
        for document in openclaw::documents(home, extra)? {
            let shown = document.path().display().to_string();
            let held = HeldFile::open(&document.root, &document.file, MAX_DOCUMENT);
            let Some(held) = linker.planner.present(held, &shown) else { continue };
            let known = |name: &str| linker.planner.keeper.is_known(name);
            match document.credentials(held.bytes(), &known) {
                Ok(all) if document.is_configuration() => {
                    linker.configuration(&document, held, &shown, &all)?;
                }
                Ok(all) => linker.other(&document, held, &shown, &all)?,
                Err(_) if document.is_old_copy() => linker.planner.unreadable_copy(held, &shown)?,
                Err(error) => linker.planner.leave_file(&shown, &error),
            }
        }
        if provider.is_some() {
            let running = process::called(GATEWAY).into_iter().map(|pid| {
                format!(
                    "An OpenClaw gateway is running (pid {pid}) and notices the change: start it \
                     anew with `clawvault openclaw run`."
                )
            });
            linker.planner.plan.warnings.extend(running);
        }
        Ok(LinkPlan {
            scrub: linker.planner.finish(&imported.plaintext),
            targets: linker.targets,
            secrets: linker.linked.into_iter().map(|(name, _)| name).collect(),
        })
    }
}

struct Linker<'a> {
    planner: Planner<'a>,
    provider: Option<&'a str>,
    targets: Vec<(String, String)>,
    linked: BTreeSet<(SecretName, FieldName)>,
}

/// What changes in one file of the configuration.
#[derive(Default)]
struct Changes<'a> {
    edits: BTreeMap<String, Edit>,
    removals: Vec<Removal>,
    proofs: Vec<Proof>,
    /// Values that stay somewhere in it, for a reason that was said.
    staying: Vec<&'a Taken>,
}

const NOT_GIVEN: &str = "it administers other keys, which OpenClaw never gets; take it out";

impl<'a> Linker<'a> {
    fn configuration(
        &mut self,
        document: &HomeDocument,
        held: HeldFile,
        shown: &str,
        credentials: &[Credential],
    ) -> Result<(), AppError> {
        let mut changes = Changes::default();
        for Credential { spot, label, value } in credentials {
            let what = label.as_str();
            let one = match self.planner.keeper.of_place(label, value)? {
                Some(one) => Some(one),
                None => self.planner.keeper.of_value(value.expose())?,
            };
            let Some(one) = one else {
                self.planner.leave_other(shown, spot, what);
                continue;
            };
            match document.in_place(spot, true) {
                Ok(_) => {
                    let (name, field) = (one.name.clone(), one.field.clone());
                    if self.refer(document, spot, (name, field), &mut changes)? {
                        changes.proofs.push(Keeper::proof(one, value));
                        self.planner.settled.insert((shown.to_owned(), what.to_owned()));
                    } else {
                        self.planner.leave(shown, spot.line, what, NOT_GIVEN.to_owned());
                    }
                }
                Err(why) => {
                    self.planner.leave(shown, spot.line, what, why.to_owned());
                    changes.staying.push(one);
                }
            }
        }
        let variables = document.variables(held.bytes()).map_err(|_| {
            AppError::usage(format!("{shown} is not understood"), "Nothing was changed.")
        })?;
        for (spot, variable) in &variables {
            if let Some(secret) = self.planner.keeper.of_variable(variable)? {
                self.refer(document, spot, secret, &mut changes)?;
            }
        }
        if let Some(provider) = self.provider.filter(|_| document.is_main()) {
            let described = Edit::Put(Zeroizing::new(provider.to_owned()));
            changes.edits.insert(PROVIDER_PATH.to_owned(), described);
        }
        self.change(held, shown, changes);
        Ok(())
    }

    /// Plans a reference at a place; false where OpenClaw may not have the secret.
    fn refer(
        &mut self,
        document: &HomeDocument,
        spot: &Spot,
        secret: (SecretName, FieldName),
        changes: &mut Changes<'a>,
    ) -> Result<bool, AppError> {
        let Some(id) = self.planner.keeper.id(&secret.0, &secret.1)? else { return Ok(false) };
        let with = Edit::Put(Zeroizing::new(reference(&id).to_string()));
        changes.edits.insert(spot.path.clone(), with);
        changes.removals.push(Removal {
            line: spot.line,
            what: spot.path.clone(),
            secrets: [secret.0.clone()].into(),
            then: Then::Reference(id.clone()),
        });
        self.targets.extend(document.places(spot).into_iter().map(|path| (path, id.clone())));
        self.linked.insert(secret);
        Ok(true)
    }

    fn change(&mut self, held: HeldFile, shown: &str, changes: Changes<'a>) {
        let Changes { edits, removals, proofs, staying } = changes;
        if edits.is_empty() {
            return;
        }
        match intake::edit(Format::Json5, held.bytes(), &edits) {
            // Linked already, and just as it would be now.
            Ok(result) if *result == held.bytes() => {}
            Ok(result) => {
                self.planner.name_leftovers(shown, &result, &staying);
                let result = Some(result);
                let shown = shown.to_owned();
                self.planner.add(PlannedFile { shown, removals, held, result, proofs });
            }
            Err(error) => self.planner.leave_file(shown, &error),
        }
    }

    fn other(
        &mut self,
        document: &HomeDocument,
        held: HeldFile,
        shown: &str,
        credentials: &[Credential],
    ) -> Result<(), AppError> {
        let (mut cuts, mut staying) = (Vec::new(), Vec::new());
        for Credential { spot, label, value } in credentials {
            let what = label.as_str().to_owned();
            let one = match self.planner.keeper.of_place(label, value)? {
                Some(one) => Some(one),
                None => self.planner.keeper.of_value(value.expose())?,
            };
            let Some(one) = one else {
                if !document.is_old_copy() {
                    self.planner.leave_other(shown, spot, &what);
                } else if let Some(proof) = self.planner.keeper.among(&self.linked, value)? {
                    // The configuration lost it to a reference, by OpenClaw's own hand.
                    cuts.push(Cut { spot, with: String::new(), what, proof });
                } else {
                    self.planner.leave(shown, spot.line, &what, other_in_copy(shown));
                }
                continue;
            };
            let is_linked = self.linked.contains(&(one.name.clone(), one.field.clone()));
            match document.in_place(spot, is_linked) {
                Ok(InPlace::Text(with)) => {
                    let (with, proof) = (with.to_owned(), Keeper::proof(one, value));
                    cuts.push(Cut { spot, with, what, proof });
                }
                Ok(InPlace::Reference) => {}
                Err(why) => {
                    self.planner.leave(shown, spot.line, &what, why.to_owned());
                    staying.push(one);
                }
            }
        }
        self.planner.cut(held, shown, document.shape, cuts, &staying);
        Ok(())
    }
}
