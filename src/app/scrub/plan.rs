//! Works out what a scrub would do: reads every file, decides place by place, changes nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use clawvault_core::domain::Value;
use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::platform::{HeldFile, PlatformError, process};

use super::keeper::Keeper;
use super::{PlannedFile, Proof, Removal, ScrubPlan, Taken, Then};
use crate::app::plaintext::quoted;
use crate::app::{Access, App, AppError, ImportOptions, Imported, Plaintext, Source};
use crate::intake::history::{self, MIN_VALUE};
use crate::intake::{self, Format, Shape, Spot};
use crate::openclaw::{self, Credential, HomeDocument};

/// How the gateway calls itself, as far as the kernel keeps it.
pub(super) const GATEWAY: &str = "openclaw-gatewa";
const WHOLE_FILE: &str = "all of it";

impl App {
    /// What a scrub after this import would do, here and in these shell histories.
    pub fn plan_scrub(
        &self,
        source: &Source,
        imported: &Imported,
        options: &ImportOptions,
        histories: &[PathBuf],
    ) -> Result<ScrubPlan, AppError> {
        let vault = self.open(Access::Read)?;
        let keeper = Keeper::new(&vault, &options.profile, &imported.taken, options.dry_run)?;
        let mut planner = Planner::new(keeper)?;
        match source {
            Source::File(path) => planner.document(path)?,
            Source::OpenClaw(home, extra) => planner.home(home, extra)?,
            Source::Environment(_) | Source::Printed(_) | Source::Program(_) => {}
        }
        for path in histories {
            planner.history(path)?;
        }
        Ok(planner.finish(&imported.plaintext))
    }
}

pub(super) struct Planner<'a> {
    pub(super) keeper: Keeper<'a>,
    /// The values of the import that are long enough to be told from other text, and what finds
    /// them.
    needles: Vec<&'a Taken>,
    finder: AhoCorasick,
    pub(super) plan: ScrubPlan,
    /// Files that were looked at place by place.
    seen: BTreeSet<String>,
    /// File and label of every place that goes, or stays for a reason that was said.
    pub(super) settled: BTreeSet<(String, String)>,
    /// True where a shell's history changes.
    histories: bool,
    /// True where a launched OpenClaw has to get from `run` what its files held.
    needs_run: bool,
}

/// One place of a document that goes.
pub(super) struct Cut<'s> {
    pub(super) spot: &'s Spot,
    pub(super) with: String,
    pub(super) what: String,
    pub(super) proof: Proof,
}

impl<'a> Planner<'a> {
    pub(super) fn new(keeper: Keeper<'a>) -> Result<Self, AppError> {
        let long = |one: &&Taken| one.found.value.len() >= MIN_VALUE;
        let needles: Vec<&Taken> = keeper.taken.iter().filter(long).collect();
        let finder = AhoCorasick::new(needles.iter().map(|one| one.found.value.expose()));
        let finder = finder.map_err(|_| {
            AppError::usage("there are too many values to look for", "Import and scrub in parts.")
        })?;
        let (plan, seen, settled) = (ScrubPlan::default(), BTreeSet::new(), BTreeSet::new());
        Ok(Self {
            keeper,
            needles,
            finder,
            plan,
            seen,
            settled,
            histories: false,
            needs_run: false,
        })
    }

    /// A document that was named.
    fn document(&mut self, path: &Path) -> Result<(), AppError> {
        let shown = path.display().to_string();
        let Some(held) = self.hold(path, &shown) else { return Ok(()) };
        let shape = Shape::from(Format::of(path, held.bytes()));
        let spots = match intake::spots(shape, held.bytes()) {
            Ok(spots) => spots,
            Err(error) => {
                self.leave_file(&shown, &error);
                return Ok(());
            }
        };
        let mut cuts = Vec::new();
        for spot in &spots {
            let label = spot.label();
            let what = label.as_str().to_owned();
            match self.keeper.of_place(&label, &spot.value)? {
                Some(one) => {
                    let proof = Keeper::proof(one, &spot.value);
                    cuts.push(Cut { spot, with: String::new(), what, proof });
                }
                None if self.keeper.has_label(&label) => self.leave_other(&shown, spot, &what),
                None => {}
            }
        }
        self.cut(held, &shown, shape, cuts, &[]);
        Ok(())
    }

    /// An OpenClaw home, and files elsewhere that belong to it.
    fn home(&mut self, home: &Path, extra: &[PathBuf]) -> Result<(), AppError> {
        for document in openclaw::documents(home, extra)? {
            let shown = document.path().display().to_string();
            let held = HeldFile::open(&document.root, &document.file, MAX_DOCUMENT);
            let Some(held) = self.present(held, &shown) else { continue };
            match document.credentials(held.bytes(), &|name| self.keeper.is_known(name)) {
                Ok(credentials) => self.home_document(&document, held, &shown, &credentials)?,
                Err(_) if document.is_old_copy() => self.unreadable_copy(held, &shown)?,
                Err(error) => self.leave_file(&shown, &error),
            }
        }
        Ok(())
    }

    fn home_document(
        &mut self,
        document: &HomeDocument,
        held: HeldFile,
        shown: &str,
        credentials: &[Credential],
    ) -> Result<(), AppError> {
        let (mut cuts, mut staying) = (Vec::new(), Vec::new());
        for credential in credentials {
            let Credential { spot, label, value } = credential;
            let what = label.as_str().to_owned();
            let one = match self.keeper.of_place(label, value)? {
                Some(one) => Some(one),
                None => self.keeper.of_value(value.expose())?,
            };
            let Some(one) = one else {
                match document.is_old_copy() {
                    true => self.leave(shown, spot.line, &what, other_in_copy(shown)),
                    false => self.leave_other(shown, spot, &what),
                }
                continue;
            };
            let variable = self.keeper.variable(one, label)?;
            match document.stand_in(credential, variable.as_deref()) {
                Ok(with) => {
                    self.needs_run |= !document.is_old_copy();
                    cuts.push(Cut { spot, with, what, proof: Keeper::proof(one, value) });
                }
                Err(why) => {
                    self.leave(shown, spot.line, &what, why.to_owned());
                    staying.push(one);
                }
            }
        }
        self.cut(held, shown, document.shape, cuts, &staying);
        Ok(())
    }

    /// An old copy that is no document any more goes as a whole if it holds a value of the vault:
    /// OpenClaw does not read it, and the vault keeps it for the undo.
    pub(super) fn unreadable_copy(&mut self, held: HeldFile, shown: &str) -> Result<(), AppError> {
        let mut proofs = Vec::new();
        for one in self.values_in(held.bytes()) {
            if self.keeper.of_value(one.found.value.expose())?.is_some() {
                proofs.push(Keeper::proof(one, &one.found.value));
            }
        }
        if !proofs.is_empty() {
            let secrets = proofs.iter().map(|proof| proof.name.clone()).collect();
            let what = WHOLE_FILE.to_owned();
            let removals = vec![Removal { line: None, what, secrets, then: Then::FileGone }];
            self.add(PlannedFile { shown: shown.to_owned(), removals, held, result: None, proofs });
        }
        Ok(())
    }

    /// A shell's history: commands that hold a value go.
    fn history(&mut self, path: &Path) -> Result<(), AppError> {
        let shown = path.display().to_string();
        let Some(held) = self.hold(path, &shown) else { return Ok(()) };
        let mut kept = Vec::new();
        for one in &self.needles {
            if self.keeper.of_value(one.found.value.expose())?.is_some() {
                kept.push(*one);
            }
        }
        let values: Vec<&Value> = kept.iter().map(|one| &one.found.value).collect();
        let Some(cleared) = history::without(held.bytes(), &values) else { return Ok(()) };
        self.histories = true;
        let found = cleared.values.iter().filter_map(|index| kept.get(*index));
        let proofs: Vec<Proof> = found.map(|one| Keeper::proof(one, &one.found.value)).collect();
        let secrets = proofs.iter().map(|proof| proof.name.clone()).collect();
        let what = match cleared.commands {
            1 => "1 command".to_owned(),
            many => format!("{many} commands"),
        };
        let removals = vec![Removal { line: None, what, secrets, then: Then::Gone }];
        self.add(PlannedFile { shown, removals, held, result: Some(cleared.left), proofs });
        Ok(())
    }

    /// Plans one document, if everything that goes can go without harm to the rest.
    pub(super) fn cut(
        &mut self,
        held: HeldFile,
        shown: &str,
        shape: Shape,
        cuts: Vec<Cut<'_>>,
        staying: &[&Taken],
    ) {
        self.seen.insert(shown.to_owned());
        if cuts.is_empty() {
            return;
        }
        let pairs: Vec<(&Spot, String)> = cuts.iter().map(|c| (c.spot, c.with.clone())).collect();
        let result = match intake::without(shape, held.bytes(), &pairs) {
            Ok(result) => result,
            Err(error) => {
                for cut in cuts {
                    self.leave(shown, cut.spot.line, &cut.what, format!("edit {shown}: {error}"));
                }
                return;
            }
        };
        let mut removals = Vec::with_capacity(cuts.len());
        let mut proofs = Vec::with_capacity(cuts.len());
        for Cut { spot, with, what, proof } in cuts {
            self.settled.insert((shown.to_owned(), what.clone()));
            let then = if matches!(shape, Shape::Tree(_)) { Then::Text(with) } else { Then::Gone };
            let secrets = [proof.name.clone()].into();
            removals.push(Removal { line: spot.line, what, secrets, then });
            proofs.push(proof);
        }
        self.name_leftovers(shown, &result, staying);
        let result = Some(result);
        self.add(PlannedFile { shown: shown.to_owned(), removals, held, result, proofs });
    }

    pub(super) fn add(&mut self, file: PlannedFile) {
        self.seen.insert(file.shown.clone());
        self.plan.files.push(file);
    }

    /// Names values that go in one place of a file and stand in another that no rule knows. Those
    /// that are `staying` are named already.
    pub(super) fn name_leftovers(&mut self, shown: &str, result: &[u8], staying: &[&Taken]) {
        for one in self.values_in(result) {
            if staying.iter().all(|other| other.found.value != one.found.value) {
                let why = format!("stands elsewhere in it too, in a comment say; edit {shown}");
                self.leave(shown, None, one.found.label.as_str(), why);
            }
        }
    }

    /// The values of the import that stand in `bytes` as they are.
    fn values_in(&self, bytes: &[u8]) -> Vec<&'a Taken> {
        let hits = self.finder.find_overlapping_iter(bytes);
        let found: BTreeSet<usize> = hits.map(|hit| hit.pattern().as_usize()).collect();
        found.into_iter().filter_map(|index| self.needles.get(index).copied()).collect()
    }

    fn hold(&mut self, path: &Path, shown: &str) -> Option<HeldFile> {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let name = path.file_name().map_or(path, Path::new);
        let held = HeldFile::open(folder.unwrap_or(Path::new(".")), name, MAX_DOCUMENT);
        self.present(held, shown)
    }

    pub(super) fn present(
        &mut self,
        held: Result<HeldFile, PlatformError>,
        shown: &str,
    ) -> Option<HeldFile> {
        match held {
            Ok(held) => return Some(held),
            Err(error) if error.is_missing() => {}
            Err(error) => self.leave_file(shown, &error),
        }
        None
    }

    /// A file that cannot be scrubbed at all.
    pub(super) fn leave_file(&mut self, shown: &str, error: &dyn std::fmt::Display) {
        self.seen.insert(shown.to_owned());
        self.leave(shown, None, WHOLE_FILE, error.to_string());
    }

    /// A value that the vault does not have.
    pub(super) fn leave_other(&mut self, shown: &str, spot: &Spot, what: &str) {
        let again =
            if spot.overridden { ", and counts again once a later one is gone" } else { "" };
        let why = format!("the vault does not have this value{again}; edit {shown}");
        self.leave(shown, spot.line, what, why);
    }

    pub(super) fn leave(&mut self, shown: &str, line: Option<u32>, what: &str, remedy: String) {
        self.settled.insert((shown.to_owned(), what.to_owned()));
        let place = line.map_or_else(|| shown.to_owned(), |line| format!("{shown}:{line}"));
        self.plan.left.push(Plaintext { place, what: what.to_owned(), remedy });
    }

    /// The plan, with what no rule here reaches: databases, folders of credentials.
    pub(super) fn finish(mut self, known: &[Plaintext]) -> ScrubPlan {
        let is_seen = |plaintext: &Plaintext| {
            let place = &plaintext.place;
            let file = place.rsplit_once(':').map_or(place.as_str(), |(file, _)| file);
            self.seen.contains(place) || self.seen.contains(file)
        };
        self.plan.left.extend(known.iter().filter(|p| !is_seen(p)).cloned());
        for one in self.keeper.taken {
            let place = (one.found.source.clone(), one.found.label.as_str().to_owned());
            let whole = (place.0.clone(), WHOLE_FILE.to_owned());
            if self.seen.contains(&place.0)
                && !self.settled.contains(&place)
                && !self.settled.contains(&whole)
            {
                self.leave(&place.0, one.found.line, &place.1, "it is not there any more".into());
            }
        }
        self.plan.left.sort();
        self.plan.left.dedup();
        self.warn();
        self.plan
    }

    fn warn(&mut self) {
        let warnings = &mut self.plan.warnings;
        if self.histories {
            warnings.push(
                "Shells that run now write their history anew when they end: end them first, or \
                 clear what they remember."
                    .to_owned(),
            );
            let short = self.keeper.taken.len() - self.needles.len();
            let (values, were) =
                if short == 1 { ("value is", "was") } else { ("values are", "were") };
            if short > 0 {
                warnings.push(format!(
                    "{short} {values} shorter than {MIN_VALUE} bytes and {were} not looked for in \
                     the histories."
                ));
            }
        }
        if self.needs_run {
            warnings.push(
                "OpenClaw gets these values only from `clawvault run -- openclaw gateway` from \
                 then on."
                    .to_owned(),
            );
            for pid in process::called(GATEWAY) {
                warnings.push(format!(
                    "An OpenClaw gateway is running (pid {pid}) and notices the change: start it \
                     anew with `clawvault run`."
                ));
            }
        }
    }
}

/// What to do about a value that only an old copy has: nobody reads the copy.
pub(super) fn other_in_copy(shown: &str) -> String {
    format!("the vault does not have this value; rm {}", quoted(shown))
}
