//! `apiseal inspect`: the census before a key is retired.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use apiseal::{Context, FieldCipher, Kid, Limits, Lines, Part, Policy, Sighting};
use clap::Args;

use crate::args::KeyringArgs;
use crate::crypt::pairs;
use crate::feed::Output;
use crate::keyring::load;
use crate::ndjson::{self, Keeping, NdjsonArgs, Places};
use crate::output::{Failure, Result, print, quoted, read_document, read_text};

// The keyring serves --verify only.
#[derive(Args)]
#[command(mut_arg("keyring", |arg| arg.required(false).requires("verify")))]
pub(crate) struct InspectArgs {
    /// Print one object a key instead: how many strings name it, and their characters in all.
    #[arg(long)]
    summary: bool,
    /// Exit with 1 if any string names this key, or is a field string whose key is not known.
    #[arg(long, value_name = "KID")]
    fail_if_kid: Option<String>,
    /// Decrypt the document first, all or nothing; what the policy selects is then marked as authenticated. Needs
    /// --keyring, --policy and --context.
    #[arg(long, requires_all = ["keyring", "policy", "context"])]
    verify: bool,
    #[command(flatten)]
    keyring: Option<KeyringArgs>,
    /// The policy file, for --verify.
    #[arg(long, value_name = "FILE", requires = "verify")]
    policy: Option<PathBuf>,
    /// A pair of the context, for --verify; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", requires = "verify")]
    context: Vec<String>,
    /// The document; standard input if left out or `-`.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    ndjson: NdjsonArgs,
}

pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    let wanted = args.fail_if_kid.as_deref().map(Kid::parse).transpose()?;
    let verifier = match (args.verify, &args.keyring, &args.policy) {
        (true, Some(keyring), Some(policy)) => {
            let policy = Policy::from_json(&read_text(policy)?)?;
            let context = Context::from_pairs(pairs("--context", &args.context)?)?;
            Some((FieldCipher::new(load(keyring)?, policy)?, context))
        }
        (false, None, _) => None,
        _ => return Err(Failure::Usage("a keyring is for --verify only".to_owned())),
    };
    let look = move |document: &[u8]| match &verifier {
        Some((cipher, context)) => cipher.inspect(document, context),
        None => apiseal::inspect(document, &Limits::default()),
    };
    let totals = Arc::new(Mutex::new(Totals::default()));
    let looked = if args.ndjson.ndjson {
        let (totals, silent) = (Arc::clone(&totals), args.summary);
        let (input, keeping) = (args.file.as_deref(), Keeping::Usual);
        let places = Places { input, output: None, in_place: false, keeping };
        ndjson::run(&args.ndjson, places, |source, options| {
            Lines::new(source, options, move |line| {
                let sightings = look(line)?;
                totals.lock().unwrap_or_else(PoisonError::into_inner).add(&sightings);
                Ok(Seen { sightings, silent })
            })
        })
    } else {
        let sightings = look(&read_document(args.file.as_deref())?)?;
        totals.lock().unwrap_or_else(PoisonError::into_inner).add(&sightings);
        let lines: String = sightings.iter().map(|sighting| describe(sighting, None)).collect();
        if args.summary { Ok(()) } else { print(lines.as_bytes()) }
    };
    let totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
    let printed = if args.summary { print(totals.lines().as_bytes()) } else { Ok(()) };
    // Of lines that could not be read nothing is known: that comes before any answer. Nor is a census that nobody
    // waited for the answer that was asked for.
    looked.and(printed).map_err(|failure| match failure {
        Failure::ClosedPipe if wanted.is_some() => Failure::CutOff,
        other => other,
    })?;
    wanted.map_or(Ok(()), |kid| totals.refuse_if_used(&kid))
}

/// What stands in one line of a stream.
struct Seen {
    sightings: Vec<Sighting>,
    silent: bool,
}

impl Output for Seen {
    const KEEPS_LINES: bool = false;

    fn bytes(&self, number: u64) -> Cow<'_, [u8]> {
        let shown = self.sightings.iter().filter(|_| !self.silent);
        let lines: String = shown.map(|sighting| describe(sighting, Some(number))).collect();
        Cow::Owned(lines.into_bytes())
    }

    fn fault(&self) -> Option<Failure> {
        None
    }
}

/// One JSON object, with the line's number in a stream.
fn describe(sighting: &Sighting, line: Option<u64>) -> String {
    let line = line.map_or_else(String::new, |line| format!("\"line\":{line},"));
    format!(
        "{{{line}\"path\":{},\"layout\":\"{}\",\"part\":\"{}\",\"kid\":{},\"suite\":{},\"mode\":{},\"token_len\":{},\"start\":{},\"end\":{},\"authenticated\":{}}}\n",
        quoted(&sighting.path),
        sighting.part.layout().name(),
        sighting.part.name(),
        or_null(sighting.kid.as_ref().map(Kid::as_str)),
        or_null(sighting.suite.map(|suite| suite.name())),
        or_null(sighting.mode),
        sighting.len,
        sighting.start,
        sighting.end,
        sighting.authenticated,
    )
}

/// How often each key is named; first the field strings whose key is not known.
#[derive(Default)]
struct Totals(BTreeMap<Option<String>, Total>);

/// How often one key is named.
#[derive(Default)]
struct Total {
    tokens: u64,
    headers: u64,
    fields: u64,
    authenticated: u64,
    characters: usize,
}

impl Totals {
    fn add(&mut self, sightings: &[Sighting]) {
        for sighting in sightings {
            let kid = sighting.kid.as_ref().map(|kid| kid.as_str().to_owned());
            let total = self.0.entry(kid).or_default();
            match sighting.part {
                Part::Token => total.tokens += 1,
                Part::Header => total.headers += 1,
                _ => total.fields += 1,
            }
            total.authenticated += u64::from(sighting.authenticated);
            total.characters += sighting.len;
        }
    }

    /// One object a key, by id.
    fn lines(&self) -> String {
        let line = |(kid, total): (&Option<String>, &Total)| {
            let Total { tokens, headers, fields, authenticated, characters } = total;
            format!(
                "{{\"kid\":{},\"tokens\":{tokens},\"headers\":{headers},\"fields\":{fields},\"token_len\":{characters},\"authenticated\":{authenticated}}}\n",
                or_null(kid.as_deref()),
            )
        };
        self.0.iter().map(line).collect()
    }

    fn refuse_if_used(&self, kid: &Kid) -> Result<()> {
        let strings = |kid: Option<&str>| {
            let total = self.0.get(&kid.map(str::to_owned));
            total.map_or(0, |total| total.tokens + total.headers + total.fields)
        };
        match (strings(Some(kid.as_str())), strings(None)) {
            (0, 0) => Ok(()),
            (0, unknown) => Err(Failure::Refused(format!(
                "{unknown} field strings have no header or several; key {kid} may have encrypted them"
            ))),
            (uses, _) => Err(Failure::Refused(format!("key {kid} is in use: {uses} strings name it"))),
        }
    }
}

fn or_null(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), quoted)
}
