//! `apiseal protect` and `apiseal accept`: fields and signature of an HTTP message in one.

use std::path::PathBuf;

use apiseal::{
    Acceptor, Context, FieldCipher, NoReplayCheck, Policy, Protector, Signer, SystemClock, Verifier,
};
use clap::Args;

use crate::crypt::pairs;
use crate::http::Text;
use crate::keyring::load;
use crate::output::{Result, print_whole, read_document, read_text, replace};
use crate::sign::{ProfileArgs, check_replay, proofs, verifier};

/// What is encrypted, and under which context.
#[derive(Args)]
pub(crate) struct FieldArgs {
    /// The policy file.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// A pair of the context; may be repeated. `purpose` is required. Principal and direction are added.
    #[arg(long, value_name = "NAME=VALUE", required = true)]
    context: Vec<String>,
}

#[derive(Args)]
pub(crate) struct ProtectArgs {
    #[command(flatten)]
    profile: ProfileArgs,
    #[command(flatten)]
    fields: FieldArgs,
    /// Sign with this key; else with the only one that serves the profile, or the primary one.
    #[arg(long, value_name = "KID")]
    key: Option<String>,
    /// The label of the signature, which carries no meaning.
    #[arg(long, default_value = "sig")]
    label: String,
}

#[derive(Args)]
pub(crate) struct AcceptArgs {
    #[command(flatten)]
    profile: ProfileArgs,
    #[command(flatten)]
    fields: FieldArgs,
    /// The service is known to clients by another origin than the one that it is reached by; may be repeated.
    #[arg(long, value_name = "RECEIVED=SCHEME://AUTHORITY")]
    origin: Vec<String>,
    /// Accept a copy of a message that was accepted before. For requests this has to be said.
    #[arg(long)]
    no_replay_check: bool,
    /// Write what was proved to this file, as `apiseal verify` prints it.
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
}

impl FieldArgs {
    fn policy(&self) -> Result<(Policy, Context)> {
        let policy = Policy::from_json(&read_text(&self.policy)?)?;
        Ok((policy, Context::from_pairs(pairs("--context", &self.context)?)?))
    }
}

pub(crate) fn protect(args: &ProtectArgs) -> Result<()> {
    let own = &args.profile;
    let (profile, (policy, context)) = (own.profile()?, args.fields.policy()?);
    let document = read_document(own.file())?;
    let text = Text::read(&document)?;
    text.check_uncoded()?;
    own.check_request(&text)?;
    let request = own.request_document()?;
    let ring = load(own.keyring())?;
    let mut signer = Signer::new(ring.clone(), profile.clone()).label(&args.label)?;
    if let Some(kid) = &args.key {
        signer = signer.key(kid);
    }
    let protector = Protector::new(FieldCipher::new(ring.clone(), policy)?, signer)?;
    let message = text.message(own.scheme());
    let protected = match &request {
        None => protector.protect(&message, &context)?,
        Some(request) => {
            let request = Text::read(request)?;
            let request = request.message(own.scheme());
            let verified = Verifier::new(ring, profile, NoReplayCheck).verify(&request, &SystemClock)?;
            protector.protect_response(&message, &verified, &context)?
        }
    };
    print_whole(&text.replaced(protected.headers(), protected.body()))
}

pub(crate) fn accept(args: &AcceptArgs) -> Result<()> {
    let own = &args.profile;
    let (profile, (policy, context)) = (own.profile()?, args.fields.policy()?);
    let document = read_document(own.file())?;
    let text = Text::read(&document)?;
    own.check_request(&text)?;
    check_replay(&text, args.no_replay_check)?;
    let request = own.request_document()?;
    let ring = load(own.keyring())?;
    let verifier = verifier(ring.clone(), profile, &args.origin)?;
    let acceptor = Acceptor::new(FieldCipher::new(ring, policy)?, verifier)?;
    let message = text.message(own.scheme());
    let accepted = match &request {
        None => acceptor.accept(&message, |_| Ok(context))?,
        Some(request) => {
            let request = Text::read(request)?;
            let request = request.message(own.scheme());
            let sent = acceptor.verifier().verify(&request, &SystemClock)?;
            acceptor.accept_response(&message, &sent, |_| Ok(context))?
        }
    };
    let (verified, document) = accepted.into_parts();
    if let Some(path) = &args.proof {
        replace(path, proofs(&verified).as_bytes())?;
    }
    print_whole(&document)
}
