//! Turns `vendors/*.toml` into static tables, so that a launch parses nothing.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// The grammar, shared with the library.
#[path = "src/manifest/mod.rs"]
pub mod manifest;

use manifest::{FormatEntry, Manifest, VariableEntry};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=vendors");
    println!("cargo:rerun-if-changed=src/manifest");
    let manifests = read_all(Path::new("vendors"))?;
    let table = tables(&manifests)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("table.rs"), table)?;
    Ok(())
}

/// Reads every manifest; sorted by id, which the lookups rely on.
fn read_all(folder: &Path) -> Result<Vec<(Manifest, String)>, Box<dyn Error>> {
    let mut manifests: Vec<(Manifest, String)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
        if path.extension().is_none_or(|extension| extension != "toml") {
            return Err(name(&"only manifests (*.toml) belong here").into());
        }
        let text = fs::read_to_string(&path).map_err(|error| name(&error))?;
        let manifest = Manifest::parse(&text).map_err(|error| name(&error))?;
        if path.file_stem().is_none_or(|stem| stem != manifest.id.as_str()) {
            return Err(name(&"the file is not named after its id").into());
        }
        let interface = interface_text(&text)?;
        manifests.push((manifest, interface));
    }
    manifests.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    Ok(manifests)
}

/// The part of a checked manifest that is read only when a vendor is asked something: recipes stay
/// text in the program, so that a launch parses nothing and there is one reader of them.
fn interface_text(text: &str) -> Result<String, Box<dyn Error>> {
    let mut table: toml::Table = text.parse()?;
    table.retain(|key, _| matches!(key, "api" | "recipes" | "variants"));
    Ok(toml::to_string(&table)?)
}

fn tables(manifests: &[(Manifest, String)]) -> Result<String, Box<dyn Error>> {
    let mut out = format!("static VENDORS: [Vendor; {}] = [\n", manifests.len());
    let mut by_variable = BTreeMap::new();
    for (vendor, (manifest, interface)) in manifests.iter().enumerate() {
        write_vendor(&mut out, manifest, interface)?;
        for (nth, entry) in manifest.variables.iter().enumerate() {
            match by_variable.entry(entry.variable.as_str()) {
                Entry::Vacant(free) => free.insert((vendor, nth)),
                Entry::Occupied(taken) => {
                    let other = &manifests[taken.get().0].0.id;
                    let (id, variable) = (&manifest.id, &entry.variable);
                    return Err(format!("{id}.toml and {other}.toml: both list {variable}").into());
                }
            };
        }
    }
    writeln!(out, "];\nstatic BY_VARIABLE: [(&str, u16, u16); {}] = [", by_variable.len())?;
    for (variable, (vendor, nth)) in by_variable {
        writeln!(out, "({variable:?}, {vendor}, {nth}),")?;
    }
    out.push_str("];\n");
    Ok(out)
}

fn write_vendor(out: &mut String, manifest: &Manifest, interface: &str) -> std::fmt::Result {
    let Manifest { id, name, console, variables, formats, .. } = manifest;
    writeln!(out, "Vendor {{ id: {id:?}, name: {name:?}, console: {console:?}, ")?;
    writeln!(out, "interface: {interface:?}, variables: &[")?;
    for entry in variables {
        let VariableEntry { variable, secret, field, admin, secret_value, path } = entry;
        let holds = match (secret_value, path) {
            (false, _) => "Setting",
            (true, true) => "PathToSecret",
            (true, false) => "Secret",
        };
        write!(
            out,
            "VariableUse {{ variable: {variable:?}, secret: {secret:?}, field: {field:?}, "
        )?;
        writeln!(out, "admin: {admin}, holds: Holds::{holds} }},")?;
    }
    writeln!(out, "], formats: &[")?;
    for entry in formats {
        let FormatEntry { kind, secret, field, description, pattern, keywords, .. } = entry;
        let FormatEntry { context, examples, counter_examples, .. } = entry;
        write!(out, "Format {{ kind: {kind:?}, secret: {secret:?}, field: {field:?}, ")?;
        write!(out, "description: {description:?}, pattern: {pattern:?}, ")?;
        write!(out, "keywords: &{keywords:?}, context: {context}, ")?;
        writeln!(out, "examples: &{examples:?}, counter_examples: &{counter_examples:?} }},")?;
    }
    writeln!(out, "] }},")
}
