//! Runs a guest on wain, an interpreter of the syntax tree. See `host` for the command line.

use host::{CALLS, Host, Stop, WASI, proc_exit, rejected, transfer, trapped};
use wain_ast::ValType::{self, I32};
use wain_exec::{
    ImportInvalidError, ImportInvokeError, Importer, Runtime, Stack, check_func_signature,
};

fn main() {
    host::main(Host::interpreter(env!("CARGO_PKG_VERSION"), run))
}

fn run(module: &[u8], _tier: &str) -> Result<(), Stop> {
    let tree = wain_syntax_binary::parse(module).map_err(rejected)?;
    wain_validate::validate(&tree).map_err(rejected)?;
    let mut runtime = Runtime::instantiate(&tree.module, Wasi).map_err(trapped)?;
    host::trap_at_the_end_of_the_stack();
    runtime.invoke("_start", &[]).map(drop).map_err(trapped)
}

struct Wasi;

impl Importer for Wasi {
    const MODULE_NAME: &'static str = WASI;

    fn validate(
        &self,
        name: &str,
        params: &[ValType],
        result: Option<ValType>,
    ) -> Option<ImportInvalidError> {
        match name {
            "proc_exit" => check_func_signature(params, result, &[I32], None),
            _ => check_func_signature(params, result, &[I32; 4], Some(I32)),
        }
    }

    fn call(
        &mut self,
        name: &str,
        stack: &mut Stack,
        memory: &mut wain_exec::Memory,
    ) -> Result<(), ImportInvokeError> {
        let Some((_, call)) = CALLS.iter().find(|(known, _)| *known == name) else {
            proc_exit(stack.pop());
            return Ok(());
        };
        let mut arguments = [0; 4].map(|_: i32| stack.pop());
        arguments.reverse(); // the last one is on top
        stack.push(transfer(*call, memory.data_mut(), arguments));
        Ok(())
    }
}
