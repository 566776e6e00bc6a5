//! Keeping this process's memory to itself.
//!
//! No core dump and no other process of the same user may read it. It is not locked against swapping here: keys pass
//! through registers, stacks and the buffers of the TLS library, so locking one page would protect little; the unit
//! file keeps the whole process out of swap instead (`MemorySwapMax=0`).

use rustix::process::DumpableBehavior;
use rustix::process::Resource;
use rustix::process::Rlimit;
use std::io;

/// Forbids core dumps of this process, and reading its memory to others than the administrator.
///
/// # Errors
/// When the operating system refuses.
pub fn keep_memory_private() -> io::Result<()> {
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
