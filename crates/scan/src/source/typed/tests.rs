//! Histories as their programs write them.

use super::*;
use crate::rule::RuleSet;

const KEY: &str = "ghp_R8sKq2LwZx7VtB4nMd9PfGh3JcYu6E0aT5iX";

fn found(program: Program, bytes: &[u8]) -> Vec<(usize, RangeInclusive<usize>, String)> {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let lines = std::cell::RefCell::new(Vec::new());
    let remedy = |of: Program, gone: RangeInclusive<usize>| {
        assert_eq!(of, program);
        lines.borrow_mut().push(gone);
        String::new()
    };
    let outcome = scan(&scanner, b"h", program, bytes, &remedy);
    let told = outcome.findings.iter().map(|finding| {
        assert_eq!(finding.value.as_slice(), KEY.as_bytes());
        (finding.place.line, finding.remarks[0].to_string())
    });
    told.zip(lines.borrow().iter()).map(|((line, said), gone)| (line, gone.clone(), said)).collect()
}

#[test]
fn commands_are_found_where_their_programs_wrote_them() {
    let zsh = format!(": 1700000000:0;ls\n: 1700000001:0;echo \\\n{KEY} x\n: 17:0;cd\n");
    for (program, text, line, gone, said) in [
        (Program::Bash, format!("ls\nexport T={KEY}\n"), 2, 2..=2, "export T=…"),
        (
            Program::Bash,
            format!("#17\nls\n#18\nfor a in b; do\necho {KEY}\ndone\n#19\ncd\n"),
            5,
            3..=6,
            "typed: for a in b; do",
        ),
        (Program::Zsh, zsh, 3, 2..=3, "typed: echo"),
        (
            Program::Fish,
            format!("- cmd: ls\n  when: 1\n- cmd: a\\nset T {KEY}\\n\\\\n\n  when: 2\n- cmd: b\n"),
            3,
            3..=4,
            "typed: a",
        ),
        (Program::Psql, format!("\\d\nselect 1\u{1}, '{KEY}';\n"), 2, 2..=2, "select 1"),
        (
            Program::Mysql,
            format!("_HiStOrY_V2_\nselect\\0401;\nset\\040t='{KEY}';\n"),
            3,
            3..=3,
            "set t='…'",
        ),
        (Program::Node, format!("a = 1\rb = '{KEY}'\nc\n"), 1, 1..=1, "a = 1"),
    ] {
        let all = found(program, text.as_bytes());
        let [(at, lines, told)] = all.as_slice() else { panic!("{program:?}: {all:?}") };
        assert_eq!((*at, lines), (line, &gone), "{program:?}");
        assert!(told.contains(said) && !told.contains("R8sK"), "{program:?}: {told}");
    }
}

#[test]
fn bytes_that_zsh_masks_are_those_of_the_key() {
    // Nothing of a key is masked by zsh; a quote of another alphabet before it is.
    let mut bytes = b": 17:0;echo ".to_vec();
    for byte in "„".bytes() {
        match byte {
            0x83..=0xa2 => bytes.extend([META, byte ^ 0x20]),
            byte => bytes.push(byte),
        }
    }
    bytes.extend(KEY.bytes());
    let typed = Typed::of(Program::Zsh, &bytes);
    assert!(typed.text.ends_with(format!("„{KEY}").as_bytes()));
}

#[test]
fn a_line_end_that_is_masked_moves_no_line() {
    let bytes = [b"ls ", &[META][..], b"\nexport T=", KEY.as_bytes(), b"\n"].concat();
    let all = found(Program::Zsh, &bytes);
    assert_eq!(
        all.iter().map(|(at, gone, _)| (*at, gone.clone())).collect::<Vec<_>>(),
        [(2, 2..=2)]
    );
}

#[test]
fn programs_are_known_by_name_and_by_what_they_write() {
    for (path, bytes, program) in [
        ("/h/.zsh_history", "", Program::Zsh),
        ("/h/.local/share/fish/fish_history", "", Program::Fish),
        ("/h/.node_repl_history", "", Program::Node),
        ("/h/.histfile", ": 1700000000:0;ls\n", Program::Zsh),
        ("/h/.histfile", "- cmd: ls\n", Program::Fish),
        ("/h/.histfile", "ls\n", Program::Bash),
    ] {
        assert_eq!(Program::of(Path::new(path), bytes.as_bytes()), program, "{path}");
    }
}
