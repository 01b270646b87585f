//! A piece of work in a forked child, with limits, and how it ended.

use std::io::{Error, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::os::unix::process::parent_id;

use crate::{Stop, end};

const TEXT_MAX: usize = 4096;

/// How a child ended.
pub struct Ended {
    /// `exit`, `trap`, `rejected`, `crash`, `limit` or `host`.
    pub end: &'static str,
    /// An exit code or a negated signal.
    pub code: i32,
    /// Why, where there is no exit code of the guest.
    pub text: String,
    /// The CPU time that it took.
    pub cpu_s: f64,
}

impl Ended {
    /// It could not even begin.
    pub fn at_fault(error: &Error) -> Ended {
        Ended { end: "host", code: 127, text: error.to_string(), cpu_s: 0.0 }
    }
}

/// Does `work` in a child that has closed `control`; returns how that ended and its result.
pub fn run(
    work: impl FnOnce() -> Result<Vec<u8>, Stop>,
    cpu_s: u64,
    control: [i32; 2],
) -> (Ended, Vec<u8>) {
    let parent = std::process::id();
    let attempt = || {
        let (mut reading, writing) = pipe()?;
        // SAFETY: this process has one thread, so that its child may do anything.
        match unsafe { libc::fork() } {
            -1 => Err(Error::last_os_error()),
            0 => {
                // SAFETY: the child uses neither of them; only the parent's files own them.
                unsafe {
                    libc::close(control[0]);
                    libc::close(control[1]);
                }
                within(work, cpu_s, parent, writing)
            }
            pid => {
                drop(writing);
                let mut said = Vec::new();
                reading.read_to_end(&mut said)?;
                Ok((wait(pid, &said)?, said))
            }
        }
    };
    attempt().unwrap_or_else(|error: Error| (Ended::at_fault(&error), Vec::new()))
}

fn within(
    work: impl FnOnce() -> Result<Vec<u8>, Stop>,
    cpu_s: u64,
    parent: u32,
    mut writing: PipeWriter,
) -> ! {
    end::report_to(writing.as_raw_fd());
    end::exit((|| {
        confine(cpu_s, parent)?;
        Ok(writing.write_all(&work()?)?)
    })())
}

/// Ends this process with its parent, and after `cpu_s`.
fn confine(cpu_s: u64, parent: u32) -> Result<(), Error> {
    limit(libc::RLIMIT_CPU, cpu_s)?;
    #[cfg(target_os = "linux")]
    // SAFETY: it takes a signal's number.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
    if parent_id() == parent { Ok(()) } else { Err(Error::other("the parent is gone")) }
}

#[cfg(target_os = "linux")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_os = "linux"))]
type Resource = libc::c_int;

/// Lowers a limit of this process.
pub fn limit(resource: Resource, wanted: u64) -> Result<(), Error> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the system reads and writes `limit` only.
    unsafe {
        libc::getrlimit(resource, &mut limit);
        limit.rlim_cur = limit.rlim_max.min(wanted);
        match libc::setrlimit(resource, &limit) {
            0 => Ok(()),
            _ => Err(Error::last_os_error()),
        }
    }
}

fn wait(pid: i32, said: &[u8]) -> Result<Ended, Error> {
    let mut status = 0;
    // SAFETY: all zero is a `rusage`, and the system writes to these two only.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        if libc::wait4(pid, &mut status, 0, &mut usage) != pid {
            return Err(Error::last_os_error());
        }
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    let text = String::from_utf8_lossy(&said[..said.len().min(TEXT_MAX)]).into_owned();
    let (end, code, text) = ended(status, text);
    Ok(Ended { end, code, text, cpu_s })
}

fn ended(status: i32, said: String) -> (&'static str, i32, String) {
    if libc::WIFSIGNALED(status) {
        return match libc::WTERMSIG(status) {
            libc::SIGXCPU => ("limit", -libc::SIGXCPU, "cpu".into()),
            libc::SIGXFSZ => ("limit", -libc::SIGXFSZ, "output".into()),
            signal => ("crash", -signal, format!("signal {signal}")),
        };
    }
    match libc::WEXITSTATUS(status) {
        134 => ("trap", 134, said),
        126 => ("rejected", 126, said),
        127 => ("host", 127, said),
        code => ("exit", code, String::new()),
    }
}
