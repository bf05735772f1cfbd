//! Where values stand in documents of every shape, and documents without some of them. The first
//! byte names the shape, the second which values go.
#![no_main]

use clawvault::intake::{Format, Kind, Shape, Spot, maps, spots, without};
use clawvault_fuzz::texts;
use libfuzzer_sys::fuzz_target;

const SHAPES: [Shape; 7] = [
    Shape::Tree(Format::Json5),
    Shape::Tree(Format::Json),
    Shape::Tree(Format::Toml),
    Shape::Tree(Format::Yaml),
    Shape::Dotenv,
    Shape::EnvironmentFile,
    Shape::Unit,
];

fuzz_target!(|bytes: &[u8]| {
    let [shape, goes, bytes @ ..] = bytes else { return };
    let shape = SHAPES[usize::from(*shape) % SHAPES.len()];
    let found = match spots(shape, bytes) {
        Ok(found) => found,
        Err(error) => {
            assert_ne!(error.kind, Kind::Unplaced, "a text of the tree has no place");
            return;
        }
    };
    if let Shape::Tree(format) = shape {
        let tree = maps::parse(format, bytes).expect("it was understood");
        let known = texts(&tree).into_iter().filter(|(_, text)| fits(text));
        let mut known: Vec<_> = known.map(|(path, text)| (path, text.into_bytes())).collect();
        let mut placed = pairs(&found);
        known.sort();
        placed.sort();
        assert!(known == placed, "places and tree differ");
    }
    let gone = |at: usize| goes >> (at % 8) & 1 == 1;
    let cuts: Vec<(&Spot, String)> = found
        .iter()
        .enumerate()
        .filter(|(at, _)| gone(*at))
        .map(|(_, spot)| (spot, String::new()))
        .collect();
    let Ok(left) = without(shape, bytes, &cuts) else { return };
    let mut stay: Vec<_> = pairs(&found).into_iter().enumerate().collect();
    stay.retain(|(at, _)| !gone(*at));
    let mut stay: Vec<_> = stay.into_iter().map(|(_, pair)| pair).collect();
    let mut rest = pairs(&spots(shape, &left).expect("what is left is understood"));
    stay.sort();
    rest.sort();
    assert!(stay == rest, "more or less is gone than was to go");
});

fn fits(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0')
}

fn pairs(spots: &[Spot]) -> Vec<(String, Vec<u8>)> {
    spots.iter().map(|spot| (spot.path.clone(), spot.value.expose().to_vec())).collect()
}
