//! The ways a run ends, and how this process says so.

use std::fmt::Display;
use std::io::Write;
use std::os::fd::FromRawFd;
use std::sync::atomic::{AtomicI32, Ordering};

/// Why there is no exit code of the guest.
pub enum Stop {
    /// The guest trapped.
    Trap(String),
    /// The module is not accepted.
    Rejected(String),
    /// The host itself is at fault.
    Host(String),
}

/// The guest trapped, for this reason.
pub fn trapped(reason: impl Display) -> Stop {
    Stop::Trap(reason.to_string())
}

/// The module is not accepted, for this reason.
pub fn rejected(reason: impl Display) -> Stop {
    Stop::Rejected(reason.to_string())
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        Stop::Host(error.to_string())
    }
}

impl Stop {
    /// The exit code, the word for it and the text on one line.
    fn parts(&self) -> (i32, &'static str, String) {
        let (code, word, text) = match self {
            Stop::Trap(text) => (134, "trap", text),
            Stop::Rejected(text) => (126, "rejected", text),
            Stop::Host(text) => (127, "host", text),
        };
        (code, word, text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

const NONE: i32 = -1;
static LISTENER: AtomicI32 = AtomicI32::new(NONE);

/// From now on a stop's text goes to this descriptor, bare, instead of to stderr as a line.
pub fn report_to(fd: i32) {
    LISTENER.store(fd, Ordering::Relaxed);
}

/// Ends the process as the guest ended, at once: nothing of the engine is torn down.
pub fn exit(outcome: Result<(), Stop>) -> ! {
    match outcome {
        Ok(()) => leave(0),
        Err(stop) => {
            let (code, word, text) = stop.parts();
            match LISTENER.load(Ordering::Relaxed) {
                NONE => write(2, &format!("\n{word}: {text}\n")),
                fd => write(fd, &text),
            }
            leave(code)
        }
    }
}

/// Makes the end of the stack a trap, for an engine without `unsafe` that calls itself for each
/// call of the guest: nothing else can be the cause of such a signal then.
pub fn trap_at_the_end_of_the_stack() {
    extern "C" fn overflown(_signal: i32) {
        exit(Err(trapped("call stack exhausted")))
    }
    // SAFETY: all zero is a `sigaction`; the handler runs on the stack that Rust keeps for it.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        action.sa_sigaction = overflown as *const () as usize;
        action.sa_flags = libc::SA_ONSTACK;
        libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut());
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut());
    }
}

/// Ends the process with a code, without running what is registered for its exit.
pub fn leave(code: i32) -> ! {
    // SAFETY: `_exit` takes any code and does not return.
    unsafe { libc::_exit(code) }
}

fn write(fd: i32, text: &str) {
    // SAFETY: the process ends next; nothing else uses the descriptor any more.
    let mut file = unsafe { std::fs::File::from_raw_fd(fd) };
    let _ = file.write_all(text.as_bytes()); // who does not listen is not told
}
