//! Starts, watches and stops a frostline artifact from an application.
//! It needs the standard library only. The artifact's lines are JSON; use any parser.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// A running artifact. Dropping it stops it.
pub struct Sidecar {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Sidecar {
    /// Start the artifact; it stops when this process ends, even if it is killed.
    pub fn start(executable: &Path, arguments: &[&str]) -> std::io::Result<Sidecar> {
        let mut command = Command::new(executable);
        command
            .args(["--lifeline", "stdin", "--shell-pid", &std::process::id().to_string()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        #[cfg(windows)]
        {
            use std::os::windows::process::CommandExt;
            command.creation_flags(0x0800_0000); // no console window
        }
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Sidecar { child, stdin, lines })
    }

    /// Return the ready line, with addresses and token; an error if it ended or took too long.
    pub fn wait_ready(&mut self, patience: Duration) -> Result<String, String> {
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if is_event(&line, "ready") => return Ok(line),
                Ok(line) if is_event(&line, "fatal") => return Err(line),
                Ok(_) => continue,
                Err(RecvTimeoutError::Timeout) => return Err("it was not ready in time".into()),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(match self.child.wait() {
                        Ok(status) => format!("it ended: {status}"),
                        Err(error) => error.to_string(),
                    })
                }
            }
        }
    }

    /// Return the artifact's next line, or None after *patience*.
    pub fn next_line(&self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Send a command, such as `{"cmd": "restart", "service": "api"}`.
    pub fn send(&mut self, command: &str) -> std::io::Result<()> {
        match &mut self.stdin {
            Some(stdin) => writeln!(stdin, "{command}"),
            None => Ok(()),
        }
    }

    /// Ask the artifact to stop and wait until it has ended; kill it after *patience*.
    pub fn stop(&mut self, patience: Duration) -> std::io::Result<()> {
        drop(self.stdin.take()); // the lifeline: the artifact stops when it closes
        let end = Instant::now() + patience;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > end {
                self.child.kill()?;
                self.child.wait()?;
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Return the artifact's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.stop(Duration::from_secs(15));
    }
}

fn is_event(line: &str, name: &str) -> bool {
    line.starts_with('{') && line.contains(&format!("\"event\": \"{name}\""))
}
