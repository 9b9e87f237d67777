//! Runs one child: feeds it, reads it, and ends it at its deadline.
//!
//! One `poll` loop serves standard input, output and error, so neither side can block the other.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};

use crate::error::Error;
use crate::namespace::Namespace;

/// No ruleset is larger: 1 GiB.
const MAX_STDOUT: usize = 1 << 30;
/// Complaints beyond 16 MiB are dropped.
const MAX_STDERR: usize = 1 << 24;
/// How often an exit is looked for on kernels without pidfd (before 5.3).
const TICK: Duration = Duration::from_millis(10);

/// What a program left behind.
#[derive(Debug)]
#[non_exhaustive]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, at most 16 MiB.
    pub stderr: Vec<u8>,
}

/// One run.
pub(crate) struct Request<'a> {
    /// Named in errors.
    pub(crate) tool: &'a Path,
    /// With arguments and environment; not yet with pipes.
    pub(crate) command: Command,
    /// Where it is started.
    pub(crate) namespace: &'a Namespace,
    /// Standard input.
    pub(crate) input: &'a [u8],
    /// Killed after this time.
    pub(crate) deadline: Duration,
}

/// Replaces the environment: root's iptables loads code from `XTABLES_LIBDIR`, and its messages are parsed.
pub(crate) fn isolate(command: &mut Command) {
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C").current_dir("/");
}

/// Runs the command to its end.
///
/// The child gets a process group of its own, so that a kill at the deadline reaches what it started and nothing else.
pub(crate) fn run(request: Request<'_>) -> Result<Output, Error> {
    let Request { tool, mut command, namespace, input, deadline } = request;
    let failed = |source| Error::Run { tool: tool.to_owned(), source };

    let (reader, writer) = io::pipe().map_err(failed)?;
    command.stdin(reader.try_clone().map_err(failed)?).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0);
    let mut child = namespace.spawn(&mut command).map_err(failed)?;

    let mut talk = Talk::new(&mut child, input, writer, reader);
    let end = Instant::now().checked_add(deadline);
    let ended = talk.until(end);
    if let (Some(pid), false) = (talk.pid, matches!(ended, Ok(End::Exited))) {
        // Fails only if nothing is left to kill.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    // Reaps. Until here the child was at least a zombie, so its process id could not have been given to another.
    let status = child.wait().map_err(failed)?;
    match ended.map_err(failed)? {
        End::Deadline => Err(Error::Deadline { tool: tool.to_owned(), after: deadline }),
        End::TooMuch => Err(Error::TooMuchOutput { tool: tool.to_owned(), limit: MAX_STDOUT }),
        End::Exited => Ok(Output { status, stdout: talk.stdout.content, stderr: talk.stderr.content }),
    }
}

enum End {
    Exited,
    Deadline,
    TooMuch,
}

/// The three pipes of a running child.
struct Talk<'a> {
    input: &'a [u8],
    writer: Option<PipeWriter>,
    /// Our own end to read from: while it is open, writing to a dead child can't raise SIGPIPE, which would end a
    /// program that has set it back to its default.
    _reader: PipeReader,
    stdout: Stream,
    stderr: Stream,
    pid: Option<Pid>,
    /// Becomes readable when the child exits; `None` where the kernel has no such thing.
    exit: Option<OwnedFd>,
}

/// One pipe that the child writes to.
struct Stream {
    pipe: Option<OwnedFd>,
    content: Vec<u8>,
    limit: usize,
}

impl<'a> Talk<'a> {
    fn new(child: &mut Child, input: &'a [u8], writer: PipeWriter, reader: PipeReader) -> Talk<'a> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Talk {
            input,
            writer: Some(writer),
            _reader: reader,
            stdout: Stream::new(child.stdout.take().map(Into::into), MAX_STDOUT),
            stderr: Stream::new(child.stderr.take().map(Into::into), MAX_STDERR),
            pid,
            exit: pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()),
        }
    }

    /// Serves the pipes until the child exits or the time is over.
    fn until(&mut self, end: Option<Instant>) -> io::Result<End> {
        self.unblock()?;
        loop {
            self.write()?;
            let exited = self.has_exited()?;
            // In this order: what was written before the exit is in the pipes by now. What a grandchild still holds
            // open is not waited for.
            self.stdout.read()?;
            self.stderr.read()?;
            if self.stdout.content.len() > MAX_STDOUT {
                return Ok(End::TooMuch);
            }
            if exited {
                return Ok(End::Exited);
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(End::Deadline);
            }
            self.wait(left)?;
        }
    }

    /// Does not reap, so that the process id stays the child's.
    fn has_exited(&self) -> io::Result<bool> {
        if let Some(exit) = &self.exit {
            return is_ready(exit);
        }
        let Some(pid) = self.pid else { return Ok(true) };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(pid), options)?.is_some())
    }

    fn unblock(&self) -> io::Result<()> {
        self.writer.iter().try_for_each(unblock)?;
        self.stdout.pipe.iter().chain(&self.stderr.pipe).try_for_each(unblock)
    }

    fn write(&mut self) -> io::Result<()> {
        while let Some(writer) = &mut self.writer {
            if self.input.is_empty() {
                self.writer = None;
                break;
            }
            match writer.write(self.input) {
                Ok(written) => self.input = self.input.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sleeps until something can be done.
    fn wait(&self, left: Option<Duration>) -> io::Result<()> {
        let mut ready = Vec::with_capacity(4);
        ready.extend(self.writer.iter().map(|fd| PollFd::new(fd, PollFlags::OUT)));
        let readable = [&self.stdout.pipe, &self.stderr.pipe, &self.exit];
        ready.extend(readable.into_iter().flatten().map(|fd| PollFd::new(fd, PollFlags::IN)));
        let left = match &self.exit {
            Some(_) => left,
            None => Some(left.map_or(TICK, |left| left.min(TICK))),
        };
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Stream {
    fn new(pipe: Option<OwnedFd>, limit: usize) -> Stream {
        Stream { pipe, content: Vec::new(), limit }
    }

    /// Reads what is there. Beyond the limit one byte is kept as a sign, the rest is dropped.
    ///
    /// At most 2 MiB at a time, more than any pipe holds: a child that never stops writing must not keep us from
    /// looking at the clock.
    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1 << 16];
        for _ in 0..32 {
            let Some(pipe) = &self.pipe else { break };
            match rustix::io::read(pipe, &mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(length) => {
                    let room = (self.limit + 1).saturating_sub(self.content.len());
                    self.content.extend_from_slice(buffer.get(..length.min(room)).unwrap_or_default());
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn unblock(fd: &impl AsFd) -> io::Result<()> {
    Ok(fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?)
}

fn is_ready(fd: &OwnedFd) -> io::Result<bool> {
    match poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a script as on a kernel without pidfd.
    fn without_pidfd(script: &str, input: &[u8], deadline: Duration) -> (End, Vec<u8>) {
        let (reader, writer) = io::pipe().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(reader.try_clone().unwrap());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let mut talk = Talk::new(&mut child, input, writer, reader);
        talk.exit = None;
        let end = talk.until(Some(Instant::now() + deadline)).unwrap();
        kill_process_group(talk.pid.unwrap(), Signal::KILL).unwrap();
        child.wait().unwrap();
        (end, talk.stdout.content)
    }

    #[test]
    fn an_old_kernel_without_pidfd_will_do() {
        let input = vec![b'x'; 1 << 20];
        let (end, output) = without_pidfd("cat; exit 3", &input, Duration::from_secs(20));
        assert!(matches!(end, End::Exited) && output == input);
        let (end, output) = without_pidfd("echo a; sleep 100", b"", Duration::from_millis(200));
        assert!(matches!(end, End::Deadline) && output == b"a\n");
    }

    #[test]
    fn a_child_that_never_stops_writing_meets_its_deadline() {
        let (end, _) = without_pidfd("exec yes", b"", Duration::from_millis(20));
        assert!(matches!(end, End::Deadline | End::TooMuch));
    }
}
