//! Runs a guest on WAMR's fast interpreter. See `host` for the command line.

use std::cell::OnceCell;
use std::rc::Rc;

use host::{CALLS, Host, Stop, WASI, proc_exit, rejected, transfer, trapped};
use wamrx::ValType::I32;
use wamrx::{Engine, FuncType, Instance, Linker, Module, Val};

fn main() {
    host::main(Host::interpreter(env!("CARGO_PKG_VERSION"), run))
}

fn run(module: &[u8], _tier: &str) -> Result<(), Stop> {
    let engine = Engine::new().map_err(rejected)?;
    let mut linker = Linker::new(&engine);
    let guest = Rc::new(OnceCell::<Instance>::new()); // a host function cannot ask for its caller
    for (name, call) in CALLS {
        let guest = Rc::clone(&guest);
        let wrapped = move |arguments: &[Val], results: &mut [Val]| {
            let arguments = [0, 1, 2, 3].map(|i| i32(arguments[i]));
            let mut memory = guest.get().and_then(|guest| guest.get_memory("memory").ok());
            let bytes = memory.as_mut().map_or(&mut [][..], |memory| memory.data_mut());
            results[0] = Val::I32(transfer(call, bytes, arguments));
        };
        linker
            .define_func(WASI, name, FuncType::new([I32; 4], [I32]), wrapped)
            .map_err(rejected)?;
    }
    let exit = |arguments: &[Val], _: &mut [Val]| proc_exit(i32(arguments[0]));
    linker.define_func(WASI, "proc_exit", FuncType::new([I32], []), exit).map_err(rejected)?;
    let module = Module::new(&engine, module).map_err(rejected)?;
    let instance = linker.instantiate(module).map_err(trapped)?;
    let start = guest.get_or_init(|| instance).get_func("_start").map_err(rejected)?;
    start.call(&[], &mut []).map_err(trapped)
}

fn i32(value: Val) -> i32 {
    match value {
        Val::I32(value) => value,
        other => unreachable!("{other} where the type says i32"),
    }
}
