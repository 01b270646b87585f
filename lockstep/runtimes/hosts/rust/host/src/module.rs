//! Just enough of the binary format to refuse what no guest is: engines differ in what they refuse,
//! and when.

use crate::{CALLS, Stop, WASI, rejected};

const HEADER: usize = 8; // magic number and version
const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;
const FUNCTION: u8 = 0;
const MEMORY: u8 = 2;

/// Refuses a module that imports more than the three functions, or lacks `_start` or `memory`.
pub fn check(module: &[u8]) -> Result<(), Stop> {
    if !module.starts_with(b"\0asm") {
        return Err(rejected("not a wasm module: no magic number"));
    }
    let sections = sections(module).ok_or_else(cut_short)?;
    let find = |wanted| {
        sections.iter().find(|(id, _)| *id == wanted).map_or(Reader(&[0]), |found| Reader(found.1))
    };
    refuse_surplus_imports(find(IMPORTS)).ok_or_else(cut_short)??;
    demand_exports(find(EXPORTS)).ok_or_else(cut_short)?
}

fn cut_short() -> Stop {
    rejected("not a wasm module: cut short")
}

fn sections(module: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut reader = Reader(module.get(HEADER..)?);
    let mut found = Vec::new();
    while let Some(id) = reader.byte() {
        found.push((id, reader.bytes()?));
    }
    Some(found)
}

fn refuse_surplus_imports(mut section: Reader) -> Option<Result<(), Stop>> {
    for _ in 0..section.number()? {
        let (source, field) = (section.bytes()?, section.bytes()?);
        let known = CALLS.iter().any(|(name, _)| name.as_bytes() == field) || field == b"proc_exit";
        if source != WASI.as_bytes() || !known || section.byte()? != FUNCTION {
            let [source, field] = [source, field].map(String::from_utf8_lossy);
            return Some(Err(rejected(format!("imports {source}.{field}"))));
        }
        section.number()?;
    }
    Some(Ok(()))
}

fn demand_exports(mut section: Reader) -> Option<Result<(), Stop>> {
    let mut exports = Vec::new();
    for _ in 0..section.number()? {
        exports.push((section.bytes()?, section.byte()?));
        section.number()?;
    }
    for (name, kind) in [("_start", FUNCTION), ("memory", MEMORY)] {
        if !exports.contains(&(name.as_bytes(), kind)) {
            return Some(Err(rejected(format!("exports no {name}"))));
        }
    }
    Some(Ok(()))
}

/// What is left to read; each method takes something from its front, or finds it cut short.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= usize::from(byte & 127) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let size = self.number()?;
        let (taken, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(taken)
    }
}
