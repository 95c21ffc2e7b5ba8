//! One function per public entry point of the five crates, linked without a panic handler.
#![no_std]

use core::hint::black_box;
use core::panic::PanicInfo;

unsafe extern "C" {
    fn a_panic_is_reachable() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe { a_panic_is_reachable() }
}

/// Calls everything with the same octets.
///
/// # Safety
/// `octets` points to `len` readable octets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn probe_all(octets: *const u8, len: usize) -> usize {
    let input = if octets.is_null() { &[] } else { unsafe { core::slice::from_raw_parts(octets, len) } };
    let input = black_box(input);
    #[cfg(feature = "bad")]
    black_box(input[black_box(len) ^ 1]);
    link(input);
    0
}

fn link(input: &[u8]) {
    let mut reader = mbus_link::octets::Reader::new(input);
    black_box(reader.u16_le().is_ok());
}
