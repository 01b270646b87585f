//! Runs a guest on TinyWasm, an interpreter. See `host` for the command line.

use host::{CALLS, Host, Memory, Stop, WASI, proc_exit, rejected, transfer, trapped};
use tinywasm::{FuncContext, HostFunction, Imports, ModuleInstance, Store};

fn main() {
    host::main(Host::interpreter(env!("CARGO_PKG_VERSION"), run))
}

fn run(module: &[u8], _tier: &str) -> Result<(), Stop> {
    let module = tinywasm::parse_bytes(module).map_err(rejected)?;
    let mut store = Store::default();
    let mut imports = Imports::new();
    for (name, call) in CALLS {
        let wrapped =
            move |context: FuncContext, (fd, vectors, count, result): (i32, i32, i32, i32)| {
                Ok(transfer(call, &mut Guest::of(context)?, [fd, vectors, count, result]))
            };
        imports.define(WASI, name, HostFunction::from(&mut store, wrapped));
    }
    let exit = HostFunction::from(&mut store, |_, code: i32| Ok(proc_exit(code)));
    imports.define(WASI, "proc_exit", exit);
    let instance =
        ModuleInstance::instantiate(&mut store, &module, Some(imports)).map_err(trapped)?;
    let start = instance.func::<(), ()>(&store, "_start").map_err(rejected)?;
    start.call(&mut store, ()).map_err(trapped)
}

struct Guest<'a> {
    context: FuncContext<'a>,
    memory: tinywasm::Memory,
}

impl<'a> Guest<'a> {
    fn of(context: FuncContext<'a>) -> tinywasm::Result<Self> {
        let memory = context.memory("memory")?;
        Ok(Guest { context, memory })
    }
}

impl Memory for Guest<'_> {
    fn size(&self) -> usize {
        self.memory.len(self.context.store()).expect("its own store")
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        self.memory.read_exact(self.context.store(), at, into).expect("within its bounds");
    }

    fn write(&mut self, at: usize, from: &[u8]) {
        self.memory.copy_from_slice(self.context.store_mut(), at, from).expect("within its bounds");
    }
}
