//! Random messages, random damage.

use super::*;

/// A kind of damage, and the kinds that may be named for it: what another change undoes as well is as good a name.
fn damage(sent: &mut Sent, which: usize) -> &'static [ChangeKind] {
    use ChangeKind::*;
    let (path, query) = sent.target.split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    match which {
        0 => {
            sent.headers.push(("x-forwarded-host".into(), sent.authority.clone().into()));
            sent.authority = "backend".into();
            &[Authority]
        }
        1 => {
            sent.authority.push_str(":8080");
            &[Port]
        }
        2 => {
            sent.target = format!("{path}/?{query}");
            &[PathSlash]
        }
        3 => {
            sent.target = format!("{path}?{}", query.replace('+', "%20"));
            &[PlusSpace, PercentEncoding]
        }
        4 => {
            sent.target = sent.target.replace("%2F", "%2f").replace("%C3%A9", "%c3%a9");
            &[PercentEncoding]
        }
        5 => {
            let mut pairs: Vec<&str> = query.split('&').collect();
            pairs.reverse();
            sent.target = format!("{path}?{}", pairs.join("&"));
            &[QueryOrder]
        }
        6 => {
            sent.target.push_str("&utm_source=x");
            &[QueryAdded]
        }
        7 => {
            let lines: Vec<usize> =
                (0..sent.headers.len()).filter(|at| sent.headers[*at].0 == "x-list").collect();
            sent.headers.swap(lines[0], lines[1]);
            &[HeaderOrder]
        }
        8 => {
            set(sent, "content-type", "application/json; charset=utf-8");
            &[HeaderValue]
        }
        9 => {
            let value: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
            sent.body = serde_json::to_vec_pretty(&value).unwrap();
            &[Json]
        }
        10 => {
            sent.body.push(b'\n');
            &[ContentEnds, Json]
        }
        11 => {
            sent.headers.push(("authorization".into(), "Basic eA==".into()));
            &[HeaderAdded]
        }
        12 => {
            sent.headers.retain(|line| line.0 != "content-type");
            &[HeaderDropped]
        }
        _ => {
            sent.method = "PUT".into();
            &[Method]
        }
    }
}

fn any_request() -> impl Strategy<Value = Sent> {
    let word = "[a-z]{1,6}";
    let pairs = proptest::collection::vec((word, "[a-z+]{1,6}"), 2..5);
    (proptest::collection::vec(word, 1..4), pairs, word, word, any::<u32>()).prop_map(
        |(path, pairs, one, other, number)| {
            // A counted name keeps the pairs apart, so that another order is another query.
            let query: Vec<String> =
                pairs.iter().enumerate().map(|(at, (name, value))| format!("{name}{at}={value}+x")).collect();
            let target = format!("/{}%2F%C3%A9?{}", path.join("/"), query.join("&"));
            let body = format!("{{\"b\":{number},\"a\":\"{one}\",\"c\":[\"{other}\"]}}");
            Sent { method: "POST".into(), body: body.into(), ..Sent::get(&target) }
                .with("content-type", "application/json")
                .with("x-list", &one)
                .with("x-list", &format!("{other}z"))
        },
    )
}

fn everything() -> Profile {
    let ids = ["@method", "@authority", "@path", "@query", "x-list", "content-type", "content-digest"];
    let profile = ids.iter().fold(Profile::rfc9421("p"), |profile, id| profile.require(id));
    profile.if_present("authorization").build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_named_change_is_the_one_that_was_made(sent in any_request(), which in 0..14_usize, seed in any::<u64>()) {
        let signer = Signer::new(keys(Suite::HmacSha256), everything()).hazmat_random(Counted::new(seed));
        let good = sent.carrying(&sent.try_sign(&signer).unwrap());
        prop_assert!(explained(&at(&everything()), &good).verifies());
        let mut bad = good.clone();
        let kinds = damage(&mut bad, which);
        let explanation = explained(&at(&everything()), &bad);
        prop_assert!(explanation.remaining().is_none() && explanation.changes().len() == 1, "{which}: {explanation}");
        prop_assert!(kinds.contains(&explanation.changes()[0].kind()), "{which}: {explanation}");
        prop_assert!(!explanation.is_exhausted());
    }
}

proptest! {
    // A search that finds nothing tries all.
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn two_changes_are_never_called_one(sent in any_request(), x in 0..9_usize, y in 0..9_usize) {
        prop_assume!(x != y);
        let good = signed(&everything(), &sent);
        let mut bad = good.clone();
        damage(&mut bad, x);
        damage(&mut bad, y);
        let explanation = explained(&at(&everything()), &bad);
        // Whatever is named makes the base that was signed: all its lines are those of the good message.
        if let Some(base) = explanation.signed_base() {
            let own = good.view(|message| at(&everything()).verify(message, &CLOCK).unwrap().base().to_vec());
            prop_assert_eq!(base.as_bytes(), &own[..]);
        } else {
            prop_assert!(explanation.changes().is_empty() && explanation.remaining().is_some());
        }
    }
}

#[test]
fn every_kind_of_key() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256Sha256] {
        let profile = everything();
        let ring = match suite {
            Suite::Ed25519 => keys(suite),
            _ => keys(Suite::EcdsaP256Sha256),
        };
        let sent = Sent::post().with("x-list", "a");
        let good = sent.carrying(&sent.try_sign(&Signer::new(ring.clone(), profile.clone())).unwrap());
        let verifier = Verifier::new(ring, profile, NoReplayCheck);
        assert!(explained(&verifier, &good).verifies());
        let bad = good.but(|sent| sent.authority = "api.example:8443".into());
        assert_eq!(
            pair(&only(&explained(&verifier, &bad))),
            (ChangeKind::Port, "api.example", "api.example:8443")
        );
    }
}
