//! Takes jobs and answers them, each a JSON object on a line of stdin and stdout.
//!
//!     out: {"ready": true, "version": "2.0.0"}
//!     in:  {"id": 1, "module": PATH, "stdin": PATH, "stdout": PATH, "stderr": PATH,
//!           "cpu_s": 10, "output_bytes": 1000000, "reuse": true}
//!     out: {"id": 1, "end": "exit" | "trap" | "rejected" | "crash" | "limit" | "host",
//!           "code": 0, "text": "", "cpu_s": 0.003}
//!
//! Each job runs in a child of this single-threaded process, forked before an engine exists. With
//! `reuse` another child prepares the module first, and what it made is kept for later jobs.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Error, Write};
use std::os::fd::{AsRawFd, FromRawFd};

use serde_json::{Value, json};

use crate::child::{self, Ended};
use crate::{Host, Stop, end};

const ARTIFACTS_MAX: usize = 32;
const PREPARE_CPU_S: u64 = 60; // a compiler's own limit: a job's is measured on compiled code

/// Answers jobs until the end of stdin.
pub fn serve(host: &Host, tier: &str) -> ! {
    end::exit(answer_all(host, tier).map_err(Stop::from))
}

fn answer_all(host: &Host, tier: &str) -> Result<(), Error> {
    let jobs = moved(0, &File::open("/dev/null")?)?;
    let mut answers = moved(1, &std::io::stderr())?;
    let control = [jobs.as_raw_fd(), answers.as_raw_fd()];
    let mut server = Server { host, tier, control, artifacts: VecDeque::new() };
    writeln!(answers, "{}", json!({"ready": true, "version": host.version}))?;
    for line in BufReader::new(jobs).lines() {
        let job: Value = serde_json::from_str(&line?)?;
        let Ended { end, code, text, cpu_s } = server.answer(&job);
        let answer =
            json!({"id": job["id"], "end": end, "code": code, "text": text, "cpu_s": cpu_s});
        writeln!(answers, "{answer}")?;
    }
    Ok(())
}

/// What descriptor `fd` is, under another number; `fd` becomes what `instead` is.
fn moved(fd: i32, instead: &impl AsRawFd) -> Result<File, Error> {
    // SAFETY: the new descriptor belongs to the file made of it and to nothing else.
    unsafe {
        let moved = libc::dup(fd);
        if moved < 0 || libc::dup2(instead.as_raw_fd(), fd) < 0 {
            return Err(Error::last_os_error());
        }
        Ok(File::from_raw_fd(moved))
    }
}

struct Server<'a> {
    host: &'a Host,
    tier: &'a str,
    control: [i32; 2],
    artifacts: VecDeque<(Vec<u8>, Vec<u8>)>, // modules and what was made of them, the oldest first
}

impl Server<'_> {
    fn answer(&mut self, job: &Value) -> Ended {
        let module = match std::fs::read(text(job, "module")) {
            Ok(module) => module,
            Err(error) => return Ended::at_fault(&error),
        };
        if job["reuse"] != true {
            return self.run(job, || self.host.accept(&module, self.tier));
        }
        if !self.artifacts.iter().any(|(known, _)| *known == module) {
            let prepare = || self.host.accept(&module, self.tier);
            let (ended, artifact) = child::run(prepare, PREPARE_CPU_S, self.control);
            if ended.code != 0 {
                return ended;
            }
            self.artifacts.truncate(ARTIFACTS_MAX - 1);
            self.artifacts.push_front((module.clone(), artifact));
        }
        let found = self.artifacts.iter().find(|(known, _)| *known == module);
        self.run(job, || Ok(found.expect("just put in").1.clone()))
    }

    fn run(&self, job: &Value, artifact: impl FnOnce() -> Result<Vec<u8>, Stop>) -> Ended {
        let work = || {
            take_files(job)?;
            (self.host.run)(&artifact()?, self.tier).map(|()| Vec::new())
        };
        child::run(work, job["cpu_s"].as_u64().unwrap_or(u64::MAX), self.control).0
    }
}

/// Makes the job's files fds 0, 1 and 2, and bounds what is written to them.
fn take_files(job: &Value) -> Result<(), Error> {
    let files = [
        File::open(text(job, "stdin")),
        File::create(text(job, "stdout")),
        File::create(text(job, "stderr")),
    ];
    for (fd, file) in (0..).zip(files) {
        moved(fd, &file?)?;
    }
    child::limit(libc::RLIMIT_FSIZE, job["output_bytes"].as_u64().unwrap_or(u64::MAX))
}

fn text<'a>(job: &'a Value, field: &str) -> &'a str {
    job[field].as_str().unwrap_or_default()
}
