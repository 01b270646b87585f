//! Runs a guest on Wasmer: tier `cranelift` or `singlepass`. See `host` for the command line.

use host::{CALLS, Host, Memory, Stop, WASI, proc_exit, rejected, transfer, trapped};
use wasmer::sys::{Cranelift, EngineBuilder, Singlepass};
use wasmer::{
    Engine, Exports, Function, FunctionEnv, FunctionEnvMut, Imports, Instance, MemoryView, Module,
    Store,
};

fn main() {
    host::main(Host {
        version: env!("CARGO_PKG_VERSION"),
        tiers: &["cranelift", "singlepass"],
        prepare,
        run,
    })
}

fn engine(tier: &str) -> Engine {
    match tier {
        "singlepass" => EngineBuilder::new(Singlepass::default()).engine().into(),
        _ => EngineBuilder::new(Cranelift::default()).engine().into(),
    }
}

fn prepare(module: &[u8], tier: &str) -> Result<Vec<u8>, Stop> {
    let module = Module::new(&engine(tier), module).map_err(rejected)?;
    Ok(module.serialize().map_err(rejected)?.to_vec())
}

fn run(artifact: &[u8], tier: &str) -> Result<(), Stop> {
    let mut store = Store::new(engine(tier));
    // SAFETY: `prepare` made it, in this process or its child.
    let module = unsafe { Module::deserialize(&store, artifact) }.map_err(rejected)?;
    let memory = FunctionEnv::new(&mut store, None);
    let imports = imports(&mut store, &memory);
    let instance = Instance::new(&mut store, &module, &imports).map_err(trapped)?;
    let exported = instance.exports.get_memory("memory").map_err(rejected)?;
    *memory.as_mut(&mut store) = Some(exported.clone());
    let start = instance.exports.get_function("_start").map_err(rejected)?;
    start.call(&mut store, &[]).map(drop).map_err(trapped)
}

type Environment = Option<wasmer::Memory>; // what the instance exports, once there is one

fn imports(store: &mut Store, memory: &FunctionEnv<Environment>) -> Imports {
    let mut exports = Exports::new();
    for (name, call) in CALLS {
        let wrapped = move |env: FunctionEnvMut<Environment>,
                            fd: i32,
                            vectors: i32,
                            count: i32,
                            result: i32| {
            let memory = env.data().as_ref().expect("no start function calls it");
            transfer(call, &mut Guest(memory.view(&env)), [fd, vectors, count, result])
        };
        exports.insert(name, Function::new_typed_with_env(store, memory, wrapped));
    }
    exports.insert("proc_exit", Function::new_typed(store, proc_exit));
    let mut imports = Imports::new();
    imports.register_namespace(WASI, exports);
    imports
}

struct Guest<'a>(MemoryView<'a>);

impl Memory for Guest<'_> {
    fn size(&self) -> usize {
        self.0.data_size() as usize
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        self.0.read(at as u64, into).expect("within its bounds");
    }

    fn write(&mut self, at: usize, from: &[u8]) {
        self.0.write(at as u64, from).expect("within its bounds");
    }
}
