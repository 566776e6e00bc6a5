//! A counting allocator: what a translation asks of the heap. For this bench only.

#![allow(unsafe_code, reason = "a global allocator cannot be written without; it only counts and hands on")]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicIsize;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

#[global_allocator]
static COUNTING: Counting = Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);
/// Counting costs, and most where most is allocated: timings run without it.
static ACTIVE: AtomicBool = AtomicBool::new(false);

struct Counting;

fn took(bytes: usize) {
    if ACTIVE.load(Relaxed) {
        CALLS.fetch_add(1, Relaxed);
        let bytes = isize::try_from(bytes).unwrap_or(isize::MAX);
        let held = HELD.fetch_add(bytes, Relaxed) + bytes;
        PEAK.fetch_max(held, Relaxed);
    }
}

fn gave(bytes: usize) {
    if ACTIVE.load(Relaxed) {
        HELD.fetch_sub(isize::try_from(bytes).unwrap_or(isize::MAX), Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator with its arguments unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        gave(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Counted as if old and new stood side by side, which is the worst that can be.
        took(size);
        gave(layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Allocations of `work`, and the most bytes that it held at once beyond what was held before.
pub(crate) fn count<T>(work: impl FnOnce() -> T) -> (usize, usize, T) {
    CALLS.store(0, Relaxed);
    HELD.store(0, Relaxed);
    PEAK.store(0, Relaxed);
    ACTIVE.store(true, Relaxed);
    let made = work();
    ACTIVE.store(false, Relaxed);
    (CALLS.load(Relaxed), PEAK.load(Relaxed).unsigned_abs(), made)
}
