//! Runs a guest on wasm3, a threaded interpreter. See `host` for the command line.

use host::{CALLS, Host, Memory, Stop, WASI, proc_exit, rejected, transfer, trapped};
use wasm3x::{Caller, CompilationMode, Config, Engine, Error, Linker, Module, Store};

fn main() {
    host::main(Host::interpreter(env!("CARGO_PKG_VERSION"), run))
}

fn run(module: &[u8], _tier: &str) -> Result<(), Stop> {
    // Eager, or what wasm3 does not know is found only where it is called.
    let engine = Engine::new(Config::new().compilation_mode(CompilationMode::Eager));
    let module = Module::new(&engine, module).map_err(rejected)?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::<()>::new(&engine);
    for (name, call) in CALLS {
        let wrapped = move |caller: Caller<()>, fd: i32, vectors: i32, count: i32, result: i32| {
            transfer(call, &mut Guest(caller), [fd, vectors, count, result])
        };
        linker.func_wrap(WASI, name, wrapped).map_err(rejected)?;
    }
    linker.func_wrap(WASI, "proc_exit", proc_exit as fn(i32)).map_err(rejected)?;
    let instance = linker.instantiate_and_start(&mut store, &module).map_err(refused)?;
    let start = instance.get_typed_func::<(), ()>(&store, "_start").map_err(rejected)?;
    start.call(&mut store, ()).map_err(trapped)
}

/// What wasm3 says while it loads, compiles, links and starts a module.
fn refused(error: Error) -> Stop {
    let text = error.to_string();
    if text.contains("[trap]") || text.contains("out of bounds") {
        trapped(text)
    } else {
        rejected(text)
    }
}

struct Guest<'a>(Caller<'a, ()>);

impl Guest<'_> {
    fn memory(&self) -> wasm3x::Memory {
        self.0.get_memory().expect("checked")
    }
}

impl Memory for Guest<'_> {
    fn size(&self) -> usize {
        self.memory().data_size(&self.0)
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        self.memory().read(&self.0, at, into).expect("within its bounds");
    }

    fn write(&mut self, at: usize, from: &[u8]) {
        self.memory().write(&mut self.0, at, from).expect("within its bounds");
    }
}
