//! Runs a guest on Stitch, a threaded interpreter. See `host` for the command line.

use std::error::Error;

use host::{CALLS, Host, Stop, WASI, proc_exit, rejected, transfer, trapped};
use makepad_stitch::{Engine, Func, Linker, Mem, Module, Store};

fn main() {
    host::main(Host::interpreter(env!("CARGO_PKG_VERSION"), run))
}

