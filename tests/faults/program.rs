//! The command `clawvault` as it is shipped, save that its failpoints can be armed.

use std::process::ExitCode;

#[global_allocator]
static HEAP: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    clawvault::cli::main()
}
