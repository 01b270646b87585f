//! Runs a guest on SpaceWasm, an interpreter. See `host` for the command line.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::fmt::Debug;
use std::ops::ControlFlow;
use std::ptr::NonNull;

use host::{CALLS, Host, Memory, Stop, WASI, proc_exit, rejected, transfer, trapped};
use spacewasm::{
    AllocError, Allocator, CodeBuilder, CompilerOptions, Engine, ExportDesc, HostFunction,
    HostModule, InnerVec, Interpreter, InterpreterResult, InterpreterRunner, Module, Rc, Ref,
    Value, WasmMemoryAllocator, WasmRef, WasmStream,
};

const STACK: usize = 1 << 20; // in words of 32 bits
const CONTROL_FRAMES: usize = 1024;
const STACK_DEPTH: usize = 4096;
const OPTIONS: CompilerOptions = CompilerOptions {
    allow_memory_grow: true,
    max_backpatch_iterations: None,
    max_code_pages: 1 << 20,
};

fn main() {
    host::main(Host::interpreter(env!("CARGO_PKG_VERSION"), run))
}

fn run(module: &[u8], _tier: &str) -> Result<(), Stop> {
    let mut engine = Engine::new(STACK, 1, spacewasm::vec![wasi()]).map_err(refused)?;
    let mut code = CodeBuilder::new(OPTIONS).map_err(refused)?;
    let memory = Rc::new(System).map_err(refused)?.into_wasm_memory_allocator();
    let mut stream = Whole(Some(module.to_vec()));
    let store = &mut engine.store;
    let module =
        Module::new::<CONTROL_FRAMES, STACK_DEPTH>("", &mut stream, store, &mut code, memory)
            .map_err(refused)?;
    let start = exported(&module, "_start").ok_or_else(|| rejected("exports no _start"))?;
    let guest = engine.push_module(module).map_err(refused)?;
    let first = engine.module_start(guest);
    for function in first.into_iter().chain([WasmRef { module: guest, index: start }]) {
        engine.invoke(function, &[]).map_err(|error| trapped(format!("{error:?}")))?;
        finish(&mut engine, &code)?;
    }
    Ok(())
}

fn refused(error: impl Debug) -> Stop {
    rejected(format!("{error:?}"))
}

/// The index of a function that `module` itself defines.
fn exported(module: &Module, name: &str) -> Option<u16> {
    let export = module.exports.iter().find(|export| export.name == name)?;
    match export.desc {
        ExportDesc::Func(index) => match module.get_func_ref(index)? {
            Ref::Module(index) => Some(index),
            _ => None,
        },
        _ => None,
    }
}

fn finish(engine: &mut Engine, code: &CodeBuilder) -> Result<(), Stop> {
    loop {
        match Interpreter.run(code.pages(), engine, usize::MAX) {
            InterpreterResult::Finished => return Ok(()),
            InterpreterResult::OutOfFuel => {}
            other => return Err(trapped(format!("{other:?}"))),
        }
    }
}

fn wasi() -> HostModule {
    let [read, write] = CALLS.map(|(name, call)| {
        let wrapped = move |engine: &mut Engine, arguments: &[Value]| {
            let arguments = [0, 1, 2, 3].map(|i| i32(arguments[i]));
            ControlFlow::Continue(Some(Value::I32(transfer(call, &mut Guest(engine), arguments))))
        };
        HostFunction::new(name, "iiii".into(), "i".into(), wrapped)
    });
    let exit = HostFunction::new("proc_exit", "i".into(), "".into(), |_, arguments| {
        proc_exit(i32(arguments[0]));
        ControlFlow::Continue(None)
    });
    HostModule {
        name: WASI.into(),
        functions: spacewasm::vec![read, write, exit],
        globals: spacewasm::vec![],
        memory: spacewasm::vec![],
        table: spacewasm::vec![],
    }
}

fn i32(value: Value) -> i32 {
    match value {
        Value::I32(value) => value,
        other => unreachable!("{other:?} where the type says i32"),
    }
}

struct Guest<'a>(&'a mut Engine);

impl Memory for Guest<'_> {
    fn size(&self) -> usize {
        self.0.memory.get_slice().len()
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        into.copy_from_slice(self.0.memory.load(at, into.len()).expect("within its bounds"));
    }

    fn write(&mut self, at: usize, from: &[u8]) {
        self.0.memory.store(at, from).expect("within its bounds");
    }
}

/// A module that comes in one piece.
struct Whole(Option<Vec<u8>>);

impl WasmStream for Whole {
    fn read(&mut self) -> Result<Option<InnerVec<u8>>, u8> {
        Ok(self.0.take().map(|bytes| {
            let bytes = bytes.leak(); // it lives as long as the process, which runs one module
            // SAFETY: the pointer and the length are those of one allocation.
            unsafe { InnerVec::from_raw_parts(bytes.as_mut_ptr(), bytes.len(), bytes.len()) }
        }))
    }

    fn return_(&mut self, _chunk: InnerVec<u8>) {}
}

/// The allocator of Rust, for the engine and for the guest's memory.
struct System;

spacewasm::global_allocator!(System, System);

// SAFETY: the calls are passed on as they are; none comes with a size of zero.
unsafe impl Allocator for System {
    unsafe fn alloc(&self, layout: Layout) -> Result<*mut u8, AllocError> {
        self.allocate(layout).map(NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { dealloc(at, layout) }
    }
}

impl WasmMemoryAllocator for System {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: as above.
        NonNull::new(unsafe { alloc(layout) }).ok_or(AllocError::AllocationFailed)
    }

    fn reallocate(
        &self,
        at: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: as above.
        let moved = unsafe { realloc(at.as_ptr(), old, new.size()) };
        NonNull::new(moved).ok_or(AllocError::AllocationFailed)
    }

    fn deallocate(&self, at: NonNull<u8>, layout: Layout) {
        // SAFETY: as above.
        unsafe { dealloc(at.as_ptr(), layout) }
    }
}
