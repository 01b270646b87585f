//! Runs a guest on wasmi as a stack-machine interpreter. See `host` for the command line.

use host::{CALLS, Host, Stop, WASI, proc_exit, rejected, transfer, trapped};
use wasmi::{Caller, Engine, Extern, Linker, Module, Store};

fn main() {
    host::main(Host::interpreter(env!("CARGO_PKG_VERSION"), run))
}

fn run(module: &[u8], _tier: &str) -> Result<(), Stop> {
    let engine = Engine::default();
    let module = Module::new(&engine, module).map_err(rejected)?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    for (name, call) in CALLS {
        let wrapped =
            move |mut caller: Caller<()>, fd: i32, vectors: i32, count: i32, result: i32| {
                let memory =
                    caller.get_export("memory").and_then(Extern::into_memory).expect("checked");
                transfer(call, memory.data_mut(&mut caller), [fd, vectors, count, result])
            };
        linker.func_wrap(WASI, name, wrapped).map_err(rejected)?;
    }
    linker.func_wrap(WASI, "proc_exit", proc_exit).map_err(rejected)?;
    let instance = linker
        .instantiate(&mut store, &module)
        .and_then(|instance| instance.start(&mut store))
        .map_err(trapped)?;
    let start = instance.get_typed_func::<(), ()>(&store, "_start").map_err(rejected)?;
    start.call(&mut store, ()).map_err(trapped)
}
