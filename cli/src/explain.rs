//! `apiseal explain`: why a signed HTTP message does not verify.

use std::io::Read;

use apiseal::{Change, Clock, Explanation, FixedClock, Side, SystemClock, Verifier};
use clap::Args;

use crate::http::Text;
use crate::output::{Failure, Result, print, quoted, steady};
use crate::sign::{Received, ReceivedArgs};

#[derive(Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    received: ReceivedArgs,
    /// An authority that the sender may have used; may be repeated.
    #[arg(long, value_name = "AUTHORITY")]
    authority: Vec<String>,
    /// When the message was received, in Unix seconds; now if left out.
    #[arg(long, value_name = "SECONDS")]
    at: Option<u64>,
    /// Show the whole signature base, not only the lines that differ.
    #[arg(long)]
    base: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &ExplainArgs) -> Result<()> {
    let received = args.received.read()?;
    let clock = FixedClock(args.at.unwrap_or_else(|| SystemClock.now()));
    let verifier = args.received.verifier(&received)?;
    let explanation = explained(args, &received, &verifier, clock)?;
    let text = if args.json { json(&explanation, args.base) } else { readable(&explanation, args.base) };
    print(text.as_bytes())?;
    match explanation.error() {
        None => Ok(()),
        Some(error) => {
            Err(Failure::Refused(format!("the message does not verify [{}]", error.code().number())))
        }
    }
}

fn explained(
    args: &ExplainArgs,
    received: &Received,
    verifier: &Verifier,
    clock: FixedClock,
) -> Result<Explanation> {
    let scheme = args.received.scheme();
    let text = Text::read(&received.document)?;
    let message = text.message(scheme);
    let explainer = verifier.explainer().decoder(&decode);
    let explainer = args.authority.iter().fold(explainer, |explainer, name| explainer.authority(name));
    let Some(request) = &received.request else { return Ok(explainer.explain(&message, &clock)) };
    let request = Text::read(request)?;
    let request = request.message(scheme);
    // A response is tied to a request that holds itself.
    let sent = verifier.verify(&request, &clock)?;
    Ok(explainer.explain_response(&message, &sent, &clock))
}

/// Undoes what proxies do: gzip, and deflate in both of its readings.
fn decode(coding: &str, content: &[u8], limit: usize) -> Option<Vec<u8>> {
    fn all(reader: impl Read, limit: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let most = u64::try_from(limit).ok()?.saturating_add(1);
        reader.take(most).read_to_end(&mut out).ok()?;
        (out.len() <= limit).then_some(out)
    }
    match coding {
        "gzip" => all(flate2::read::MultiGzDecoder::new(content), limit),
        "deflate" => all(flate2::read::ZlibDecoder::new(content), limit)
            .or_else(|| all(flate2::read::DeflateDecoder::new(content), limit)),
        _ => None,
    }
}

fn readable(explanation: &Explanation, whole: bool) -> String {
    let mut out = format!("{explanation}\n");
    let lines: Vec<(Side, &str)> = explanation.diff().collect();
    for (side, line) in lines {
        let mark = match side {
            Side::Both if whole => "  ",
            Side::Both => continue,
            Side::Received => "- ",
            Side::Signed => "+ ",
        };
        // Whatever a message holds, nothing of it steers the terminal.
        out.push_str(mark);
        out.push_str(&steady(line));
        out.push('\n');
    }
    out
}

fn json(explanation: &Explanation, whole: bool) -> String {
    let text = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), quoted);
    let number = |error: Option<&apiseal::Error>| {
        error.map_or_else(|| "null".to_owned(), |error| error.code().number().to_string())
    };
    let change = |change: &Change| {
        format!(
            "{{\"kind\":{},\"component\":{},\"signed\":{},\"received\":{},\"remedy\":{}}}",
            quoted(change.kind().name()),
            quoted(change.component()),
            text(change.signed()),
            text(change.received()),
            quoted(change.remedy()),
        )
    };
    let changes: Vec<String> = explanation.changes().iter().map(change).collect();
    let differing: Vec<String> = explanation.differing_lines().map(quoted).collect();
    let mut out = format!(
        "{{\"verifies\":{},\"text\":{},\"code\":{},\"changes\":[{}],\"remaining\":{},\"advice\":{},\"differing\":[{}],\"exhausted\":{}",
        explanation.verifies(),
        quoted(&explanation.to_string()),
        number(explanation.error()),
        changes.join(","),
        number(explanation.remaining()),
        text(explanation.advice()),
        differing.join(","),
        explanation.is_exhausted(),
    );
    if whole {
        out += &format!(
            ",\"base\":{},\"signed_base\":{}",
            text(explanation.base()),
            text(explanation.signed_base())
        );
    }
    out + "}\n"
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn codings_are_undone_within_the_limit() {
        let text = b"{\"amount\": 149.90}".repeat(1000);
        let level = flate2::Compression::default();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(&text).unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(&text).unwrap();
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), level);
        raw.write_all(&text).unwrap();
        let all = [
            ("gzip", gzip.finish().unwrap()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
        ];
        for (coding, bytes) in all {
            assert_eq!(decode(coding, &bytes, text.len()).as_deref(), Some(&text[..]));
            assert_eq!(decode(coding, &bytes, text.len() - 1), None);
            assert_eq!(decode(coding, &bytes[..bytes.len() / 2], text.len()), None);
            assert_eq!(decode("br", &bytes, text.len()), None);
        }
    }
}
