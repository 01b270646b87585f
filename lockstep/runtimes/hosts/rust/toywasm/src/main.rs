//! Runs a guest on toywasm, which interprets the binary itself. See `host` for the command line.

use std::ffi::{CStr, CString, c_int, c_void};
use std::mem::zeroed;
use std::ptr::{null, null_mut};

use host::{CALLS, Call, Host, Memory, Stop, WASI, proc_exit, rejected, transfer, trapped};
use toywasmx_sys as sys;

const FRAMES_MAX: u32 = 1 << 16; // toywasm's own limit is the machine's memory

fn main() {
    host::main(Host::interpreter(env!("CARGO_PKG_VERSION"), run))
}

/// Nothing is freed: the process runs one module, and ends with it.
fn run(module: &[u8], _tier: &str) -> Result<(), Stop> {
    // SAFETY: each structure is initialized by toywasm, and stays where it is.
    unsafe {
        let context = leaked::<sys::mem_context>();
        sys::mem_context_init(context);
        let module = load(module, context)?;
        let guest = leaked::<sys::host_instance>();
        let imports = imports(guest, context)?;
        let instance = instantiate(module, imports, context)?;
        (*guest).memory = sys::cconv_memory(instance);
        start(module, instance, context)
    }
}

unsafe fn load(bytes: &[u8], context: *mut sys::mem_context) -> Result<*mut sys::module, Stop> {
    unsafe {
        let loading = leaked::<sys::load_context>();
        sys::load_context_init(loading, context);
        let bytes = bytes.to_vec().leak().as_ptr_range();
        let mut module = null_mut();
        match sys::module_create(&mut module, bytes.start, bytes.end, loading) {
            0 => Ok(module),
            code => Err(rejected(said(&(*loading).report, code))),
        }
    }
}

unsafe fn imports(
    guest: *mut sys::host_instance,
    context: *mut sys::mem_context,
) -> Result<*mut sys::import_object, Stop> {
    unsafe {
        let functions = leaked::<[sys::host_func; 3]>();
        let (read, write, exit) = (CALLS[0].0, CALLS[1].0, "proc_exit");
        (*functions)[0] = function(read, "(iiii)i", fd_read);
        (*functions)[1] = function(write, "(iiii)i", fd_write);
        (*functions)[2] = function(exit, "(i)", exited);
        let module = leaked::<sys::host_module>();
        let source = leaked::<sys::name>();
        *source = name(WASI);
        *module = sys::host_module { module_name: source, funcs: functions.cast(), nfuncs: 3 };
        let mut imports = null_mut();
        match sys::import_object_create_for_host_funcs(context, module, 1, guest, &mut imports) {
            0 => Ok(imports),
            code => Err(rejected(format!("error {code}"))),
        }
    }
}

unsafe fn instantiate(
    module: *mut sys::module,
    imports: *mut sys::import_object,
    context: *mut sys::mem_context,
) -> Result<*mut sys::instance, Stop> {
    unsafe {
        let report = leaked::<sys::report>();
        sys::report_init(report);
        let mut instance = null_mut();
        match sys::instance_create(context, module, &mut instance, imports, report) {
            0 => Ok(instance),
            code => Err(trapped(said(report, code))),
        }
    }
}

unsafe fn start(
    module: *mut sys::module,
    instance: *mut sys::instance,
    context: *mut sys::mem_context,
) -> Result<(), Stop> {
    unsafe {
        let mut index = 0;
        if sys::module_find_export(module, &name("_start"), sys::EXTERNTYPE_FUNC as u32, &mut index)
            != 0
        {
            return Err(rejected("exports no _start"));
        }
        let execution = leaked::<sys::exec_context>();
        sys::exec_context_init(execution, instance, context);
        (*execution).options.max_frames = FRAMES_MAX;
        let code = sys::instance_execute_func_nocheck(execution, index);
        match sys::instance_execute_handle_restart(execution, code) {
            0 => Ok(()),
            code => Err(trapped(said((*execution).report, code))),
        }
    }
}

unsafe extern "C" fn fd_read(
    _: *mut sys::exec_context,
    guest: *mut sys::host_instance,
    _: *const sys::functype,
    arguments: *const sys::cell,
    results: *mut sys::cell,
) -> c_int {
    unsafe { transferred(Call::Read, guest, arguments, results) }
}

unsafe extern "C" fn fd_write(
    _: *mut sys::exec_context,
    guest: *mut sys::host_instance,
    _: *const sys::functype,
    arguments: *const sys::cell,
    results: *mut sys::cell,
) -> c_int {
    unsafe { transferred(Call::Write, guest, arguments, results) }
}

unsafe extern "C" fn exited(
    _: *mut sys::exec_context,
    _: *mut sys::host_instance,
    _: *const sys::functype,
    arguments: *const sys::cell,
    _: *mut sys::cell,
) -> c_int {
    proc_exit(unsafe { (*arguments).x } as i32);
    0
}

/// An i32 is one cell each, among the arguments and as the result.
unsafe fn transferred(
    call: Call,
    guest: *mut sys::host_instance,
    arguments: *const sys::cell,
    results: *mut sys::cell,
) -> c_int {
    unsafe {
        let arguments = [0, 1, 2, 3].map(|i| (*arguments.add(i)).x as i32);
        (*results).x = transfer(call, &mut Guest((*guest).memory), arguments) as u32;
    }
    0
}

struct Guest(*mut sys::meminst);

impl Guest {
    /// Where the guest's bytes are, allocated if need be.
    fn at(&self, at: usize, size: usize) -> *mut u8 {
        let (mut place, mut moved) = (null_mut::<c_void>(), false);
        // SAFETY: it checks the bounds itself.
        let code = unsafe {
            sys::memory_instance_getptr2(self.0, at as u32, 0, size as u32, &mut place, &mut moved)
        };
        assert_eq!(code, 0, "within its bounds");
        place.cast()
    }
}

impl Memory for Guest {
    fn size(&self) -> usize {
        // SAFETY: toywasm keeps the memory and its type as long as the instance.
        unsafe { ((*self.0).size_in_pages as usize) << sys::memtype_page_shift((*self.0).type_) }
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        // SAFETY: `at` gives that many bytes.
        unsafe { self.at(at, into.len()).copy_to(into.as_mut_ptr(), into.len()) }
    }

    fn write(&mut self, at: usize, from: &[u8]) {
        // SAFETY: `at` gives that many bytes.
        unsafe { self.at(at, from.len()).copy_from(from.as_ptr(), from.len()) }
    }
}

fn function(named: &str, kind: &str, function: Callback) -> sys::host_func {
    sys::host_func { name: name(named), type_: c_string(kind), func: Some(function) }
}

type Callback = unsafe extern "C" fn(
    *mut sys::exec_context,
    *mut sys::host_instance,
    *const sys::functype,
    *const sys::cell,
    *mut sys::cell,
) -> c_int;

fn name(text: &str) -> sys::name {
    // SAFETY: a name is a pointer and a length, and the text is never freed.
    unsafe {
        let mut name = zeroed();
        sys::set_name_cstr(&mut name, c_string(text));
        name
    }
}

fn c_string(text: &str) -> *mut std::ffi::c_char {
    CString::new(text).expect("no NUL in it").into_raw()
}

/// A structure of toywasm's at an address of its own, to be initialized by it.
fn leaked<T>() -> *mut T {
    // SAFETY: toywasm's structures are plain data, for which all zero is a value.
    Box::into_raw(Box::new(unsafe { zeroed() }))
}

unsafe fn said(report: *const sys::report, code: c_int) -> String {
    unsafe {
        let message = if report.is_null() { null() } else { sys::report_getmessage(report) };
        if message.is_null() {
            format!("error {code}")
        } else {
            CStr::from_ptr(message).to_string_lossy().into_owned()
        }
    }
}
