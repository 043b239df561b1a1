//! Responses, which see a request as well.

use super::*;

struct Round {
    request: Sent,
    response: Sent,
}

/// A request and its response, signed under this profile.
fn round(profile: &Profile, request: &Sent, response: &Sent) -> Round {
    let request = signed(profile, request);
    let signer = Signer::new(keys(Suite::HmacSha256), profile.clone());
    let made = request.view(|message| {
        let verified = at(profile).verify(message, &CLOCK).unwrap();
        respond(response, |response| signer.sign_response(response, &verified, &CLOCK)).unwrap()
    });
    Round { response: response.carrying(&made), request }
}

fn respond<T>(sent: &Sent, use_it: impl FnOnce(&Message<'_>) -> T) -> T {
    let headers: Vec<apiseal::Header<'_>> =
        sent.headers.iter().map(|(name, value)| apiseal::Header::new(name, value)).collect();
    let status: u16 = sent.method.parse().unwrap();
    use_it(&Message::response(status).headers(&headers).body(&sent.body))
}

fn answer() -> Sent {
    let json = Sent { method: "200".into(), body: b"{\"id\": 7}".to_vec(), ..Sent::get("/") };
    json.with("content-type", "application/json")
}

fn explained_response(profile: &Profile, round: &Round) -> Explanation {
    round.request.view(|request| {
        let sent = at(profile).verify(request, &CLOCK).unwrap();
        respond(&round.response, |response| at(profile).explain_response(response, &sent, &CLOCK))
    })
}

#[test]
fn responses() {
    let good = round(&strict(), &Sent::post(), &answer());
    assert!(explained_response(&strict(), &good).verifies());
    let changed = |change: fn(&mut Sent)| Round {
        request: good.request.clone(),
        response: good.response.clone().but(change),
    };
    for (kind, change) in [
        (ChangeKind::Status, (|sent| sent.method = "304".into()) as fn(&mut Sent)),
        (ChangeKind::Json, |sent| sent.body = b"{\"id\":7}".to_vec()),
        (ChangeKind::HeaderValue, |sent| set(sent, "content-type", "application/json; charset=utf-8")),
        (ChangeKind::HeaderDropped, |sent| sent.headers.retain(|line| line.0 != "content-type")),
        (ChangeKind::HeaderAdded, |sent| sent.headers.push(("x_y".into(), "1".into()))),
    ] {
        let change = only(&explained_response(&strict(), &changed(change)));
        assert_eq!(change.kind(), kind, "{change}");
    }
    let lost = changed(|sent| sent.body = b"{}".to_vec());
    nothing(&explained_response(&strict(), &lost), Code::DigestMismatch);
    // The request of another response.
    let other = Round { request: signed(&strict(), &Sent::post()), response: good.response };
    nothing(&explained_response(&strict(), &other), Code::ResponseMismatch);
}

#[test]
fn responses_that_see_the_request_otherwise() {
    // A foreign service signs `;req` components as it received the request behind its proxy.
    let profile = Profile::rfc9421("p")
        .require("@method")
        .require_in_response("@status")
        .require_in_response("\"@authority\";req")
        .require_in_response("\"@path\";req")
        .require_in_response("\"@method\";req")
        .require_in_response("\"content-type\";req");
    let profile = profile.build().unwrap();
    let sent = Sent::post().with("x-other", "1");
    for (kind, signed_for) in [
        (ChangeKind::Authority, Sent { authority: "www.api.example".into(), ..sent.clone() }),
        (ChangeKind::Port, Sent { authority: "api.example:8443".into(), ..sent.clone() }),
        (ChangeKind::PathSlash, Sent { target: "/orders/".into(), ..sent.clone() }),
        (ChangeKind::Method, Sent { method: "PUT".into(), ..sent.clone() }),
    ] {
        let base = |request: &Sent, parameters: &str| {
            let path = request.target.split('?').next().unwrap();
            format!(
                "\"@status\": 200\n\"@authority\";req: {}\n\"@path\";req: {path}\n\"@method\";req: {}\n\
                 \"content-type\";req: application/json\n\"@signature-params\": {parameters}",
                request.authority, request.method
            )
        };
        let parameters = format!(
            "(\"@status\" \"@authority\";req \"@path\";req \"@method\";req \"content-type\";req);created={NOW};keyid=\"service\""
        );
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[2; 32]).unwrap();
        mac.update(base(&signed_for, &parameters).as_bytes());
        let tag = STANDARD.encode_to_string(mac.finalize().into_bytes());
        let response = answer()
            .with("signature-input", &format!("s={parameters}"))
            .with("signature", &format!("s=:{tag}:"));
        let explanation = sent.view(|request| {
            respond(&response, |response| {
                at(&profile).explain_response(response, Exchange::Message(request), &CLOCK)
            })
        });
        let change = only(&explanation);
        assert_eq!(change.kind(), kind, "{change}");
        assert!(change.component().ends_with(";req"));
    }
}
