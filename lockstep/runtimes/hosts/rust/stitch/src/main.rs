//! Runs a guest on Stitch, a threaded interpreter. See `host` for the command line.

use std::cell::Cell;
use std::error::Error;

use host::{CALLS, Host, Stop, WASI, proc_exit, rejected, transfer, trapped};
use makepad_stitch::{Engine, Func, Linker, Mem, Module, Store};

thread_local! {
    static MEMORY: Cell<Option<Mem>> = const { Cell::new(None) }; // no function gets its caller's
}

fn main() {
    host::main(Host::interpreter(env!("CARGO_PKG_VERSION"), run))
}

fn run(module: &[u8], _tier: &str) -> Result<(), Stop> {
    let engine = Engine::new();
    let module = Module::new(&engine, module).map_err(rejected)?;
    let mut store = Store::new(engine);
    let mut linker = Linker::new();
    for (name, call) in CALLS {
        let wrapped = move |store: &mut Store, fd: i32, vectors: i32, count: i32, result: i32| {
            let memory = MEMORY.get().map_or(&mut [][..], |memory| memory.bytes_mut(store));
            transfer(call, memory, [fd, vectors, count, result])
        };
        linker.define(WASI, name, Func::wrap(&mut store, wrapped));
    }
    linker.define(WASI, "proc_exit", Func::wrap(&mut store, proc_exit));
    let instance =
        linker.instantiate(&mut store, &module).map_err(|error| trapped(cause(&error)))?;
    MEMORY.set(instance.exported_mem("memory"));
    let start = instance.exported_func("_start").expect("checked");
    start.call(&mut store, &[], &mut []).map_err(|error| trapped(cause(&error)))
}

/// What is behind Stitch's own words, which only say of what kind an error is.
fn cause(error: &makepad_stitch::Error) -> String {
    error.source().map_or(error.to_string(), ToString::to_string)
}
