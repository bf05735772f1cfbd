//! `src/messages.rs` is what the compiler makes of `clawvault.proto`, without a system protoc.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by it")]

use std::path::Path;

const HEAD: &str = "//! The messages of `clawvault.proto`, which says what each means. Made from it by `tests/generated.rs`.\n\
                    #![allow(missing_docs, unreachable_pub, clippy::all, reason = \"made by prost-build\")]\n\n";

#[test]
fn the_messages_are_those_of_the_proto_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let files = protox::compile(["clawvault.proto"], [root]).expect("the proto file compiles");
    prost_build::Config::new().out_dir(out).compile_fds(files).expect("it becomes Rust");
    let made = std::fs::read_to_string(out.join("clawvault.v1.rs")).unwrap();
    let made = format!("{HEAD}{made}");
    let kept = std::fs::read_to_string(root.join("src/messages.rs")).unwrap_or_default();
    let new = out.join("messages.rs");
    std::fs::write(&new, &made).unwrap();
    let squeeze = |text: &str| {
        text.split_whitespace().collect::<String>().replace(",}", "}").replace(",)", ")")
    };
    assert!(squeeze(&kept) == squeeze(&made), "copy {} to proto/src/messages.rs", new.display());
}
