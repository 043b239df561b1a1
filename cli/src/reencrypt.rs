//! `apiseal reencrypt`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use apiseal::lines::Blocks;
use apiseal::{Audit, Code, Context, Event, FieldCipher, Keyring, Operation, Policy, Reencryption};
use clap::Args;

use crate::args::{KeyringArgs, output_file};
use crate::crypt::{check_in_place, check_output, deliver, pairs};
use crate::keyring::load;
use crate::ndjson::{self, Keeping, NdjsonArgs, Places};
use crate::output::{Failure, Result, print, quoted, read_document, read_text};
use crate::part::Part;

#[derive(Args)]
pub(crate) struct ReencryptArgs {
    #[command(flatten)]
    keyring: KeyringArgs,
    /// The policy file, for both sides.
    #[arg(long, value_name = "FILE", required_unless_present_all = ["from_policy", "to_policy"])]
    policy: Option<PathBuf>,
    /// The policy by which the documents were encrypted.
    #[arg(long, value_name = "FILE")]
    from_policy: Option<PathBuf>,
    /// The policy by which they are encrypted anew.
    #[arg(long, value_name = "FILE")]
    to_policy: Option<PathBuf>,
    /// A pair of the context, for both sides; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", required_unless_present_all = ["from_context", "to_context"])]
    context: Vec<String>,
    /// A pair of the context under which the documents were encrypted; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "context", requires = "to_context")]
    from_context: Vec<String>,
    /// A pair of the context under which they are encrypted anew; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "context", requires = "from_context")]
    to_context: Vec<String>,
    /// Let values that the new policy does not protect come out in clear; without this they are an error.
    #[arg(long)]
    leave_clear: bool,
    /// Let the new policy seal values that the old one left in clear. Nobody vouches for them: whoever could write the
    /// document chose them.
    #[arg(long)]
    seal_clear: bool,
    /// Do all of the work, write nothing, and print what would have been done.
    #[arg(long, conflicts_with_all = ["output", "in_place", "resume"])]
    dry_run: bool,
    /// Go on behind the lines that an earlier run has done, if there was one; they are kept beside the output until the
    /// end, as OUT.part, with a hash of each line of the input, as OUT.part.read. A line that fails stops the run.
    #[arg(long, requires = "ndjson", conflicts_with = "on_error")]
    resume: bool,
    /// Write to this file instead of standard output; it appears whole or not at all.
    #[arg(short, long, value_name = "OUT", conflicts_with = "in_place", value_parser = output_file())]
    output: Option<PathBuf>,
    /// Replace the input file; on any failure it stays as it was.
    #[arg(long, requires = "file")]
    in_place: bool,
    /// The document; standard input if left out or `-`.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    ndjson: NdjsonArgs,
}

/// Both sides and what is counted on the way.
#[derive(Clone)]
struct Job {
    from: FieldCipher,
    to: FieldCipher,
    from_context: Context,
    to_context: Context,
    run: Reencryption,
    counts: Counts,
}

pub(crate) fn run(args: &ReencryptArgs) -> Result<()> {
    check_in_place(args.in_place, args.file.as_deref())?;
    let policies = [&args.policy, &args.from_policy, &args.to_policy];
    let mut needed: Vec<&Path> = policies.into_iter().filter_map(|path| path.as_deref()).collect();
    needed.push(&args.keyring.keyring);
    check_output(args.output.as_deref(), &needed)?;
    let target = if args.in_place { &args.file } else { &args.output };
    if args.resume && target.is_none() {
        return Err(Failure::Usage(
            "--resume needs -o OUT or --in-place: it keeps what is done beside it".to_owned(),
        ));
    }
    let policy = |own: &Option<PathBuf>| -> Result<Policy> {
        let path = own.as_ref().or(args.policy.as_ref());
        let path = path.ok_or_else(|| Failure::Usage("--policy FILE is missing".to_owned()))?;
        Ok(Policy::from_json(&read_text(path)?)?)
    };
    let (from, to) = (policy(&args.from_policy)?, policy(&args.to_policy)?);
    let context = |option: &str, own: &[String]| -> Result<Context> {
        let (option, texts) = if own.is_empty() { ("--context", &args.context[..]) } else { (option, own) };
        Ok(Context::from_pairs(pairs(option, texts)?)?)
    };
    let from_context = context("--from-context", &args.from_context)?;
    let to_context = context("--to-context", &args.to_context)?;
    let sides = [(from, from_context), (to, to_context)];
    let job = Job::new(&load(&args.keyring)?, sides, args)?;
    let done = if args.ndjson.ndjson { lines(args, &job, target.as_deref()) } else { document(args, &job) };
    // Standard output is free where the documents go elsewhere.
    if args.dry_run || target.is_some() && done.is_ok() {
        print(job.counts.line().as_bytes())?;
    }
    done
}

fn document(args: &ReencryptArgs, job: &Job) -> Result<()> {
    let output = job.reencrypt(&read_document(args.file.as_deref())?)?;
    if args.dry_run {
        return Ok(());
    }
    deliver(args.file.as_deref(), args.output.as_deref(), args.in_place, &output)
}

fn lines(args: &ReencryptArgs, job: &Job, target: Option<&Path>) -> Result<()> {
    let same = |input: &[u8], output: &[u8]| job.is_same(input, output);
    let keeping = match target {
        _ if args.dry_run => Keeping::Nothing,
        Some(target) if args.resume => Keeping::Part(Part::open(target, args.file.as_deref())?, &same),
        _ => Keeping::Usual,
    };
    let places = Places {
        input: args.file.as_deref(),
        output: args.output.as_deref(),
        in_place: args.in_place,
        keeping,
    };
    let job = job.clone();
    ndjson::run(&args.ndjson, places, |source, options| {
        Blocks::new(source, options, move |line| match job.reencrypt(line)? {
            // A value that is left in clear may have line breaks.
            document if document.contains(&b'\n') => Err(Code::LineBreak.into()),
            document => Ok(document),
        })
    })
}

impl Job {
    fn new(ring: &Keyring, sides: [(Policy, Context); 2], args: &ReencryptArgs) -> Result<Self> {
        let counts = Counts::default();
        let cipher = |policy| FieldCipher::builder(ring.clone(), policy).audit(counts.clone()).build();
        let [(from, from_context), (to, to_context)] = sides;
        let (from, to) = (cipher(from)?, cipher(to)?);
        let run = Reencryption::new(from.clone(), to.clone())
            .leave_clear(args.leave_clear)
            .seal_clear(args.seal_clear);
        Ok(Job { from, to, from_context, to_context, run, counts })
    }

    fn reencrypt(&self, document: &[u8]) -> apiseal::Result<Vec<u8>> {
        let result = self.run.run(document, &self.from_context, &self.to_context);
        let counts = &self.counts.0;
        match result {
            Ok(done) => {
                counts.documents.fetch_add(1, Ordering::Relaxed);
                counts.values.fetch_add(done.opened, Ordering::Relaxed);
                counts.left_clear.fetch_add(done.left_clear, Ordering::Relaxed);
                Ok(done.bytes)
            }
            Err(error) => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Whether both open, to the same document. What does not open was not made by this job.
    fn is_same(&self, input: &[u8], output: &[u8]) -> Result<bool> {
        let counted = self.counts.0.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let before = self.from.decrypt(input, &self.from_context);
        let after = self.to.decrypt(output, &self.to_context);
        // A new token is never the old one: only a document without any stays as it was.
        let moved = input != output
            || self.run.run(input, &self.from_context, &self.to_context).is_ok_and(|done| done.opened == 0);
        *self.counts.0.keys.lock().unwrap_or_else(PoisonError::into_inner) = counted;
        Ok(moved && matches!((before, after), (Ok(before), Ok(after)) if before[..] == after[..]))
    }
}

/// What was done, told by the ciphers themselves.
#[derive(Clone, Default)]
struct Counts(Arc<Counted>);

#[derive(Default)]
struct Counted {
    documents: AtomicU64,
    failed: AtomicU64,
    values: AtomicU64,
    left_clear: AtomicU64,
    /// Values by key, decrypted and encrypted; of calls that succeeded.
    keys: Mutex<[BTreeMap<String, u64>; 2]>,
}

impl Audit for Counts {
    fn event(&self, event: &Event<'_>) {
        let (None, Some(kid)) = (event.failure, event.key_id) else { return };
        let mut keys = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let [decrypted, encrypted] = &mut *keys;
        let side = if event.operation == Operation::Encrypt { encrypted } else { decrypted };
        *side.entry(kid.to_owned()).or_default() += event.count;
    }
}

impl Counts {
    /// One JSON object.
    fn line(&self) -> String {
        let number = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let keys = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let side = |side: &BTreeMap<String, u64>| {
            let members: Vec<String> =
                side.iter().map(|(kid, count)| format!("{}:{count}", quoted(kid))).collect();
            format!("{{{}}}", members.join(","))
        };
        let [decrypted, encrypted] = &*keys;
        format!(
            "{{\"documents\":{},\"failed\":{},\"values\":{},\"left_clear\":{},\"from\":{},\"to\":{}}}\n",
            number(&self.0.documents),
            number(&self.0.failed),
            number(&self.0.values),
            number(&self.0.left_clear),
            side(decrypted),
            side(encrypted),
        )
    }
}
