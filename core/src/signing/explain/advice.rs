//! What to do about each refusal, in one sentence, where no bytes can be tried.

use crate::error::Code;

/// One sentence for whoever has to make the message verify.
pub(super) fn advice(code: Code) -> &'static str {
    match code {
        Code::UnknownKey => {
            "add the sender's key to the ring under the id that `keyid` names, or let the sender use one that is there"
        }
        Code::KeyState => {
            "look at the key's state, validity, direction and profiles in the ring, or sign with another key"
        }
        Code::KeyPurpose => "the id names a key for another purpose; sign with a key of purpose `sig`",
        Code::ContextScope => {
            "the key belongs to another scope than this service demands; sign with the key of this one"
        }
        Code::SignatureMissing => {
            "sign the message, with the tag or label that the profile looks for; proxies may have dropped Signature or Signature-Input"
        }
        Code::SignatureMalformed => {
            "look at how Signature and Signature-Input are written (RFC 9651); they may have been cut or folded on the way"
        }
        Code::SignatureAmbiguous => {
            "send one signature that fits the profile, or raise the number in the profile"
        }
        Code::NotCovered => "let the signer cover the component, or take it off the message",
        Code::ComponentNotAllowed => {
            "let the signer cover only what the profile allows, or name the component in the profile"
        }
        Code::ComponentMissing => {
            "something on the way dropped or changed the component; let it pass, or do not cover it"
        }
        Code::MalformedMessage => {
            "servers could read this message differently; let sender and proxies send it in one clear form"
        }
        Code::SignatureParameters => {
            "let the signer state the parameters that the profile demands, in the form that it demands"
        }
        Code::SignatureExpired => {
            "compare the clocks of both sides; sign each message when it is sent, and anew for each retry"
        }
        Code::SignatureFuture => "compare the clocks of both sides; the sender's is ahead",
        Code::SignatureAlgorithm => {
            "sign with the algorithm that the ring pins to the key, and that the profile allows"
        }
        Code::SignatureInvalid => "compare the signature base with the signer's, line by line",
        Code::DigestMissing => "let the signer send and cover Content-Digest",
        Code::DigestMismatch => "the content is another than was signed; compare the bytes on both sides",
        Code::DigestAlgorithm => {
            "send Content-Digest with sha-256 or sha-512, as a dictionary of byte sequences (RFC 9530)"
        }
        Code::Replayed => {
            "the nonce was accepted before: sign anew for each try; if nothing was sent twice, somebody replays"
        }
        Code::ReplayFull => {
            "make the replay store or the principal's share larger, for the requests of one window"
        }
        Code::ReplayUnavailable => {
            "the replay store was not reachable, or did not watch yet when the message was signed; try again"
        }
        Code::ResponseMismatch => "verify the response with the very request that it answers, as it was sent",
        Code::OriginUnknown => "add the received authority to the map of origins",
        Code::LimitMessage => "the message exceeds a limit of the profile; send less, or raise the limit",
        _ => "see the table of codes",
    }
}
