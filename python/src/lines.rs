//! NDJSON: one document a line, with worker threads and constant memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use apiseal::lines::{Block, Blocks};
use apiseal::{Context, LineOptions};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyIterator, PyString};

use crate::document::{Document, Form};
use crate::error::{self, Answer, Fault, in_use};

/// What is done with each line.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt { decimals: bool },
}

/// What a run is told.
pub(crate) struct LineSource<'s, 'py> {
    pub(crate) source: &'s Bound<'py, PyAny>,
    pub(crate) threads: usize,
    pub(crate) max_line: Option<usize>,
    pub(crate) on_error: Option<Bound<'py, PyAny>>,
    pub(crate) direction: Direction,
}

/// An iterator over lines that are done. Its source is read as it is pulled.
#[pyclass(frozen, module = "apiseal")]
pub(crate) struct Lines {
    /// Taken for the length of one step; nobody waits for it while holding the interpreter's lock.
    state: Mutex<State>,
}

struct State {
    blocks: Option<Blocks>,
    shared: Arc<Shared>,
    current: Option<Current>,
    on_error: Option<Py<PyAny>>,
    decimals: bool,
}

/// The block that is being handed out.
struct Current {
    block: Block,
    /// Where the next line begins.
    from: usize,
    /// How many of the lines that failed were told.
    told: usize,
}

/// What the reader tells the consumer.
#[derive(Default)]
struct Shared {
    /// What the source raised.
    raised: Mutex<Option<PyErr>>,
    /// Of an iterable, what is known of each line on its way.
    items: Mutex<VecDeque<Item>>,
    /// Of a stream, whether it gives text.
    is_text: Mutex<bool>,
}

/// An item of an iterable.
struct Item {
    form: Form,
    /// It came without a line end.
    is_bare: bool,
    /// Why it has no JSON text: the line that stands for it fails.
    fault: Option<PyErr>,
}

/// A line, or what to do about one that failed.
enum Step {
    Line(Range<usize>),
    Failed { number: u64, error: apiseal::Error },
    Pull,
}

impl Lines {
    pub(crate) fn start(
        cipher: &apiseal::FieldCipher,
        context: &Context,
        work: LineSource<'_, '_>,
    ) -> Answer<Self> {
        let mut options = LineOptions::default();
        options.threads = work.threads;
        if let Some(max_line) = work.max_line {
            options.max_line = max_line;
        }
        if let Some(own) = work.on_error.as_ref().filter(|own| !own.is_callable()) {
            return Err(Fault::of_type("a callable that takes number and error as on_error", own));
        }
        let shared = Arc::new(Shared::default());
        let source = Source::of(work.source, &shared)?;
        let (blocks, decimals) = match work.direction {
            Direction::Encrypt => (cipher.encrypt_blocks(source, context, options)?, false),
            Direction::Decrypt { decimals } => (cipher.decrypt_blocks(source, context, options)?, decimals),
        };
        let on_error = work.on_error.map(Bound::unbind);
        let state = State { blocks: Some(blocks), shared, current: None, on_error, decimals };
        Ok(Lines { state: Mutex::new(state) })
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> Answer<T>) -> Answer<T> {
        let mut state = self.state.try_lock().map_err(|_| in_use("this iterator of lines"))?;
        work(&mut state)
    }
}

#[pymethods]
impl Lines {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> Answer<Option<Bound<'py, PyAny>>> {
        self.with(|state| {
            loop {
                match state.step() {
                    Step::Line(span) => return state.line(py, span).map(Some),
                    Step::Failed { number, error } => {
                        let error = match state.shared.item().fault {
                            Some(own) => own.into_value(py).into_bound(py).into_any(),
                            None => error::object(py, &error),
                        };
                        error.setattr(intern!(py, "line"), number)?;
                        match &state.on_error {
                            Some(on_error) => drop(on_error.bind(py).call1((number, error))?),
                            None => return Err(PyErr::from_value(error).into()),
                        }
                    }
                    Step::Pull => {
                        let pulled = py.detach(|| state.pull());
                        match pulled {
                            Ok(true) => {}
                            Ok(false) => return Ok(None),
                            Err(error) => {
                                let raised = lock(&state.shared.raised).take();
                                return Err(raised.map_or_else(|| Fault::from(error), Fault::from));
                            }
                        }
                    }
                }
            }
        })
    }

    /// Stops the workers; nothing more is read.
    fn close(&self, py: Python<'_>) -> Answer<()> {
        self.with(|state| {
            state.stop(py);
            Ok(())
        })
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, py: Python<'_>, _raised: &Bound<'_, pyo3::types::PyTuple>) -> Answer<()> {
        self.close(py)
    }
}

/// An iterator that nobody closed.
impl Drop for Lines {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Where the interpreter is gone, nobody holds its lock.
        let _ = Python::try_attach(|py| state.stop(py));
    }
}

impl State {
    /// Waits for the workers, which may be waiting for the interpreter's lock: it is given away meanwhile.
    fn stop(&mut self, py: Python<'_>) {
        let (blocks, current) = (self.blocks.take(), self.current.take());
        py.detach(|| drop((blocks, current)));
    }

    fn step(&mut self) -> Step {
        let Some(current) = &mut self.current else { return Step::Pull };
        let (text, from) = (current.block.text(), current.from);
        if let Some(failed) = current.block.failed().get(current.told).filter(|failed| failed.at <= from) {
            current.told += 1;
            return Step::Failed { number: failed.number, error: failed.error.clone() };
        }
        let rest = text.get(from..).unwrap_or_default();
        if rest.is_empty() {
            return Step::Pull;
        }
        let len = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
        current.from += len;
        Step::Line(from..from + len)
    }

    /// Waits for the next block; without the interpreter's lock, which the source and callbacks may need.
    fn pull(&mut self) -> io::Result<bool> {
        self.current = None;
        match self.blocks.as_mut().and_then(Iterator::next) {
            None => Ok(false),
            Some(block) => {
                self.current = Some(Current { block: block?, from: 0, told: 0 });
                Ok(true)
            }
        }
    }

    fn line<'py>(&self, py: Python<'py>, span: Range<usize>) -> Answer<Bound<'py, PyAny>> {
        let text =
            self.current.as_ref().and_then(|current| current.block.text().get(span)).unwrap_or_default();
        let item = self.shared.item();
        let text = if item.is_bare { text.strip_suffix(b"\n").unwrap_or(text) } else { text };
        item.form.give(py, text, self.decimals)
    }
}

impl Shared {
    /// What is known of the line that comes out next.
    fn item(&self) -> Item {
        lock(&self.items).pop_front().unwrap_or_else(|| {
            let form = if *lock(&self.is_text) { Form::Text } else { Form::Bytes };
            Item { form, is_bare: false, fault: None }
        })
    }
}

/// Where lines come from.
enum Source {
    File(File),
    Python(Stream),
}

/// An object with `read`, or an iterator of lines.
struct Stream {
    own: Py<PyAny>,
    is_iterator: bool,
    shared: Arc<Shared>,
    /// What did not fit into the last read.
    rest: Vec<u8>,
    from: usize,
    /// What the iterator raised behind the lines in `rest`.
    late: Option<Fault>,
}

/// A slow iterator is not asked for more before the lines that it gave are handed out.
const PATIENCE: Duration = Duration::from_millis(1);

impl Source {
    fn of(source: &Bound<'_, PyAny>, shared: &Arc<Shared>) -> Answer<Self> {
        let py = source.py();
        let stream = |own: Bound<'_, PyAny>, is_iterator| {
            let own = own.unbind();
            let (shared, rest) = (Arc::clone(shared), Vec::new());
            Source::Python(Stream { own, is_iterator, shared, rest, from: 0, late: None })
        };
        if source.hasattr(intern!(py, "__fspath__"))? {
            return Ok(Source::File(File::open(source.extract::<PathBuf>()?)?));
        }
        // `read1` gives what a pipe holds; `read` of a buffered file waits until there is as much as was asked for.
        for name in [intern!(py, "read1"), intern!(py, "read")] {
            if let Ok(read) = source.getattr(name) {
                return Ok(stream(read, false));
            }
        }
        let wanted = "a path, a file, or an iterable of lines";
        if source.cast::<PyBytes>().is_ok() || source.cast::<PyString>().is_ok() {
            return Err(Fault::of_type(wanted, source));
        }
        Ok(stream(source.try_iter().map_err(|_| Fault::of_type(wanted, source))?.into_any(), true))
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let stream = match self {
            Source::File(file) => return file.read(into),
            Source::Python(stream) => stream,
        };
        if stream.from == stream.rest.len() {
            stream.fill(into.len())?;
        }
        let rest = stream.rest.get(stream.from..).unwrap_or_default();
        let len = rest.len().min(into.len());
        into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        stream.from += len;
        Ok(len)
    }
}

impl Stream {
    /// Asks the object for more; an exception waits for the one who pulls.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        self.rest.clear();
        self.from = 0;
        Python::attach(|py| {
            let asked = match self.late.take() {
                Some(fault) => Err(fault),
                None if self.is_iterator => self.items(py, wanted),
                None => self.piece(py, wanted),
            };
            match asked {
                Err(fault) if self.rest.is_empty() => {
                    *lock(&self.shared.raised) = Some(fault.into());
                    Err(io::Error::other("the source raised an exception"))
                }
                Err(fault) => {
                    self.late = Some(fault);
                    Ok(())
                }
                Ok(()) => Ok(()),
            }
        })
    }

    fn piece(&mut self, py: Python<'_>, wanted: usize) -> Answer<()> {
        let piece = self.own.bind(py).call1((wanted,))?;
        if let Ok(bytes) = piece.cast::<PyBytes>() {
            self.rest.extend_from_slice(bytes.as_bytes());
        } else if let Ok(text) = piece.cast::<PyString>() {
            *lock(&self.shared.is_text) = true;
            self.rest.extend_from_slice(text.to_str()?.as_bytes());
        } else if let Ok(array) = piece.cast::<PyByteArray>() {
            self.rest.extend_from_slice(&array.to_vec());
        } else {
            return Err(Fault::of_type("bytes or str from `read`", &piece));
        }
        Ok(())
    }

    /// Items until there is enough for a read, so that few steps need the interpreter's lock.
    fn items(&mut self, py: Python<'_>, wanted: usize) -> Answer<()> {
        let iterator = self.own.bind(py).cast::<PyIterator>().map_err(PyErr::from)?.clone();
        let began = Instant::now();
        for item in iterator {
            self.push(&item?)?;
            if self.rest.len() >= wanted || began.elapsed() > PATIENCE {
                break;
            }
        }
        Ok(())
    }

    fn push(&mut self, item: &Bound<'_, PyAny>) -> Answer<()> {
        let line = match Document::of(item).map_err(PyErr::from) {
            Ok(line) => line,
            Err(error) if error::is_of_document(item.py(), &error) => {
                let item = Item { form: Form::Bytes, is_bare: true, fault: Some(error) };
                lock(&self.shared.items).push_back(item);
                // No JSON: the line fails in its place among the others.
                self.rest.extend_from_slice(b"!\n");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let bytes = line.bytes()?;
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if text.contains(&b'\n') {
            return Err(Fault::argument("an item of the iterable has more than one line"));
        }
        let item = Item { form: line.form, is_bare: bytes.len() == text.len(), fault: None };
        lock(&self.shared.items).push_back(item);
        self.rest.extend_from_slice(text);
        self.rest.push(b'\n');
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
