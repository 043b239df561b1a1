//! The negative cases of request signing, each with its one outcome, and their neighbours that pass. Numbers go on from
//! those of `docs/format.md`.
//!
//! All of them are also in `tests/vectors/signing/negative.json`, for the other languages: run with
//! APISEAL_WRITE_VECTORS=1 to write it anew.

use apiseal::Code;
use apiseal_workspace::repository;
use apiseal_workspace::signing::{KEYS, NONCE, NOW, Sent, good};
use serde_json::{Value, json};

/// A request and how the strict profile judges it.
struct Case {
    what: &'static str,
    sent: Sent,
    expected: Option<Code>,
}

impl Case {
    fn check(&self) {
        match (self.sent.verify(), self.expected) {
            (Ok(()), None) => {}
            (Err(error), Some(expected)) => {
                assert_eq!(error.code(), expected, "{}: {error}", self.what);
                assert_eq!(error.http_status(), 401, "{}: what a peer is told", self.what);
            }
            (Ok(()), Some(expected)) => panic!("{}: passed, expected {expected:?}", self.what),
            (Err(error), None) => panic!("{}: {error}", self.what),
        }
    }

    fn json(&self, name: &str) -> Value {
        let expected = self
            .expected
            .map_or(json!({"ok": true}), |code| json!({"error": code.name(), "code": code.number()}));
        json!({"case": name, "what": self.what, "message": self.sent.json(), "expected": expected})
    }
}

fn refuses(what: &'static str, sent: Sent, code: Code) -> Case {
    Case { what, sent, expected: Some(code) }
}

fn accepts(what: &'static str, sent: Sent) -> Case {
    Case { what, sent, expected: None }
}

fn get() -> Sent {
    Sent::get("/a%2Fb?x=1&y=2")
}

/// `good` with one parameter changed.
fn stating(from: &str, to: &str) -> Sent {
    let parameters = good();
    assert!(parameters.contains(from), "{from}");
    get().stating(&parameters.replacen(from, to, 1))
}

/// A request without content and with a signature over these components.
fn covering(ids: &[&str]) -> Sent {
    get().forged("sig", ids, &good(), 1)
}

const TARGET: [&str; 4] = ["\"@method\"", "\"@authority\"", "\"@path\"", "\"@query\""];

fn target_and<'a>(more: &[&'a str]) -> Vec<&'a str> {
    TARGET.iter().chain(more).copied().collect()
}

macro_rules! cases {
    ($($name:ident: $cases:expr;)+) => {
        $(#[test] fn $name() { for case in $cases { Case::check(&case); } })+

        fn all() -> Vec<(&'static str, Vec<Case>)> {
            vec![$((stringify!($name), Vec::from($cases))),+]
        }
    };
}

cases! {
    good_messages: [
        accepts("a GET", get().signed()),
        accepts("a POST", Sent::post().signed()),
        accepts("by Ed25519", Sent::post().signed_by("acme-ed")),
        accepts("a POST without content needs no content-type", Sent { method: "POST".into(), ..get() }.signed()),
        accepts("a GET with content", Sent { method: "GET".into(), ..Sent::post() }.signed()),
        accepts("by hand", get().stating(&good())),
        accepts("by hand, with content", Sent::post().stating(&good())),
    ];

    case_41_target_changed: {
        let signed = get().signed();
        let other = |what, change: fn(&mut Sent)| refuses(what, signed.clone().but(change), Code::SignatureInvalid);
        let same = |what, change: fn(&mut Sent)| accepts(what, signed.clone().but(change));
        [
            other("method", |sent| sent.method = "HEAD".into()),
            other("method in another case", |sent| sent.method = "get".into()),
            other("authority", |sent| sent.authority = "api.example.evil".into()),
            other("port", |sent| sent.authority = "api.example:8443".into()),
            other("port 80 under https", |sent| sent.authority = "api.example:80".into()),
            other("an encoded slash decoded", |sent| sent.target = "/a/b?x=1&y=2".into()),
            other("an escape in lower case", |sent| sent.target = "/a%2fb?x=1&y=2".into()),
            other("a slash at the end", |sent| sent.target = "/a%2Fb/?x=1&y=2".into()),
            other("dot segments", |sent| sent.target = "/./a%2Fb?x=1&y=2".into()),
            other("order of the query", |sent| sent.target = "/a%2Fb?y=2&x=1".into()),
            other("query dropped", |sent| sent.target = "/a%2Fb".into()),
            other("one parameter more", |sent| sent.target = "/a%2Fb?x=1&y=2&x=3".into()),
            same("default port", |sent| sent.authority = "api.example:443".into()),
            same("authority in upper case", |sent| sent.authority = "API.Example".into()),
            same("absolute form", |sent| sent.target = "https://api.example/a%2Fb?x=1&y=2".into()),
            same("only a Host header", |sent| { sent.authority.clear(); sent.headers.push(("Host".into(), b"api.example".to_vec())); }),
            accepts("empty query and no query are one", Sent::get("/a").signed().but(|sent| sent.target = "/a?".into())),
            accepts("empty path of the absolute form", Sent::get("/").signed().but(|sent| sent.target = "https://api.example".into())),
        ]
    };

    case_42_rule_s2_content_changed: {
        let signed = Sent::post().signed();
        let chunked = get().with("transfer-encoding", "chunked").signed().but(|sent| sent.body = b"x".to_vec());
        [
            refuses("digest kept", signed.clone().but(|sent| sent.body[0] ^= 1), Code::DigestMismatch),
            refuses("content removed", signed.clone().but(|sent| sent.body.clear()), Code::DigestMismatch),
            refuses("digest replaced as well", signed.clone().but(|sent| sent.body = b"{}".to_vec()).without("content-digest").digested(), Code::SignatureInvalid),
            refuses("added to a GET", get().signed().but(|sent| sent.body = b"x".to_vec()), Code::DigestMissing),
            refuses("chunked content added", chunked, Code::DigestMissing),
            refuses("Content-Length 0 with content", get().with("content-length", "0").signed().but(|sent| sent.body = b"x".to_vec()), Code::MalformedMessage),
            refuses("gzip added by a proxy", signed.clone().with("content-encoding", "gzip"), Code::NotCovered),
            refuses("content and digest added", get().signed().but(|sent| sent.body = b"x".to_vec()).digested(), Code::DigestMissing),
            accepts("content-encoding that was signed", Sent::post().with("content-encoding", "gzip").signed()),
        ]
    };

    case_43_rule_s3_lesson_s25_digest_field: {
        let with = |digest: &str| Sent::post().with("content-digest", digest).stating(&good());
        let sha256 = Sent::post().digested().header("content-digest").to_owned();
        let repr = Sent::post().with("repr-digest", &sha256).forged("sig", &target_and(&["\"repr-digest\"", "\"content-type\""]), &good(), 1);
        [
            refuses("not covered", Sent::post().digested().forged("sig", &target_and(&["\"content-type\""]), &good(), 1), Code::DigestMissing),
            refuses("absent", Sent::post().forged("sig", &target_and(&["\"content-type\""]), &good(), 1), Code::DigestMissing),
            refuses("covered and absent", Sent::post().signed().without("content-digest"), Code::ComponentMissing),
            refuses("content-type not covered", Sent::post().digested().forged("sig", &target_and(&["\"content-digest\""]), &good(), 1), Code::NotCovered),
            refuses("repr-digest does not count", repr, Code::DigestMissing),
            refuses("md5 only", with("md5=:sQqNsWTgdUEFt6mb5y4/5Q==:"), Code::DigestAlgorithm),
            refuses("md5 beside sha-256", with(&format!("{sha256}, md5=:sQqNsWTgdUEFt6mb5y4/5Q==:")), Code::DigestAlgorithm),
            refuses("one right and one wrong", with(&format!("{sha256}, sha-512=:{}:", base64_simd::STANDARD.encode_to_string([7; 64]))), Code::DigestMismatch),
            refuses("of other content", with("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"), Code::DigestMismatch),
            refuses("unknown algorithm only", with("id-x=:AA==:"), Code::DigestAlgorithm),
            refuses("empty", with(""), Code::DigestAlgorithm),
            accepts("an unknown algorithm beside sha-256", with(&format!("id-x=:AA==:, {sha256}"))),
        ]
    };

    case_44_rule_s4_steering_headers: {
        let mut cases = vec![
            accepts("signed with it", get().with("authorization", "Bearer x").signed()),
            refuses("covered and changed", get().with("Authorization", "Bearer x").signed().edit("Authorization", "x", "y"), Code::SignatureInvalid),
            refuses("covered and removed", get().with("authorization", "Bearer x").signed().without("authorization"), Code::ComponentMissing),
            accepts("a header that steers nothing", get().signed().with("x-request-id", "7")),
        ];
        for name in [
            "authorization", "cookie", "idempotency-key", "x-http-method-override", "X-HTTP-Method", "x-method-override",
            "x-original-url", "x-rewrite-url", "range", "if-match", "If-None-Match", "prefer", "destination", "depth", "content-encoding",
        ] {
            cases.push(refuses("added on the way", get().signed().with(name, "x"), Code::NotCovered));
        }
        cases
    };

    case_45_rule_s8_lesson_s14_times: {
        let created = |value: String| stating(&format!("created={NOW}"), &format!("created={value}"));
        let expires = |value: u64| stating(&format!("created={NOW}"), &format!("created={NOW};expires={value}"));
        [
            refuses("created missing", stating(&format!(";created={NOW}"), ""), Code::SignatureParameters),
            refuses("a string", created(format!("\"{NOW}\"")), Code::SignatureParameters),
            refuses("a decimal", created(format!("{NOW}.0")), Code::SignatureParameters),
            refuses("a date", created(format!("@{NOW}")), Code::SignatureParameters),
            refuses("a flag", stating(&format!("created={NOW}"), "created"), Code::SignatureParameters),
            refuses("negative", created("-1".into()), Code::SignatureParameters),
            refuses("largest integer", created("999999999999999".into()), Code::SignatureFuture),
            refuses("301 s old", created((NOW - 301).to_string()), Code::SignatureExpired),
            accepts("300 s old", created((NOW - 300).to_string())),
            refuses("31 s ahead", created((NOW + 31).to_string()), Code::SignatureFuture),
            accepts("30 s ahead", created((NOW + 30).to_string())),
            refuses("expires equal to created", expires(NOW), Code::SignatureParameters),
            refuses("expires before created", expires(NOW - 1), Code::SignatureParameters),
            refuses("expires in a year", expires(NOW + 31_536_000), Code::SignatureParameters),
            refuses("expires beyond max_age", expires(NOW + 301), Code::SignatureParameters),
            accepts("expires", expires(NOW + 300)),
            refuses("expired", stating(&format!("created={NOW}"), &format!("created={};expires={NOW}", NOW - 5)), Code::SignatureExpired),
            refuses("expires as a string", stating(&format!("created={NOW}"), &format!("created={NOW};expires=\"{}\"", NOW + 5)), Code::SignatureParameters),
        ]
    };

    case_46_rule_s9_lesson_s13_nonces: {
        let nonce = |value: &str| stating(&format!("nonce=\"{NONCE}\""), &format!("nonce={value}"));
        let quoted = |len: usize| format!("\"{}\"", "n".repeat(len));
        [
            refuses("missing", stating(&format!(";nonce=\"{NONCE}\""), ""), Code::SignatureParameters),
            refuses("21 characters", nonce(&quoted(21)), Code::SignatureParameters),
            accepts("22 characters", nonce(&quoted(22))),
            accepts("64 characters", nonce(&quoted(64))),
            refuses("65 characters", nonce(&quoted(65)), Code::SignatureParameters),
            refuses("base64 with a plus", nonce(&format!("\"{}+\"", "n".repeat(22))), Code::SignatureParameters),
            refuses("a token", nonce(&"n".repeat(22)), Code::SignatureParameters),
            refuses("a byte sequence", nonce(":AAECAwQFBgcICQoLDA0ODw==:"), Code::SignatureParameters),
        ]
    };

    case_47_rule_s10_lesson_s6_algorithm: {
        let alg = |value: &str| get().stating(&format!("{};alg={value}", good()));
        // The public key of an Ed25519 key as the secret of an HMAC, with the matching claim.
        let confused = get().forged("sig", &TARGET, &good().replace("\"acme\"", "\"acme-ed\"").replace(";tag", ";alg=\"hmac-sha256\";tag"), 2);
        [
            refuses("hmac-sha256 under an Ed25519 key", confused, Code::SignatureAlgorithm),
            refuses("an HMAC under an Ed25519 key", get().forged("sig", &TARGET, &good().replace("\"acme\"", "\"acme-ed\""), 2), Code::SignatureInvalid),
            accepts("absent", get().stating(&good())),
            accepts("equal", alg("\"hmac-sha256\"")),
            refuses("another", alg("\"ed25519\""), Code::SignatureAlgorithm),
            refuses("unknown", alg("\"none\""), Code::SignatureAlgorithm),
            refuses("empty", alg("\"\""), Code::SignatureAlgorithm),
            refuses("another case", alg("\"HMAC-SHA256\""), Code::SignatureAlgorithm),
            refuses("a token", alg("hmac-sha256"), Code::SignatureParameters),
        ]
    };

    case_48_rule_s11_keys: [
        refuses("key id of another valid partner", get().signed().edit("signature-input", "\"acme\"", "\"bank\""), Code::SignatureInvalid),
        refuses("unknown", stating("\"acme\"", "\"nobody\""), Code::UnknownKey),
        refuses("missing", stating(";keyid=\"acme\"", ""), Code::SignatureParameters),
        refuses("a number", stating("keyid=\"acme\"", "keyid=1"), Code::SignatureParameters),
        accepts("the next key of the same partner", get().signed_by("acme-next")),
    ];

    case_48_rule_s25_keys_serve_what_their_entry_names: [
        refuses("a key of another profile", get().forged("sig", &TARGET, &good().replace("\"acme\"", "\"other\""), 5), Code::KeyState),
        refuses("a key for responses", get().forged("sig", &TARGET, &good().replace("\"acme\"", "\"service\""), 4), Code::KeyState),
        accepts("a key for requests under its profile", get().stating(&good())),
    ];

    case_49_rule_s7_signature_input: [
        accepts("label renamed", get().forged("other-label", &TARGET, &good(), 1)),
        accepts("an unknown parameter is signed with the rest", get().stating(&format!("{};x=1.5", good()))),
        refuses("duplicate label", get().signed().but(|sent| { let line = sent.header("signature-input").to_owned(); sent.headers.push(("signature-input".into(), line.into())); }), Code::SignatureMalformed),
        refuses("duplicate parameter", get().stating(&format!("{};created={NOW}", good())), Code::SignatureMalformed),
        refuses("duplicate component", covering(&target_and(&["\"@path\""])), Code::SignatureMalformed),
        refuses("unknown component parameter", covering(&target_and(&["\"@scheme\";x"])), Code::SignatureMalformed),
        refuses("unknown derived component", covering(&target_and(&["\"@nothing\""])), Code::SignatureMalformed),
        refuses("a component in upper case", get().with("X-A", "1").forged("sig", &target_and(&["\"X-A\""]), &good(), 1), Code::SignatureMalformed),
        refuses("unclosed quote", get().signed().edit("signature-input", "\"@query\")", "\"@query)"), Code::SignatureMalformed),
        refuses("unclosed list", get().signed().edit("signature-input", "\"@query\")", "\"@query\""), Code::SignatureMalformed),
        refuses("a component that is a token", get().signed().edit("signature-input", "\"@query\"", "query"), Code::SignatureMalformed),
        refuses("empty list", covering(&[]), Code::NotCovered),
        refuses("tag missing", stating(";tag=\"apiseal-req-v1\"", ""), Code::SignatureMissing),
        refuses("another tag", stating("apiseal-req-v1", "apiseal-res-v1"), Code::SignatureMissing),
        refuses("tag as a token", stating("\"apiseal-req-v1\"", "apiseal-req-v1"), Code::SignatureMissing),
        accepts("several header lines", get().forged("a", &["\"@method\""], ";created=1;keyid=\"x\"", 9).forged("sig", &TARGET, &good(), 1)),
    ];

    case_50_rule_s12_several_signatures: {
        let strangers = |sent: Sent| sent.forged("their", &TARGET, &format!(";created={NOW};keyid=\"stranger\";tag=\"theirs\""), 9);
        let broken = get().signed().edit("signature-input", "sig=", "x=(1 \"@nothing\" \"a\" \"a\");created=\"x\", sig=").edit("signature", "sig=", "x=1, sig=");
        [
            accepts("a valid one by a stranger beside ours", strangers(get().signed())),
            accepts("before ours", strangers(get()).forged("sig", &TARGET, &good(), 1)),
            accepts("a broken one beside ours", broken),
            accepts("a label of theirs in one field only", get().signed().edit("signature", "sig=", "x=:AA==:, sig=")),
            refuses("a stranger's only", strangers(get()), Code::SignatureMissing),
            refuses("two with our tag", get().signed().forged("b", &TARGET, &good(), 1), Code::SignatureAmbiguous),
            refuses("two with our tag, one broken", get().signed().forged("b", &TARGET, &good(), 9), Code::SignatureAmbiguous),
            refuses("five", (0..4).fold(get().signed(), |sent, at| sent.forged(&format!("l{at}"), &["\"@method\""], "", 9)), Code::LimitMessage),
        ]
    };

    lesson_s15_every_line_is_read: {
        let first = get().forged("a", &["\"@method\""], &format!(";created={NOW};keyid=\"stranger\""), 9);
        let ours = first.clone().forged("sig", &TARGET, &good(), 1);
        let last = |sent: &mut Sent, name: &str| {
            let at = sent.headers.iter().rposition(|(own, _)| own == name).expect("it is signed");
            sent.headers.remove(at);
        };
        [
            accepts("ours in the second lines", ours.clone()),
            refuses("its input alone", ours.clone().but(|sent| last(sent, "signature")), Code::SignatureMissing),
            refuses("its signature alone", ours.but(|sent| last(sent, "signature-input")), Code::SignatureMissing),
            refuses("a stranger's alone", first, Code::SignatureMissing),
        ]
    };

    case_51_lesson_s23_signature: {
        let signed = get().signed();
        let value = signed.header("signature").trim_start_matches("sig=:").trim_end_matches(':').to_owned();
        let bytes = base64_simd::STANDARD.decode_to_vec(&value).unwrap();
        let with = |text: &str| signed.clone().without("signature").with("signature", text);
        let of = |bytes: &[u8]| with(&format!("sig=:{}:", base64_simd::STANDARD.encode_to_string(bytes)));
        [
            refuses("no Signature-Input", signed.clone().without("signature-input"), Code::SignatureMissing),
            refuses("no Signature", signed.clone().without("signature"), Code::SignatureMissing),
            refuses("neither", get(), Code::SignatureMissing),
            refuses("another label", with(&format!("gis=:{value}:")), Code::SignatureMissing),
            refuses("the label twice", with(&format!("sig=:{value}:, sig=:{value}:")), Code::SignatureMalformed),
            refuses("empty", of(b""), Code::SignatureInvalid),
            refuses("31 bytes", of(&bytes[..31]), Code::SignatureInvalid),
            refuses("33 bytes", of(&[&bytes[..], &[0]].concat()), Code::SignatureInvalid),
            refuses("one bit", of(&[&[bytes[0] ^ 1], &bytes[1..]].concat()), Code::SignatureInvalid),
            refuses("no padding", with(&format!("sig=:{}:", value.trim_end_matches('='))), Code::SignatureMalformed),
            refuses("too much padding", with(&format!("sig=:{value}=:")), Code::SignatureMalformed),
            refuses("a string", with(&format!("sig=\"{value}\"")), Code::SignatureMalformed),
            refuses("a list", with(&format!("sig=(:{value}:)")), Code::SignatureMalformed),
            refuses("a flag", with("sig"), Code::SignatureMalformed),
            refuses("base64url", of(&[0xff; 32]).edit("signature", "/", "_"), Code::SignatureMalformed),
            accepts("with a parameter", with(&format!("sig=:{value}:;x=1"))),
        ]
    };

    case_52_rule_s6_lesson_s7_covered_headers: {
        let one = get().with("x-a", "1");
        let covered = target_and(&["\"x-a\""]);
        [
            accepts("once", one.clone().forged("sig", &covered, &good(), 1)),
            refuses("twice", one.clone().with("X-A", "2").forged("sig", &covered, &good(), 1), Code::MalformedMessage),
            refuses("a second line of it added", one.clone().forged("sig", &covered, &good(), 1).with("x-a", "2"), Code::MalformedMessage),
            refuses("two lines where one was signed", get().with("x-a", "1, 2").forged("sig", &covered, &good(), 1).without("x-a").with("x-a", "1").with("x-a", "2"), Code::MalformedMessage),
            refuses("folded", one.clone().signed().with("x-b", "a\r\n b"), Code::MalformedMessage),
            refuses("not ASCII", get().with("x-a", "caf\u{e9}").forged("sig", &covered, &good(), 1), Code::ComponentMissing),
            refuses("NUL", get().signed().with("x-b", "a\0b"), Code::MalformedMessage),
            refuses("a bare line feed", get().signed().with("x-b", "a\nb: c"), Code::MalformedMessage),
            refuses("a bare carriage return", get().signed().with("x-b", "a\rb"), Code::MalformedMessage),
            refuses("absent (lesson S7)", one.forged("sig", &covered, &good(), 1).without("x-a"), Code::ComponentMissing),
            accepts("present and empty", get().with("x-a", "").forged("sig", &covered, &good(), 1)),
            refuses("upper case in HTTP/2", get().signed().with("X-B", "1").but(|sent| sent.http2 = true), Code::MalformedMessage),
        ]
    };

    case_53_rule_s5_lesson_s11_component_parameters: {
        let one = get().with("x-a", "a=1");
        let with = |id: &str| one.forged("sig", &target_and(&[id]), &good(), 1);
        [
            refuses("@query-param", with("\"@query-param\";name=\"x\""), Code::ComponentNotAllowed),
            refuses("@query-param without a name", with("\"@query-param\""), Code::SignatureMalformed),
            refuses("sf", with("\"x-a\";sf"), Code::ComponentNotAllowed),
            refuses("key", with("\"x-a\";key=\"a\""), Code::ComponentNotAllowed),
            refuses("bs", with("\"x-a\";bs"), Code::ComponentNotAllowed),
            refuses("tr", with("\"x-a\";tr"), Code::ComponentNotAllowed),
            refuses("req in a request", with("\"x-a\";req"), Code::ComponentNotAllowed),
            refuses("@status in a request", with("\"@status\""), Code::ComponentMissing),
            refuses("a header named @method", get().signed().with("@method", "GET"), Code::MalformedMessage),
            refuses("@signature-params", with("\"@signature-params\""), Code::SignatureMalformed),
        ]
    };

    rule_s1_coverage: {
        let mut cases = Vec::new();
        for (what, left) in [("without @method", 0), ("without @authority", 1), ("without @path", 2), ("without @query", 3)] {
            let ids: Vec<&str> = TARGET.iter().enumerate().filter(|(at, _)| *at != left).map(|(_, id)| *id).collect();
            cases.push(refuses(what, covering(&ids), Code::NotCovered));
        }
        cases.push(refuses("@target-uri alone", covering(&["\"@method\"", "\"@target-uri\""]), Code::NotCovered));
        cases.push(accepts("more than is demanded", covering(&target_and(&["\"@target-uri\"", "\"@scheme\"", "\"@request-target\""]))));
        cases
    };

    lesson_s3_variants_do_not_satisfy_the_plain_component: {
        let with = |id: &str| Sent::post().digested().forged("sig", &target_and(&[id, "\"content-type\""]), &good(), 1);
        [
            refuses("content-digest;req", with("\"content-digest\";req"), Code::ComponentNotAllowed),
            refuses("content-digest;sf", with("\"content-digest\";sf"), Code::ComponentNotAllowed),
            refuses("content-digest;key", with("\"content-digest\";key=\"sha-256\""), Code::ComponentNotAllowed),
        ]
    };

    case_72_rule_s24_what_parsers_read_differently: [
        refuses("X_HTTP_Method_Override", get().signed().with("X_HTTP_Method_Override", "DELETE"), Code::MalformedMessage),
        refuses("any name with `_`", get().signed().with("x_a", "1"), Code::MalformedMessage),
        refuses("trailers", get().signed().but(|sent| sent.trailers.push(("x-a".into(), b"1".to_vec()))), Code::MalformedMessage),
        refuses("Content-Length with Transfer-Encoding", Sent::post().signed().with("content-length", "13").with("transfer-encoding", "chunked"), Code::MalformedMessage),
        refuses("two Content-Length", Sent::post().signed().with("content-length", "13").with("content-length", "13"), Code::MalformedMessage),
        refuses("a Content-Length that is wrong", Sent::post().signed().with("content-length", "12"), Code::MalformedMessage),
        refuses("a Content-Length that is no number", Sent::post().signed().with("content-length", "13, 13"), Code::MalformedMessage),
        accepts("Content-Length", Sent::post().signed().with("content-length", "13")),
        refuses("Host differs from the authority", get().signed().with("host", "evil.example"), Code::MalformedMessage),
        refuses("two Host lines", get().signed().with("host", "api.example").with("host", "api.example"), Code::MalformedMessage),
        accepts("Host as the authority", get().signed().with("host", "api.example")),
        refuses("CONNECT", get().signed().but(|sent| { sent.method = "CONNECT".into(); sent.target = "api.example:443".into(); }), Code::MalformedMessage),
        refuses(":protocol", get().signed().with(":protocol", "websocket"), Code::MalformedMessage),
        refuses("OPTIONS *", get().signed().but(|sent| { sent.method = "OPTIONS".into(); sent.target = "*".into(); }), Code::MalformedMessage),
        refuses("a fragment in the target", get().signed().but(|sent| sent.target.push_str("#x")), Code::MalformedMessage),
        refuses("a user in the authority", get().signed().but(|sent| sent.authority = "u@api.example".into()), Code::MalformedMessage),
    ];

    rule_s13_limits: {
        let many: Vec<String> = (0..29).map(|at| format!("\"h{at}\"")).collect();
        let many = |count: usize| -> Vec<&str> { TARGET.iter().copied().chain(many[..count].iter().map(String::as_str)).collect() };
        let full = (0..29).fold(get(), |sent, at| sent.with(&format!("h{at}"), "1"));
        [
            refuses("headers of more than 8 KiB", get().signed().with("x", &"x".repeat(8192)), Code::LimitMessage),
            accepts("32 components", full.forged("sig", &many(28), &good(), 1)),
            refuses("33 components", full.forged("sig", &many(29), &good(), 1), Code::LimitMessage),
        ]
    };
}

#[test]
fn lesson_s18_every_order_of_the_parameters_verifies() {
    let parameters = [
        format!(";created={NOW}"),
        format!(";expires={}", NOW + 60),
        format!(";nonce=\"{NONCE}\""),
        ";keyid=\"acme\"".to_owned(),
        ";tag=\"apiseal-req-v1\"".to_owned(),
        ";alg=\"hmac-sha256\"".to_owned(),
    ];
    let mut orders = vec![Vec::new()];
    for _ in 0..parameters.len() {
        let longer = |order: &Vec<usize>| -> Vec<Vec<usize>> {
            let left = (0..parameters.len()).filter(|at| !order.contains(at));
            left.map(|at| order.iter().copied().chain([at]).collect()).collect()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    assert_eq!(orders.len(), 720);
    for order in orders {
        let mut text: String = order.iter().map(|at| parameters[*at].as_str()).collect();
        text.insert_str(text.find(";keyid").unwrap(), ";x-extension=?0");
        assert!(get().stating(&text).verify().is_ok(), "{text}");
    }
}

#[test]
fn lesson_s8_every_parameter_and_every_type() {
    let values = [
        "",
        "=1",
        "=-1",
        "=1.5",
        "=\"x\"",
        "=token",
        "=?0",
        "=:AA==:",
        "=@1",
        "=%\"x\"",
        "=(1)",
        "=\"\"",
        "=999999999999999",
    ];
    for name in ["created", "expires", "nonce", "keyid", "tag", "alg"] {
        for value in values {
            let sent =
                get().stating(&format!("{};{name}{value}", good().replace(&format!(";{name}="), ";was=")));
            assert!(sent.verify().is_err(), "{name}{value}");
        }
    }
    for component in [
        "1",
        "-1",
        "1.5",
        "token",
        "?0",
        ":AA==:",
        "@1",
        "%\"x\"",
        "(\"x\")",
        "\"\"",
        "\"x\";key",
        "\"x\";key=1",
        "\"@path\";tr",
    ] {
        let sent = get().signed().edit("signature-input", "\"@query\"", &format!("\"@query\" {component}"));
        assert!(sent.verify().is_err(), "{component}");
        let sent = get().signed().edit("signature-input", "sig=", &format!("x=({component}), sig="));
        let _ = sent.verify();
    }
    for value in ["1", "(1)", "\"x\"", "?1", "::", "@1"] {
        let sent = get().signed().without("signature").with("signature", &format!("sig={value}"));
        assert!(sent.verify().is_err(), "{value}");
    }
}

#[test]
fn every_changed_byte_of_the_signature_fields_fails_or_changes_nothing() {
    let signed = Sent::post().signed();
    for name in ["signature-input", "signature", "content-digest"] {
        let value = signed.header(name).to_owned();
        for at in 0..value.len() {
            for flip in [0x01, 0x04, 0x20] {
                let mut other = value.clone().into_bytes();
                other[at] ^= flip;
                let sent = signed.clone().without(name).but(|sent| sent.headers.push((name.into(), other)));
                // The label stands in both fields; white space for white space is no change of the list.
                assert!(sent.verify().is_err(), "{name} {at} {flip}");
            }
        }
        for len in 0..value.len() {
            assert!(signed.clone().without(name).with(name, &value[..len]).verify().is_err(), "{name} {len}");
        }
    }
}

#[test]
fn the_shared_file_holds_these_cases() {
    let keys: Vec<Value> = KEYS
        .iter()
        .map(|(kid, suite, byte, principal, direction)| {
            let profile = if *kid == "other" { "other" } else { "apiseal-v1" };
            json!({"kid": kid, "suite": suite.name(), "secret": apiseal_workspace::hex(&[*byte; 32]), "principal": principal,
                "direction": direction.name(), "profiles": [profile]})
        })
        .collect();
    let mut list = Vec::new();
    for (name, cases) in all() {
        let short = |case: &&Case| case.sent.headers.iter().all(|(_, value)| value.len() < 4000);
        list.extend(cases.iter().filter(short).map(|case| case.json(name)));
    }
    let about = "Requests and how profile apiseal-v1 judges them at the time `now`, with an empty replay store that began at 0";
    let text = format!("{:#}\n", json!({"about": about, "now": NOW, "keys": keys, "cases": list}));
    let path = repository("tests/vectors/signing/negative.json");
    if std::env::var_os("APISEAL_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == text, "tests/vectors/signing/negative.json is stale");
}
