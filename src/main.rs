//! The command `clawvault`.

fn main() {}
