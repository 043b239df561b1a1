//! Whatever comes: random messages, fields and signatures.

use proptest::prelude::*;

use super::*;

/// Text that is near to the grammar of the fields.
fn nearly() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("sig="),
        Just("("),
        Just(")"),
        Just("\"@method\""),
        Just("\"@path\""),
        Just("\"content-digest\""),
        Just(";"),
        Just(";req"),
        Just(";sf"),
        Just(";key=\"a\""),
        Just(";tr"),
        Just(";bs"),
        Just("created=1800000100"),
        Just("keyid=\"acme\""),
        Just("tag=\"apiseal-req-v1\""),
        Just(","),
        Just(" "),
        Just(":AAAA:"),
        Just("sha-256="),
        Just("1.5"),
        Just("@1"),
        Just("?1"),
        Just("%\"x\""),
        Just("\\"),
        Just("\""),
        Just("-1"),
        Just("\u{e9}"),
        Just("\r\n "),
        Just("\0"),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn request() -> impl Strategy<Value = Sent> {
    let target =
        "(/|/[a-z%/]{0,12}(\\?[a-z=&%+]{0,12})?|https://[A-Za-z.]{1,9}(:[0-9]{1,5})?/[a-z]{0,5}|\\*)";
    let name = "(x-[a-z]{1,5}|X-Upper|cookie|Range|if-match|content-encoding)";
    let headers = prop::collection::vec((name, "[ -~]{0,20}"), 0..6);
    (target, "(GET|POST|PUT|DELETE|CUSTOM)", headers, prop::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(target, method, headers, body)| {
            let sent = Sent { method, target, body, ..get() }.with("content-type", "x");
            headers.into_iter().fold(sent, |sent, (name, value)| sent.with(&name, &value))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn lesson_s8_no_message_makes_the_verifier_panic(
        input in nearly(), signature in nearly(), digest in nearly(), accept in nearly(),
        target in ".{0,20}", method in ".{0,5}", authority in ".{0,12}", name in ".{0,8}",
    ) {
        let sent = Sent { method, target, authority, ..Sent::post() }
            .with(&name, &accept)
            .with("content-digest", &digest)
            .with("signature-input", &input)
            .with("signature", &signature);
        prop_assert!(sent.verify().is_err());
        let sent = Sent::post().with("signature-input", &input).with("signature", &signature);
        prop_assert!(sent.verify().is_err());
        let loose = Profile::rfc9421("apiseal-v1").require("@method").build().unwrap();
        prop_assert!(sent.verify_with(&Verifier::new(ring(), loose, NoReplayCheck)).is_err());
        let signer = Signer::new(ring(), Profile::apiseal_v1()).key("acme");
        prop_assert!(Sent::post().view(|message| signer.sign_accepting(message, accept.as_bytes(), &CLOCK)).is_ok());
    }

    #[test]
    fn what_is_signed_verifies_and_has_the_base_that_a_second_builder_makes(sent in request()) {
        let signer = Signer::new(ring(), Profile::apiseal_v1()).key("acme").hazmat_random(Repeated::new((0..16).collect()));
        let Ok(signed) = sent.try_sign(&signer) else { return Ok(()) };
        let received = sent.carrying(&signed);
        prop_assert_eq!(received.verify().map_err(|error| error.to_string()), Ok(()));
        // The second builder knows no absolute form.
        if sent.target.starts_with('/') {
            let input = received.header("signature-input").strip_prefix("sig=(").unwrap();
            let (ids, parameters) = input.split_once(')').unwrap();
            let again = sent.digested_if(&received).forged("sig", &ids.split(' ').collect::<Vec<_>>(), parameters, 1);
            prop_assert_eq!(again.header("signature"), received.header("signature"));
        }
    }
}
