//! The command `clawvault`.

use std::process::ExitCode;

/// Every freed block of the heap is wiped: copies that libraries made of a value go with it.
#[global_allocator]
static HEAP: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    clawvault::cli::main()
}
