//! `apiseal sign` and `apiseal verify`: HTTP message signatures (RFC 9421).

use std::path::{Path, PathBuf};

use apiseal::{Keyring, NoReplayCheck, Profile, Proof, Signer, SystemClock, Verified, Verifier};
use clap::Args;
use zeroize::Zeroizing;

use crate::args::KeyringArgs;
use crate::http::Text;
use crate::keyring::load;
use crate::output::{Failure, Result, print, print_whole, quoted, read_document, read_text};

/// What both sides need.
#[derive(Args)]
pub(crate) struct ProfileArgs {
    #[command(flatten)]
    keyring: KeyringArgs,
    /// apiseal-v1, or a profile file.
    #[arg(long, value_name = "NAME|FILE", default_value = "apiseal-v1")]
    profile: String,
    /// The scheme of the request; the text does not hold it.
    #[arg(long, default_value = "https", value_parser = ["https", "http"])]
    scheme: String,
    /// The signed request that the response answers.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// The message; standard input if left out or `-`.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    profile: ProfileArgs,
    /// Sign with this key; else with the only one that serves the profile, or the primary one.
    #[arg(long, value_name = "KID")]
    key: Option<String>,
    /// The label of the signature, which carries no meaning.
    #[arg(long, default_value = "sig")]
    label: String,
    /// Send a debug token along, by which `explain` names the lines of the signature base that differ. Shared secrets only.
    #[arg(long)]
    debug_token: bool,
    /// Print only the header lines to be added.
    #[arg(long)]
    headers_only: bool,
}

/// What every side needs that receives.
#[derive(Args)]
pub(crate) struct ReceivedArgs {
    #[command(flatten)]
    profile: ProfileArgs,
    /// The service is known to clients by another origin than the one that it is reached by; may be repeated.
    #[arg(long, value_name = "RECEIVED=SCHEME://AUTHORITY")]
    origin: Vec<String>,
}

/// A message as it was received, and the request if it is a response.
pub(crate) struct Received {
    pub(crate) document: Zeroizing<Vec<u8>>,
    pub(crate) request: Option<Zeroizing<Vec<u8>>>,
    profile: Profile,
}

impl ReceivedArgs {
    pub(crate) fn read(&self) -> Result<Received> {
        let own = &self.profile;
        let (profile, document) = (own.profile()?, read_document(own.file.as_deref())?);
        own.check_request(&Text::read(&document)?)?;
        Ok(Received { document, request: own.request_document()?, profile })
    }

    pub(crate) fn verifier(&self, received: &Received) -> Result<Verifier> {
        verifier(load(&self.profile.keyring)?, received.profile.clone(), &self.origin)
    }

    pub(crate) fn scheme(&self) -> &str {
        &self.profile.scheme
    }
}

#[derive(Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    received: ReceivedArgs,
    /// Accept a copy of a message that was accepted before. For requests this has to be said.
    #[arg(long)]
    no_replay_check: bool,
}

pub(crate) fn sign(args: &SignArgs) -> Result<()> {
    let own = &args.profile;
    let (profile, document) = (own.profile()?, read_document(own.file.as_deref())?);
    let text = Text::read(&document)?;
    text.check_uncoded()?;
    own.check_request(&text)?;
    let request = own.request_document()?;
    let ring = load(&own.keyring)?;
    let mut signer = Signer::new(ring.clone(), profile.clone()).label(&args.label)?;
    if let Some(kid) = &args.key {
        signer = signer.key(kid);
    }
    if args.debug_token {
        signer = signer.debug_token();
    }
    let message = text.message(&own.scheme);
    let signed = match &request {
        None => signer.sign(&message, &SystemClock)?,
        Some(request) => {
            let request = Text::read(request)?;
            let request = request.message(&own.scheme);
            let verified = Verifier::new(ring, profile, NoReplayCheck).verify(&request, &SystemClock)?;
            signer.sign_response(&message, &verified, &SystemClock)?
        }
    };
    if args.headers_only {
        let lines: String = signed.headers().map(|(name, value)| format!("{name}: {value}\n")).collect();
        return print(lines.as_bytes());
    }
    print_whole(&text.with(signed.headers()))
}

pub(crate) fn verify(args: &VerifyArgs) -> Result<()> {
    let received = args.received.read()?;
    let text = Text::read(&received.document)?;
    check_replay(&text, args.no_replay_check)?;
    let verifier = args.received.verifier(&received)?;
    let scheme = args.received.scheme();
    let message = text.message(scheme);
    let Some(request) = &received.request else {
        return told(&verifier.verify(&message, &SystemClock)?);
    };
    let request = Text::read(request)?;
    let request = request.message(scheme);
    let sent = verifier.verify(&request, &SystemClock)?;
    told(&verifier.verify_response(&message, &sent, &SystemClock)?)
}

/// No run remembers what another has accepted.
pub(crate) fn check_replay(text: &Text<'_>, unchecked: bool) -> Result<()> {
    if text.is_request() && !unchecked {
        let hint = "one run remembers no nonces; say --no-replay-check to accept that";
        return Err(Failure::Usage(hint.to_owned()));
    }
    Ok(())
}

pub(crate) fn verifier(ring: Keyring, profile: Profile, origins: &[String]) -> Result<Verifier> {
    let mut verifier = Verifier::new(ring, profile, NoReplayCheck);
    for origin in origins {
        let parts = origin
            .split_once('=')
            .and_then(|(received, external)| Some((received, external.split_once("://")?)));
        let Some((received, (scheme, authority))) = parts else {
            let hint = "--origin: write it as backend:8080=https://api.example";
            return Err(Failure::Usage(hint.to_owned()));
        };
        verifier = verifier.origin(received, scheme, authority)?;
    }
    Ok(verifier)
}

/// Prints what was proved.
fn told(verified: &Verified<'_>) -> Result<()> {
    print(proofs(verified).as_bytes())
}

/// What was proved, one signature a line.
pub(crate) fn proofs(verified: &Verified<'_>) -> String {
    verified.proofs().map(|proof| describe(proof, verified.body().is_some())).collect()
}

fn describe(proof: &Proof, content: bool) -> String {
    let text = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), quoted);
    let components: Vec<String> =
        proof.components().map(|(id, value)| format!("[{},{}]", quoted(id), quoted(value))).collect();
    format!(
        "{{\"kid\":{},\"principal\":{},\"label\":{},\"tag\":{},\"created\":{},\"nonce\":{},\"content\":{content},\"covered\":[{}]}}\n",
        quoted(proof.key_id()),
        text(proof.principal()),
        quoted(proof.label()),
        text(proof.tag()),
        proof.created(),
        text(proof.nonce()),
        components.join(","),
    )
}

impl ProfileArgs {
    pub(crate) fn keyring(&self) -> &KeyringArgs {
        &self.keyring
    }

    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub(crate) fn profile(&self) -> Result<Profile> {
        match self.profile.as_str() {
            "apiseal-v1" => Ok(Profile::apiseal_v1()),
            file => Ok(Profile::from_json(&read_text(Path::new(file))?)?),
        }
    }

    /// A response needs the request that it answers, and a request has none.
    pub(crate) fn check_request(&self, text: &Text<'_>) -> Result<()> {
        match (text.is_request(), &self.request) {
            (true, Some(_)) => Err(Failure::Usage("--request: the message is itself a request".to_owned())),
            (false, None) => Err(Failure::Usage(
                "the message is a response; give the signed request that it answers with --request"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn request_document(&self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        self.request.as_deref().map(|path| read_document(Some(path))).transpose()
    }
}
