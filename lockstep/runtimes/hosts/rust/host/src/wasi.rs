//! `fd_read`, `fd_write` and `proc_exit`: every iovec is checked, and only fds 0, 1 and 2 exist.

use std::io::{Error, ErrorKind};

use crate::end;
use crate::trapped;

/// The module that the three functions are imported from.
pub const WASI: &str = "wasi_snapshot_preview1";
/// The two functions that [`transfer`] does, with their names.
pub const CALLS: [(&str, Call); 2] = [("fd_read", Call::Read), ("fd_write", Call::Write)];

const SUCCESS: i32 = 0;
const BADF: i32 = 8;
const FAULT: i32 = 21;
const IO: i32 = 29;
const MOST: usize = 1 << 16; // bytes a call: a short transfer is lawful

/// A guest's linear memory. The two functions are called within its bounds only.
pub trait Memory {
    /// Its size in bytes, now.
    fn size(&self) -> usize;
    /// Copies from the guest.
    fn read(&self, at: usize, into: &mut [u8]);
    /// Copies to the guest.
    fn write(&mut self, at: usize, from: &[u8]);
}

impl Memory for [u8] {
    fn size(&self) -> usize {
        self.len()
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        into.copy_from_slice(&self[at..at + into.len()]);
    }

    fn write(&mut self, at: usize, from: &[u8]) {
        self[at..at + from.len()].copy_from_slice(from);
    }
}

/// What a call transfers.
#[derive(Clone, Copy)]
pub enum Call {
    /// From stdin.
    Read,
    /// To stdout or stderr.
    Write,
}

/// Does `fd_read` or `fd_write` with the guest's fd, iovecs, their count and the result's address:
/// checks everything, then transfers once, into or out of the first part that is not empty.
/// Returns WASI's errno.
pub fn transfer(call: Call, memory: &mut (impl Memory + ?Sized), arguments: [i32; 4]) -> i32 {
    let [fd, vectors, count, result] = arguments.map(|argument| argument as u32 as usize);
    if !matches!((call, fd), (Call::Read, 0) | (Call::Write, 1 | 2)) {
        return BADF;
    }
    if vectors + 8 * count > memory.size() || result + 4 > memory.size() {
        return FAULT;
    }
    let mut part = (0, 0);
    for i in 0..count {
        let (base, size) = (word(memory, vectors + 8 * i), word(memory, vectors + 8 * i + 4));
        if base + size > memory.size() {
            return FAULT;
        }
        if part.1 == 0 {
            part = (base, size.min(MOST));
        }
    }
    match once(call, fd as i32, memory, part) {
        Ok(done) => memory.write(result, &(done as u32).to_le_bytes()),
        Err(_) => return IO,
    }
    SUCCESS
}

fn word(memory: &(impl Memory + ?Sized), at: usize) -> usize {
    let mut bytes = [0; 4];
    memory.read(at, &mut bytes);
    u32::from_le_bytes(bytes) as usize
}

fn once(
    call: Call,
    fd: i32,
    memory: &mut (impl Memory + ?Sized),
    (base, size): (usize, usize),
) -> Result<usize, Error> {
    if size == 0 {
        return Ok(0);
    }
    let buffer = &mut [0; MOST][..size];
    // SAFETY: the system reads and writes within `buffer`.
    match call {
        Call::Read => {
            let done = retried(|| unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), size) })?;
            memory.write(base, &buffer[..done]);
            Ok(done)
        }
        Call::Write => {
            memory.read(base, buffer);
            retried(|| unsafe { libc::write(fd, buffer.as_ptr().cast(), size) })
        }
    }
}

fn retried(mut syscall: impl FnMut() -> isize) -> Result<usize, Error> {
    loop {
        if let Ok(done) = usize::try_from(syscall()) {
            return Ok(done);
        }
        let error = Error::last_os_error();
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Ends the guest, and this process with it. A code that a process cannot tell from a trap's is a
/// trap.
pub fn proc_exit(code: i32) {
    match code {
        0..=125 => end::leave(code),
        _ => end::exit(Err(trapped(format!("exit code {code} is not in 0..125")))),
    }
}
