//! Settings of the kernel: as they are now, or as the files of a tree would set them.

use std::path::PathBuf;

use super::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::parsers::assignments;

impl Facts<'_> {
    /// A setting such as `kernel.yama.ptrace_scope`; `None` where nothing sets it.
    pub fn sysctl(&self, name: &str) -> Result<Option<String>, Unseen> {
        if self.host.is_live() {
            let path = format!("/proc/sys/{}", name.replace('.', "/"));
            return Ok(self.text(path)?.map(|text| text.trim().to_owned()));
        }
        let name = name.replace('/', ".");
        let found = self.sysctl_files()?.into_iter().rev().find_map(|path| {
            let text = self.text(path).ok()??;
            let all = assignments::parse(&text);
            all.iter()
                .find(|(key, _)| key.replace('/', ".") == name)
                .map(|(_, value)| value.clone())
        });
        Ok(found)
    }

    /// The files that sysctl reads, weakest first (sysctl.d(5)): by name, of one name the nearest.
    fn sysctl_files(&self) -> Result<Vec<PathBuf>, Unseen> {
        let mut by_name = std::collections::BTreeMap::new();
        for directory in
            ["/usr/lib/sysctl.d", "/usr/local/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d"]
        {
            for path in self.entries(directory)? {
                if path.extension().is_some_and(|end| end == "conf")
                    && let Some(name) = path.file_name()
                {
                    by_name.insert(name.to_owned(), path.clone());
                }
            }
        }
        let mut all: Vec<PathBuf> = by_name.into_values().collect();
        all.push(PathBuf::from("/etc/sysctl.conf"));
        Ok(all)
    }
}
