//! No message costs more than the budget, by what was counted.

use super::*;

fn with_effort(sent: &Sent, profile: &Profile, effort: Effort) -> Explanation {
    sent.view(|message| at(profile).explainer().effort(effort).explain(message, &CLOCK))
}

#[test]
fn rule_s27_verifications_are_bounded() {
    let bad = signed(&strict(), &request()).but(|sent| sent.target = "/nowhere".into());
    for verifications in [1, 2, 10, 100] {
        let effort = Effort { verifications, ..Effort::default() };
        let explanation = with_effort(&bad, &strict(), effort);
        assert_eq!(explanation.work().verifications, verifications);
        assert!(explanation.is_exhausted() && explanation.to_string().contains("budget"), "{explanation}");
    }
    let all = explained(&at(&strict()), &bad);
    assert!(
        !all.is_exhausted() && all.work().verifications < Effort::default().verifications,
        "{:?}",
        all.work()
    );
}

#[test]
fn rule_s27_many_headers_cost_no_more_than_the_budget() {
    let names: Vec<String> = (0..30).map(|at| format!("x-{at}")).collect();
    let profile = covering(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut sent = Sent::get("/?a=1&b=2&c=3&d=4&e=5");
    for name in &names {
        for at in 0..30 {
            sent = sent.with(name, &format!("value {at}, other; {at}=\"x\", {}", "y".repeat(20)));
        }
    }
    let bad = signed(&profile, &sent).but(|sent| set(sent, "x-3", "gone"));
    for bytes in [100_000, 1 << 20, 8 << 20] {
        let effort = Effort { bytes, verifications: u32::MAX, ..Effort::default() };
        let explanation = with_effort(&bad, &profile, effort);
        let work = explanation.work();
        assert!(work.bytes <= bytes.max(100_000) && explanation.is_exhausted(), "{work:?}");
    }
    // Names that all may have been added.
    let mut sent = signed(&strict(), &Sent::get("/"));
    for at in 0..200 {
        sent = sent.with(&format!("x_{at}"), "1");
    }
    let work = explained(&at(&strict()), &sent).work();
    assert!(work.verifications <= 80, "{work:?}");
}

#[test]
fn rule_s27_long_texts_are_left_aside() {
    let profile = covering(&["@path", "@query", "x-long"]);
    let long = "a%2f+&".repeat(5000);
    let sent = Sent::get(&format!("/{long}?{long}")).with("x-long", &"b, ".repeat(15_000));
    let bad = signed(&profile, &sent).but(|sent| sent.target.push('!'));
    let explanation = explained(&at(&profile), &bad);
    assert!(explanation.is_exhausted() && explanation.work().verifications < 200, "{:?}", explanation.work());
    // JSON beyond 4 MiB: its ends alone are tried.
    let body = format!("[{}1]", "1,".repeat(2_100_000));
    let bad = signed(&strict(), &Sent { body: body.into(), ..Sent::post() });
    let more = bad.clone().but(|sent| sent.body.push(b'\n'));
    assert_eq!(only(&explained(&at(&strict()), &more)).kind(), ChangeKind::ContentEnds);
    nothing(&explained(&at(&strict()), &bad.but(|sent| sent.body[1] = b'2')), Code::DigestMismatch);
}

#[test]
fn rule_s27_large_content_costs_no_more_than_the_budget() {
    let body = format!("[{}1]", "{\"a\": 1.5, \"b\": \"x\"}, ".repeat(50_000));
    let bad = signed(&strict(), &Sent { body: body.clone().into(), ..Sent::post() });
    let bad = bad.but(|sent| sent.body = body.replace("1.5", "1.6").into());
    for bytes in [2 << 20, 8 << 20] {
        let effort = Effort { bytes, ..Effort::default() };
        let explanation = with_effort(&bad, &strict(), effort);
        let work = explanation.work();
        assert!(work.bytes <= bytes && explanation.is_exhausted(), "{work:?}");
        nothing(&explanation, Code::DigestMismatch);
    }
}

#[test]
fn rule_s27_decoded_content_is_bounded() {
    let bomb = |_: &str, _: &[u8], limit: usize| Some(vec![0; limit + 1]);
    let greedy = |_: &str, _: &[u8], limit: usize| Some(vec![0; limit]);
    let sent = signed(&strict(), &Sent::post().with("content-encoding", "gzip, gzip, gzip"))
        .but(|sent| sent.body.push(b' '));
    let effort = Effort { decoded: 1000, ..Effort::default() };
    let told = |decoder: apiseal::Decoder<'_>| {
        sent.view(|message| {
            at(&strict()).explainer().effort(effort).decoder(decoder).explain(message, &CLOCK)
        })
    };
    assert_eq!(told(&bomb).work().decoded, 0);
    assert_eq!(told(&greedy).work().decoded, 1000);
}

#[test]
fn deep_json_is_left_alone() {
    let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let sent =
        signed(&strict(), &Sent { body: body.into(), ..Sent::post() }).but(|sent| sent.body.push(b'!'));
    nothing(&explained(&at(&strict()), &sent), Code::DigestMismatch);
}
