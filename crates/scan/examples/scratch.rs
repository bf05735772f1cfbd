#![allow(missing_docs)]
use clawvault_scan::engine::Scanner; use clawvault_scan::rule::RuleSet; use clawvault_scan::source::{Silent, git::Repository};
fn main(){ let rules=RuleSet::built_in(); let s=Scanner{rules:&rules,known:None};
 let r=Repository::discover(std::path::Path::new(&std::env::args().nth(1).unwrap())).unwrap();
 let o=r.staged(&s,&Silent).unwrap(); println!("{} {:?}",o.findings.len(),o.summary);}
