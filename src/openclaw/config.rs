//! Reads `openclaw.json` with the files it includes.
//!
//! Included files stay apart as layers, so that a value keeps the file it lies in. OpenClaw's own
//! bounds hold (levels, size, inside the directory); a link is refused even where it stays inside.

use std::path::{Component, Path, PathBuf};

use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::platform::read::{Directory, ReadError};

use super::{HomeError, IncludeError};
use crate::intake::{Format, ParseError, Tree, maps};

/// The configuration's name in the home.
pub const FILE: &str = "openclaw.json";
/// Most levels of includes below the configuration.
pub const MAX_LEVELS: usize = 10;
/// Largest included file, in bytes.
pub const MAX_INCLUDED: usize = 2 * 1024 * 1024;
/// Most files that one configuration includes, all levels together.
pub const MAX_FILES: usize = 256;

const INCLUDE: &str = "$include";

/// One file of the configuration.
#[derive(Debug)]
pub struct Layer {
    /// The file, relative to the home.
    pub file: PathBuf,
    /// Where in the configuration its document belongs; empty for the whole of it.
    pub prefix: String,
    /// The document, `$include` keys still in it.
    pub tree: Tree,
}

/// Reads one file of the configuration: JSON5.
pub fn parse(bytes: &[u8]) -> Result<Tree, ParseError> {
    maps::parse(Format::Json5, bytes)
}

/// Reads the configuration, weakest layer first; none at all where there is no such file.
///
/// A layer's own keys win over those of the files it includes, a later include over an earlier.
pub fn load(home: &Path, directory: &Directory) -> Result<Vec<Layer>, HomeError> {
    let mut loader =
        Loader { home, directory, above: Vec::new(), files: 0, bytes: 0, layers: Vec::new() };
    let file = Path::new(FILE);
    match directory.read(file, MAX_DOCUMENT) {
        Err(ReadError::Missing) => {}
        Err(error) => return Err(HomeError::Read { file: home.join(file), error }),
        Ok(bytes) => loader.add(file.to_owned(), String::new(), &bytes)?,
    }
    Ok(loader.layers)
}

/// Whether this key of a map includes files instead of being part of the document.
pub(super) fn is_include(key: &str) -> bool {
    key == INCLUDE
}

struct Loader<'a> {
    home: &'a Path,
    directory: &'a Directory,
    /// The files whose includes are being read, the configuration first.
    above: Vec<PathBuf>,
    files: usize,
    bytes: usize,
    layers: Vec<Layer>,
}

impl Loader<'_> {
    fn add(&mut self, file: PathBuf, prefix: String, bytes: &[u8]) -> Result<(), HomeError> {
        let tree = parse(bytes)
            .map_err(|error| HomeError::Parse { file: self.home.join(&file), error })?;
        let mut includes = Vec::new();
        let refused = |error| HomeError::Include { file: self.home.join(&file), error };
        collect(&tree, &mut prefix.clone(), &mut includes).map_err(refused)?;
        self.above.push(file.clone());
        for (place, target) in includes {
            let (target, bytes) = self
                .include(&file, &target)
                .map_err(|error| HomeError::Include { file: self.home.join(&file), error })?;
            self.add(target, place, &bytes)?;
        }
        self.above.pop();
        self.layers.push(Layer { file, prefix, tree });
        Ok(())
    }

    /// Finds and reads the file that `from` includes as `target`.
    fn include(
        &mut self,
        from: &Path,
        target: &str,
    ) -> Result<(PathBuf, zeroize::Zeroizing<Vec<u8>>), IncludeError> {
        let file = inside(self.home, from, Path::new(target)).ok_or(IncludeError::Outside)?;
        if self.above.contains(&file) {
            return Err(IncludeError::Cycle);
        }
        if self.above.len() > MAX_LEVELS {
            return Err(IncludeError::Levels);
        }
        self.files += 1;
        if self.files > MAX_FILES {
            return Err(IncludeError::TooMany);
        }
        let bytes = self.directory.read(&file, MAX_INCLUDED).map_err(IncludeError::Read)?;
        self.bytes += bytes.len();
        if self.bytes > MAX_DOCUMENT {
            return Err(IncludeError::TooLarge);
        }
        Ok((file, bytes))
    }
}

/// Lists the includes below `node` as pairs of a place in the configuration and a path.
fn collect(
    node: &Tree,
    path: &mut String,
    includes: &mut Vec<(String, String)>,
) -> Result<(), IncludeError> {
    let length = path.len();
    match node {
        Tree::Map(map) => {
            for (key, child) in map {
                if is_include(key) {
                    targets(child, path, includes)?;
                    continue;
                }
                join(path, key);
                collect(child, path, includes)?;
                path.truncate(length);
            }
        }
        Tree::List(list) => {
            for (index, child) in list.iter().enumerate() {
                join(path, &index.to_string());
                collect(child, path, includes)?;
                path.truncate(length);
            }
        }
        Tree::Text(_) | Tree::Truth(_) | Tree::Whole(_) | Tree::Other => {}
    }
    Ok(())
}

fn targets(
    node: &Tree,
    place: &str,
    includes: &mut Vec<(String, String)>,
) -> Result<(), IncludeError> {
    let list = match node {
        Tree::List(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    for target in list {
        let target = target.text().filter(|text| !text.is_empty()).ok_or(IncludeError::NotAPath)?;
        // Refused here already, so that a list of millions is never gathered.
        if includes.len() == MAX_FILES {
            return Err(IncludeError::TooMany);
        }
        includes.push((place.to_owned(), target.to_owned()));
    }
    Ok(())
}

/// Appends a key to a dotted path.
pub(super) fn join(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

/// The path of `target` relative to the home, if it is inside.
///
/// By the text alone: the directory follows no link, so that `..` means what it says.
fn inside(home: &Path, from: &Path, target: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    let relative = match target.strip_prefix(home) {
        Ok(below) if target.is_absolute() => below.to_owned(),
        _ => from.parent()?.join(target),
    };
    for component in relative.components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            Component::ParentDir if clean.pop() => {}
            _ => return None,
        }
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        home
    }

    fn layers(home: &tempfile::TempDir) -> Result<Vec<(String, String)>, HomeError> {
        let directory = Directory::open(home.path()).unwrap();
        let text = |layer: Layer| (layer.file.display().to_string(), layer.prefix);
        load(home.path(), &directory).map(|layers| layers.into_iter().map(text).collect())
    }

    fn include_error(home: &tempfile::TempDir) -> IncludeError {
        match layers(home).unwrap_err() {
            HomeError::Include { error, .. } => error,
            other => unreachable!("{other}"),
        }
    }

    #[test]
    fn includes_become_layers_below_the_place_that_names_them() {
        let home = home(&[
            ("openclaw.json", "{ // main\n a: {$include: ['x/one.json5', './two.json5']}, b: 1, }"),
            ("x/one.json5", "{deep: {$include: '../two.json5'}}"),
            ("two.json5", "{}"),
        ]);
        let pair = |file: &str, prefix: &str| (file.to_owned(), prefix.to_owned());
        let expected = [
            pair("two.json5", "a.deep"),
            pair("x/one.json5", "a"),
            pair("two.json5", "a"),
            pair("openclaw.json", ""),
        ];
        assert_eq!(layers(&home).unwrap(), expected);
        assert!(layers(&self::home(&[])).unwrap().is_empty());
    }

    #[test]
    fn cycles_and_ways_out_are_refused() {
        let cycle = home(&[
            ("openclaw.json", "{$include: 'a.json'}"),
            ("a.json", "{x: {$include: './openclaw.json'}}"),
        ]);
        assert_eq!(include_error(&cycle), IncludeError::Cycle);
        for target in ["../outside.json", "/etc/hostname", "a/../../b", "/", ".."] {
            let home = home(&[("openclaw.json", &format!("{{$include: '{target}'}}"))]);
            let error = include_error(&home);
            let refused = matches!(error, IncludeError::Outside | IncludeError::Read(_));
            assert!(refused, "{target}: {error}");
        }
        let link = home(&[("openclaw.json", "{$include: 'link.json'}")]);
        std::os::unix::fs::symlink("/etc/hostname", link.path().join("link.json")).unwrap();
        assert_eq!(include_error(&link), IncludeError::Read(ReadError::Link));
        let wrong = home(&[("openclaw.json", "{$include: {SECRET: 1}}")]);
        assert_eq!(include_error(&wrong), IncludeError::NotAPath);
    }

    #[test]
    fn levels_files_and_sizes_are_bounded() {
        let chain = |levels: usize| {
            let mut files = vec![("openclaw.json".to_owned(), "{$include: '0.json'}".to_owned())];
            for level in 0..levels {
                let next = if level + 1 == levels {
                    "{}".to_owned()
                } else {
                    format!("{{$include: '{}.json'}}", level + 1)
                };
                files.push((format!("{level}.json"), next));
            }
            let files: Vec<_> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            home(&files)
        };
        assert_eq!(layers(&chain(MAX_LEVELS)).unwrap().len(), MAX_LEVELS + 1);
        assert_eq!(include_error(&chain(MAX_LEVELS + 1)), IncludeError::Levels);
        let list = vec!["'x.json'"; 200].join(",");
        let config = format!("{{a: {{$include: [{list}]}}, b: {{$include: [{list}]}}}}");
        let many = home(&[("openclaw.json", &config), ("x.json", "{}")]);
        assert_eq!(include_error(&many), IncludeError::TooMany);
        let large = format!("{{a: '{}'}}", "x".repeat(MAX_INCLUDED));
        let large = home(&[("openclaw.json", "{$include: 'x.json'}"), ("x.json", &large)]);
        let too_large = IncludeError::Read(ReadError::TooLarge(MAX_INCLUDED));
        assert_eq!(include_error(&large), too_large);
    }

    #[test]
    fn a_damaged_file_is_named_and_not_quoted() {
        let home = home(&[("openclaw.json", "{\n  a: sk-SECRET }")]);
        let message = layers(&home).unwrap_err().to_string();
        assert!(message.ends_with("openclaw.json: line 2, column 6: not valid JSON5"), "{message}");
    }
}
