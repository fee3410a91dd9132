//! The way of log lines to standard error.
//!
//! A line costs a system call, which is a good part of what a request costs. And a reader of the log that hangs would
//! hold up every worker thread. So lines are gathered for a few milliseconds and written by a thread of their own; when
//! it cannot keep up, lines are lost and counted, and no request waits.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// For how long lines are gathered before they are written.
const GATHER: Duration = Duration::from_millis(5);

/// How many bytes of lines may wait.
const CAPACITY: usize = 4 * 1024 * 1024;

/// How long the end of the process waits for a reader of the log.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes lines; never waits for whoever reads them.
#[derive(Debug, Clone)]
pub(super) struct LineWriter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    arrived: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: Vec<u8>,
    lost: u64,
    /// Whether the thread holds lines that it has not written yet.
    writing: bool,
}

impl LineWriter {
    /// Starts the thread that writes to `target`.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub(super) fn start(mut target: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let writer = Self(Arc::clone(&shared));
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                loop {
                    let batch = shared.next_batch();
                    // Nobody is left to be told of an error.
                    _ = target.write_all(&batch).and_then(|()| target.flush());
                    shared.lock().writing = false;
                    shared.written.notify_all();
                }
            })?;
        Ok(writer)
    }

    /// Waits until every line is written, for a second at most.
    pub(super) fn finish(&self) {
        let busy = |lines: &mut Lines| lines.writing || !lines.waiting.is_empty();
        // Whether it was in time changes nothing any more.
        _ = self
            .0
            .written
            .wait_timeout_while(self.0.lock(), PATIENCE, busy);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        // A panic between two statements on the lines leaves nothing half done.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for lines, and a little longer for more of them.
    fn next_batch(&self) -> Vec<u8> {
        let mut lines = self.lock();
        while lines.waiting.is_empty() {
            lines = self
                .arrived
                .wait(lines)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(lines);
        thread::sleep(GATHER);
        let mut lines = self.lock();
        lines.writing = true;
        let capacity = lines.waiting.capacity();
        let mut batch = mem::replace(
            &mut lines.waiting,
            Vec::with_capacity(capacity.min(64 * 1024)),
        );
        if lines.lost > 0 {
            let lost = mem::take(&mut lines.lost);
            batch.extend_from_slice(
                format!("{lost} lines were lost: the log was not read\n").as_bytes(),
            );
        }
        batch
    }
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.lock();
        if lines.waiting.len() + line.len() > CAPACITY {
            lines.lost += 1;
            return Ok(line.len());
        }
        let is_first = lines.waiting.is_empty();
        lines.waiting.extend_from_slice(line);
        drop(lines);
        if is_first {
            self.0.arrived.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A reader of the log that takes a batch only when it is let.
    struct Reader {
        turn: Receiver<()>,
        read: Sender<Vec<u8>>,
    }

    impl Write for Reader {
        fn write(&mut self, batch: &[u8]) -> io::Result<usize> {
            self.turn.recv().map_err(io::Error::other)?;
            self.read.send(batch.to_vec()).map_err(io::Error::other)?;
            Ok(batch.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn writer() -> (LineWriter, Sender<()>, Receiver<Vec<u8>>) {
        let ((let_read, turn), (read, batches)) = (channel(), channel());
        (
            LineWriter::start(Reader { turn, read }).unwrap(),
            let_read,
            batches,
        )
    }

    #[test]
    fn every_line_arrives_whole_and_in_its_place() {
        let (mut writer, let_read, batches) = writer();
        let lines: Vec<String> = (0..1000).map(|n| format!("line {n}\n")).collect();
        for line in &lines {
            writer.write_all(line.as_bytes()).unwrap();
        }
        let mut arrived = Vec::new();
        while arrived.len() < lines.concat().len() {
            let_read.send(()).unwrap();
            arrived.extend(batches.recv().unwrap());
        }
        assert_eq!(String::from_utf8(arrived).unwrap(), lines.concat());
    }

    #[test]
    fn the_end_waits_for_what_is_not_written_yet() {
        let (mut writer, let_read, batches) = writer();
        writer.write_all(b"last words\n").unwrap();
        let_read.send(()).unwrap();
        writer.finish();
        assert_eq!(batches.try_recv().unwrap(), b"last words\n");
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nobody_up_and_says_what_it_lost() {
        let (mut writer, let_read, batches) = writer();
        let line = [b'x'; 64 * 1024];
        // Three times of what may wait: one part of it may be with the reader, the rest cannot be kept.
        for _ in 0..3 * CAPACITY / line.len() {
            writer.write_all(&line).unwrap();
        }
        let mut arrived = Vec::new();
        let told = "lines were lost: the log was not read\n";
        while !arrived.ends_with(told.as_bytes()) {
            let_read.send(()).unwrap();
            arrived.extend(batches.recv().unwrap());
        }
        assert!(arrived.len() < 2 * CAPACITY + line.len());
    }
}
