//! The program `clawvault-resolver`, which OpenClaw runs: see the crate of that name.

use std::process::ExitCode;

/// Every freed block of the heap is wiped, as in `clawvault` itself.
#[global_allocator]
static HEAP: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    clawvault_resolver::run(std::env::args_os().skip(1))
}
