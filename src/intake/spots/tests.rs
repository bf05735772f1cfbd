//! What is taken out is gone, and every other byte is where it was.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Takes the spots out whose index `goes`; each becomes `with`.
fn cut(
    shape: Shape,
    text: &str,
    goes: impl Fn(usize) -> bool,
    with: &str,
) -> Result<String, Entangled> {
    let spots = spots(shape, text.as_bytes()).unwrap();
    let cuts: Vec<(&Spot, String)> = spots
        .iter()
        .enumerate()
        .filter(|(at, _)| goes(*at))
        .map(|(_, spot)| (spot, with.to_owned()))
        .collect();
    let left = without(shape, text.as_bytes(), &cuts)?;
    Ok(String::from_utf8(left.to_vec()).unwrap())
}

/// Variables and values that count or are overridden, in order.
fn pairs(shape: Shape, text: &str) -> Vec<(String, Vec<u8>)> {
    let spots = spots(shape, text.as_bytes()).unwrap();
    spots.into_iter().map(|spot| (spot.path, spot.value.expose().to_vec())).collect()
}

#[test]
fn units_lose_words_and_settings_and_nothing_else() {
    for (before, goes, after) in [
        ("[Service]\nEnvironment=A=1 B=2\nX=y\n", 0, "[Service]\nEnvironment=B=2\nX=y\n"),
        ("Environment=A=1 B=2 \n", 1, "Environment=A=1 \n"),
        ("Environment=\"A=x y\"   'B=2'\n", 0, "Environment='B=2'\n"),
        // An empty setting would revoke the one above it.
        ("Environment=A=1\nEnvironment=B=2\nZ=1", 1, "Environment=A=1\nZ=1"),
        ("Environment=A=1\r\nEnvironment=B=2\r\n", 0, "Environment=B=2\r\n"),
        ("Environment=A=1 \\\n  B=2\nU=v\n", 0, "Environment=\\\n  B=2\nU=v\n"),
        ("Environment=A=1 \\\n# why\n  B=2\n", 1, "Environment=A=1 \\\n# why\n\n"),
        ("Environment=\\\n# why\n  A=1\nU=v\n", 0, "# why\nU=v\n"),
    ] {
        let left = cut(Shape::Unit, before, |at| at == goes, "");
        assert_eq!(left.as_deref(), Ok(after), "{before:?}");
    }
}

#[test]
fn what_would_change_something_else_is_refused() {
    // What follows would become a comment, or an assignment.
    for (shape, text) in [
        (Shape::Unit, "Environment=\\\n A=1 #x \\\n B=2\n"),
        (Shape::EnvironmentFile, "A=1\n\u{feff}B=2\n"),
    ] {
        assert_eq!(cut(shape, text, |at| at == 0, ""), Err(Entangled), "{text:?}");
    }
    // An alias repeats the text of its anchor.
    let yaml = Shape::Tree(Format::Yaml);
    assert_eq!(cut(yaml, "a: &x secret\nb: *x\n", |at| at == 0, ""), Err(Entangled));
}

#[test]
fn an_earlier_assignment_counts_again() {
    let text = "A=1\nB=x\nA=2\n";
    assert_eq!(cut(Shape::Dotenv, text, |at| at == 2, "").as_deref(), Ok("A=1\nB=x\n"));
    assert_eq!(cut(Shape::Dotenv, text, |at| at != 1, "").as_deref(), Ok("B=x\n"));
}

#[test]
fn texts_of_trees_are_replaced_in_place() {
    for (format, before, goes, after) in [
        (
            Format::Json5,
            "\u{feff}// 'one'\n{a:'o\\x6ee', /* \"one\" */ 'b c': [1, 'two', {d: \"one\",}], e\\u0066: +1}",
            0,
            "\u{feff}// 'one'\n{a:\"${X}\", /* \"one\" */ 'b c': [1, 'two', {d: \"one\",}], e\\u0066: +1}",
        ),
        (
            Format::Json,
            "{\"a.b\":\"x\",\"a\":{\"b\":\"x\"}}",
            1,
            "{\"a.b\":\"x\",\"a\":{\"b\":\"${X}\"}}",
        ),
        (
            Format::Toml,
            "# one\na = 'one' # one\nb.c = \"\"\"one\"\"\"\nd = [1979-05-27, {e = 'one'}]\n",
            1,
            "# one\na = 'one' # one\nb.c = \"${X}\"\nd = [1979-05-27, {e = 'one'}]\n",
        ),
        (
            Format::Yaml,
            "# one two\na: one two # one two\nb: ['one two', \"one two\"]\n",
            2,
            "# one two\na: one two # one two\nb: ['one two', \"${X}\"]\n",
        ),
        (Format::Yaml, "a: one\nb: one\n", 1, "a: one\nb: \"${X}\"\n"),
    ] {
        let left = cut(Shape::Tree(format), before, |at| at == goes, "${X}");
        assert_eq!(left.as_deref(), Ok(after), "{format:?} {before}");
    }
    let folded = "a: >\n  one\n  two\n";
    assert_eq!(cut(Shape::Tree(Format::Yaml), folded, |_| true, ""), Err(Entangled));
}

/// Pieces of a `.env` file: what an assignment writes, or something in between.
fn piece() -> impl Strategy<Value = (bool, String)> {
    let name = select(vec!["A", "B_KEY", "export", "C3"]);
    let start = select(vec!["", "  ", "export ", "\texport \t"]);
    let value = prop_oneof![
        "[a-z0-9=$é\\\\][a-z0-9#=$é\\\\]{0,7}( # c)?",
        "'[a-z \"#\n\\\\]{1,8}'( # c)?",
        "`[a-z '\"\n]{1,8}`",
        "\"[a-z '#\n]{1,4}(\\\\n|\\\\\"|\\\\\\\\)?\"",
    ];
    let between = select(vec!["", "# note", "  # A=1", " \t"]);
    let end = select(vec!["\n", "\r\n"]);
    let assignment = (start, name, select(vec!["=", " = "]), value, end.clone());
    prop_oneof![
        3 => assignment.prop_map(|(a, b, c, d, e)| (true, [a, b, c, &d, e].concat())),
        1 => (between, end).prop_map(|(text, end)| (false, [text, end].concat())),
    ]
}

/// The same for a file of systemd.
fn systemd_piece() -> impl Strategy<Value = (bool, String)> {
    let name = select(vec!["A", "B_KEY", " C3 "]);
    let value = prop_oneof![
        "[a-z0-9#=]{1,8}( # no comment)?",
        "'[a-z \"#\n]{1,8}'",
        "\"[a-z '#\n]{1,4}(\\\\\"|\\\\\\\\|\\\\\n)?\"",
        "[a-z]{1,3}\\\\\n[a-z]{1,3}",
    ];
    let between = select(vec!["", "# note", "; A=1", "  ", "no assignment"]);
    let end = select(vec!["\n", "\r\n"]);
    prop_oneof![
        3 => (name, value, end.clone()).prop_map(|(n, v, e)| (true, [n, "=", &v, e].concat())),
        1 => (between, end).prop_map(|(text, end)| (false, [text, end].concat())),
    ]
}

fn lines_hold(shape: Shape, pieces: &[(bool, String)], goes: &[bool]) -> Result<(), TestCaseError> {
    let text: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
    let (mut at, mut expected, mut left) = (0, String::new(), Vec::new());
    let all = pairs(shape, &text);
    for (is_assignment, piece) in pieces {
        let gone = *is_assignment && goes[at % goes.len()];
        if !gone {
            expected += piece;
            left.extend(all.get(at).filter(|_| *is_assignment).cloned());
        }
        at += usize::from(*is_assignment);
    }
    prop_assert_eq!(at, all.len());
    let result = cut(shape, &text, |at| goes[at % goes.len()], "").unwrap();
    prop_assert_eq!(&result, &expected);
    prop_assert_eq!(pairs(shape, &result), left);
    Ok(())
}

/// A JSON5 text in pieces: what stands between values, and the values as they are written.
fn json5() -> impl Strategy<Value = Vec<(bool, String)>> {
    let blank = || select(vec!["", " ", "\n", "/* 'x' */", "// \"y\"\n", "\t"]);
    let key = select(vec!["a", "'b c'", "\"d\\\"e\"", "$f", "'\\x67'", "\"h.i\"", "\"'j'\""]);
    let text =
        prop_oneof!["'[a-z\"${}]{1,6}'", "\"[a-z'\\[:,]{1,6}(\\\\n|\\\\\"|\\\\x41|\\\\\n)?\""];
    let leaf = prop_oneof![
        3 => text.prop_map(|text| vec![(true, text)]),
        1 => select(vec!["1", "null", "-.5", "true", "''"]).prop_map(|t| vec![(false, t.to_owned())]),
    ];
    let plain = |text: &str| vec![(false, text.to_owned())];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let item = (blank(), inner.clone(), blank()).prop_map(move |(before, node, after)| {
            [plain(before), node, plain(after), plain(",")].concat()
        });
        let list = vec(item, 0..4)
            .prop_map(move |items| [plain("["), items.concat(), plain("]")].concat());
        let pairs = proptest::collection::hash_map(key.clone(), (blank(), inner), 0..4);
        let map = pairs.prop_map(move |pairs| {
            let pair = |(key, (blank, node)): (&str, (&str, _))| {
                [plain(key), plain(blank), plain(":"), node, plain(",")].concat()
            };
            let pairs: Vec<_> = pairs.into_iter().map(pair).collect();
            [plain("{"), pairs.concat(), plain("}")].concat()
        });
        prop_oneof![list, map]
    })
}

proptest! {
    #[test]
    fn assignments_go_whole_and_every_other_byte_stays(
        pieces in vec(piece(), 1..12),
        systemd in vec(systemd_piece(), 1..12),
        goes in vec(any::<bool>(), 1..12),
    ) {
        lines_hold(Shape::Dotenv, &pieces, &goes)?;
        lines_hold(Shape::EnvironmentFile, &systemd, &goes)?;
    }

    #[test]
    fn json5_texts_are_replaced_and_every_other_byte_stays(
        pieces in json5(),
        goes in vec(any::<bool>(), 1..12),
    ) {
        let text: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
        let shape = Shape::Tree(Format::Json5);
        let (mut at, mut expected) = (0, String::new());
        for (is_text, piece) in &pieces {
            let gone = *is_text && goes[at % goes.len()];
            expected += if gone { "\"${X}\"" } else { piece };
            at += usize::from(*is_text);
        }
        prop_assert_eq!(at, spots(shape, text.as_bytes()).unwrap().len());
        prop_assert_eq!(cut(shape, &text, |at| goes[at % goes.len()], "${X}"), Ok(expected));
    }

    #[test]
    fn units_keep_what_is_not_taken_out(
        lines in vec((vec("([A-C]=[a-z]{1,3}|\"[A-C]=[a-z ]{1,3}\"|word|'D=%%')", 0..4), "( |\t|  | \\\\\n  )", any::<bool>()), 1..6),
        goes in vec(any::<bool>(), 1..12),
    ) {
        let mut text = String::from("[Service]\n");
        for (words, blank, other) in &lines {
            text += &format!("Environment={}\n", words.join(blank));
            text += if *other { "# note\nExecStart=/bin/x A=1\n" } else { "" };
        }
        let all = pairs(Shape::Unit, &text);
        let result = cut(Shape::Unit, &text, |at| goes[at % goes.len()], "").unwrap();
        let kept = all.into_iter().enumerate().filter(|(at, _)| !goes[at % goes.len()]);
        let kept: Vec<_> = kept.map(|(_, pair)| pair).collect();
        prop_assert_eq!(pairs(Shape::Unit, &result), kept);
        let others = |text: &str| {
            let is_other = |line: &&str| !line.starts_with("Environment") && !line.is_empty() && !line.starts_with(' ');
            text.lines().filter(is_other).map(str::to_owned).collect::<Vec<_>>()
        };
        prop_assert_eq!(others(&text), others(&result));
    }

    #[test]
    fn no_input_makes_it_panic_and_places_hold_what_they_say(
        text in "[\\[\\]{}:,'\"a=1&*#\\-\\\\. \n\t/é]{0,60}",
    ) {
        let trees = [Format::Json, Format::Json5, Format::Toml, Format::Yaml].map(Shape::Tree);
        for shape in [Shape::Dotenv, Shape::EnvironmentFile, Shape::Unit].into_iter().chain(trees) {
            let Ok(found) = spots(shape, text.as_bytes()) else { continue };
            let cuts: Vec<_> = found.iter().map(|spot| (spot, String::new())).collect();
            if let Ok(left) = without(shape, text.as_bytes(), &cuts) {
                prop_assert!(spots(shape, &left).unwrap().is_empty(), "{:?}", shape);
            }
        }
    }
}
