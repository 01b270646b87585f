//! What every host of an engine that comes as a crate shares: the command line, the three functions
//! of WASI, the ways a guest ends, and the fork server.
//!
//!     run_ENGINE [--tier TIER] MODULE
//!     run_ENGINE [--tier TIER] --serve
//!
//! The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
//! trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
//! stderr is `trap: TEXT`, `rejected: TEXT` or `host: TEXT`.

mod child;
mod end;
mod module;
mod serve;
mod wasi;

pub use end::{Stop, rejected, trap_at_the_end_of_the_stack, trapped};
pub use wasi::{CALLS, Call, Memory, WASI, proc_exit, transfer};

/// An engine, as its program gives it to [`main`].
pub struct Host {
    /// The engine's version.
    pub version: &'static str,
    /// Its tiers, the default one first.
    pub tiers: &'static [&'static str],
    /// Makes of a module, at a tier, what is kept of it to run again.
    pub prepare: fn(&[u8], &str) -> Result<Vec<u8>, Stop>,
    /// Runs `_start` of what `prepare` made, at the same tier, to its end.
    pub run: fn(&[u8], &str) -> Result<(), Stop>,
}

impl Host {
    /// An engine with one tier, which takes a module as it is.
    pub const fn interpreter(
        version: &'static str,
        run: fn(&[u8], &str) -> Result<(), Stop>,
    ) -> Host {
        Host { version, tiers: &["default"], prepare: |module, _| Ok(module.to_vec()), run }
    }

    fn accept(&self, module: &[u8], tier: &str) -> Result<Vec<u8>, Stop> {
        module::check(module)?;
        (self.prepare)(module, tier)
    }
}

/// Does what the command line says, and ends the process.
pub fn main(host: Host) -> ! {
    let (tier, module) = match arguments(&host) {
        Ok(said) => said,
        Err(stop) => end::exit(Err(stop)),
    };
    match module {
        None => serve::serve(&host, &tier),
        Some(path) => end::exit(filter(&host, &tier, &path)),
    }
}

/// The tier, and the module's path unless jobs are to be served.
fn arguments(host: &Host) -> Result<(String, Option<String>), Stop> {
    let mut tier = host.tiers[0].to_owned();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--tier" => tier = arguments.next().unwrap_or_default(),
            _ if !host.tiers.contains(&tier.as_str()) => break,
            "--serve" => return Ok((tier, None)),
            _ => return Ok((tier, Some(argument))),
        }
    }
    Err(Stop::Host(format!("expected [--tier {:?}] MODULE or --serve", host.tiers)))
}

fn filter(host: &Host, tier: &str, path: &str) -> Result<(), Stop> {
    let module = std::fs::read(path).map_err(|error| Stop::Host(format!("{path}: {error}")))?;
    (host.run)(&host.accept(&module, tier)?, tier)
}
