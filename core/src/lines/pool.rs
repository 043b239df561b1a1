//! Worker threads that read a chunk one after the other and work on their chunks at the same time.
//!
//! Each chunk has a place in a queue from the moment that a worker sets out to read it; the consumer takes from the
//! front. The queue is bounded, so that a consumer that stops taking stops the reading.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, JoinHandle};

use crate::lines::Work;
use crate::lines::reader::{Chunk, LineReader};

/// Bytes of input for each thread that may be under way or wait for the consumer; one line may exceed it.
const HELD: usize = 8 << 20;

/// The consumer's side.
pub(super) struct Pool<B> {
    shared: Arc<Shared<B>>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared<B> {
    work: Work<B>,
    state: Mutex<Queue<B>>,
    /// The front of the queue is finished, or there will be nothing more.
    finished: Condvar,
    /// The source is free and there is room in the queue, or there is nothing more to do.
    free: Condvar,
    /// Nobody wants results any more.
    stopped: AtomicBool,
    /// Chunks that may be in the queue.
    places: usize,
    /// Bytes of input that may be in the queue before another chunk is read.
    held: usize,
}

struct Queue<B> {
    source: Source,
    /// Chunks that were begun and not taken, in the order of the source.
    places: VecDeque<Place<B>>,
    /// Chunks that the consumer took.
    taken: usize,
    /// Bytes of input of the chunks in the queue.
    held: usize,
    /// Workers that wait. Waking is a system call, even where nobody sleeps.
    idle: usize,
    consumer_waits: bool,
}

enum Source {
    Free(LineReader),
    /// The worker of this number reads.
    With(usize),
    Ended,
}

struct Place<B> {
    weight: usize,
    outcome: Option<Finished<B>>,
}

/// A batch, and the error of the source behind it; or the panic that came in its stead.
type Finished<B> = thread::Result<(B, Option<io::Error>)>;

impl<B: Send + 'static> Pool<B> {
    /// # Errors
    /// The system gives no thread at all. Fewer than wanted are enough.
    pub(super) fn start(reader: LineReader, work: Work<B>, threads: usize) -> io::Result<Self> {
        let queue = Queue {
            source: Source::Free(reader),
            places: VecDeque::new(),
            taken: 0,
            held: 0,
            idle: 0,
            consumer_waits: false,
        };
        let shared = Arc::new(Shared {
            work,
            state: Mutex::new(queue),
            finished: Condvar::new(),
            free: Condvar::new(),
            stopped: AtomicBool::new(false),
            places: threads.saturating_mul(4),
            held: threads.saturating_mul(HELD),
        });
        let mut workers = Vec::with_capacity(threads);
        for number in 0..threads {
            let own = Arc::clone(&shared);
            let started =
                Builder::new().name(format!("apiseal-line-{number}")).spawn(move || own.run(number));
            match started {
                Ok(worker) => workers.push(worker),
                Err(error) if workers.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(Pool { shared, workers })
    }

    pub(super) fn is_ready(&self) -> bool {
        self.shared.lock().places.front().is_some_and(|place| place.outcome.is_some())
    }

    /// The next batch, or `None` at the end.
    pub(super) fn pull(&mut self) -> Option<Finished<B>> {
        self.shared.take()
    }
}

impl<B> Drop for Pool<B> {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        self.shared.stopped.store(true, Ordering::Relaxed);
        let source = std::mem::replace(&mut queue.source, Source::Ended);
        drop(queue);
        let reading = match source {
            Source::With(number) => Some(number),
            _ => None,
        };
        self.shared.free.notify_all();
        for (number, worker) in self.workers.drain(..).enumerate() {
            if reading != Some(number) {
                // Its panics are caught; there is nothing to learn from it.
                let _ = worker.join();
            }
        }
    }
}

impl<B> Shared<B> {
    fn lock(&self) -> MutexGuard<'_, Queue<B>> {
        // No foreign code runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The front of the queue, or `None` at the end.
    fn take(&self) -> Option<Finished<B>> {
        let mut queue = self.lock();
        loop {
            if queue.places.is_empty() && matches!(queue.source, Source::Ended) {
                return None;
            }
            if let Some(outcome) = queue.places.front_mut().and_then(|place| place.outcome.take()) {
                let weight = queue.places.pop_front().map_or(0, |place| place.weight);
                queue.taken += 1;
                queue.held = queue.held.saturating_sub(weight);
                self.wake_one(queue);
                return Some(outcome);
            }
            queue.consumer_waits = true;
            queue = self.finished.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.consumer_waits = false;
        }
    }

    /// A worker's life.
    fn run(&self, number: usize) {
        let mut chunk = Chunk::default();
        while let Some((at, mut reader)) = self.claim(number) {
            // Neither the reader nor the chunk is used again after a panic.
            let read = catch_unwind(AssertUnwindSafe(|| reader.fill(&mut chunk)));
            let goes_on = read.is_ok() && !chunk.is_last();
            self.put_back(at, goes_on.then_some(reader), chunk.weight());
            let work = || (self.work)(&chunk, &self.stopped);
            let outcome = read.and_then(|()| catch_unwind(AssertUnwindSafe(work)));
            self.finish(at, outcome.map(|batch| (batch, chunk.take_error())));
        }
    }

    /// Waits until a chunk may be read; `None` when there are no more.
    fn claim(&self, number: usize) -> Option<(usize, LineReader)> {
        let mut queue = self.lock();
        loop {
            if self.stopped.load(Ordering::Relaxed) || matches!(queue.source, Source::Ended) {
                return None;
            }
            if queue.places.len() < self.places
                && queue.held < self.held
                && let Source::Free(_) = queue.source
                && let Source::Free(reader) = std::mem::replace(&mut queue.source, Source::With(number))
            {
                let at = queue.taken + queue.places.len();
                queue.places.push_back(Place { weight: 0, outcome: None });
                return Some((at, reader));
            }
            queue.idle += 1;
            queue = self.free.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    /// A worker may have something to do.
    fn wake_one(&self, queue: MutexGuard<'_, Queue<B>>) {
        let sleeps = queue.idle > 0 && matches!(queue.source, Source::Free(_));
        drop(queue);
        if sleeps {
            self.free.notify_one();
        }
    }

    /// Gives the source to the next worker, or to none.
    fn put_back(&self, at: usize, reader: Option<LineReader>, weight: usize) {
        let mut queue = self.lock();
        queue.held += weight;
        let taken = queue.taken;
        if let Some(place) = queue.places.get_mut(at - taken) {
            place.weight = weight;
        }
        // The source may have been given up meanwhile.
        let reader = reader.filter(|_| !self.stopped.load(Ordering::Relaxed));
        if let Some(reader) = reader {
            queue.source = Source::Free(reader);
            self.wake_one(queue);
        } else {
            queue.source = Source::Ended;
            drop(queue);
            self.free.notify_all();
        }
    }

    fn finish(&self, at: usize, outcome: Finished<B>) {
        let mut queue = self.lock();
        let taken = queue.taken;
        if let Some(place) = queue.places.get_mut(at - taken) {
            place.outcome = Some(outcome);
        }
        let awaited = at == taken && queue.consumer_waits;
        drop(queue);
        if awaited {
            self.finished.notify_one();
        }
    }
}
