//! What an explanation says of requests and answers that passed through real proxies: of each one that was changed what the
//! proxy did, where anything can tell, and of each one that was not, that it verifies.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use apiseal::Verifier;
use apiseal_traffic::backend::{self, Speaks};
use apiseal_traffic::case::{self, Case};
use apiseal_traffic::client::{self, Answer};
use apiseal_traffic::keys;
use apiseal_traffic::proxy::{SETUPS, Setup};

/// The setups, if the proxies are there.
fn setups() -> Option<&'static [Setup]> {
    let Some(missing) = SETUPS.iter().find(|setup| setup.version().is_none()) else { return Some(&SETUPS) };
    eprintln!("NOT RUN: {} is not installed; scripts/proxies says how to get it", missing.name);
    assert!(std::env::var_os("APISEAL_DEMAND_PROXIES").is_none(), "the proxies were to be there");
    None
}

fn setup(name: &str) -> Option<&'static Setup> {
    setups()?.iter().find(|setup| setup.name == name)
}

async fn sent(to: SocketAddr, http2: bool, case: &Case) -> Answer {
    match http2 {
        true => client::http2(to, case, &case.signed()).await,
        false => client::http1(to, case, &case.signed()).await,
    }
}

/// All cases that do not verify behind this proxy, with what is said of them.
async fn refused(
    setup: &Setup,
    verifier: impl FnOnce(SocketAddr) -> Verifier,
) -> Vec<(&'static str, String)> {
    let running = setup.start(backend::start(Speaks::Http1, verifier).await);
    let mut found = Vec::new();
    for case in case::all().iter().filter(|case| case.http2 || !setup.http2) {
        let answer = sent(running.address, setup.http2, case).await;
        match (answer.outcome().as_str(), answer.explained()) {
            // Nothing is said of what is as it was.
            ("verifies", told) => assert_eq!(told, "verifies", "{}: {}", setup.name, case.name),
            // The proxy did not let it through.
            (_, told) if told.is_empty() => {}
            (_, told) => found.push((case.name, told)),
        }
    }
    found
}

fn plain<'f>(found: &'f [(&'static str, String)]) -> Vec<(&'f str, &'f str)> {
    found.iter().map(|(name, told)| (*name, told.as_str())).collect()
}

#[tokio::test]
async fn a_name_for_the_server_in_place_of_the_authority() {
    let Some(setup) = setup("nginx as it comes, `origin` map") else { return };
    // Without a map every request fails, and all for one reason.
    let found = refused(setup, |_| keys::verifier()).await;
    assert!(found.len() > 25, "{found:?}");
    for (name, told) in plain(&found) {
        assert_eq!(told, "authority", "{name}");
    }
    // With the map the port alone is lost.
    let mapped = |own: SocketAddr| keys::verifier().origin(&own.to_string(), "https", "api.example").unwrap();
    let found = refused(setup, mapped).await;
    assert_eq!(plain(&found), [("authority with another port, `:8443`", "port")]);
}

#[tokio::test]
async fn a_path_that_was_decoded_and_normalised() {
    let Some(setup) = setup("nginx, Host kept, `proxy_pass` with a path") else { return };
    let found = refused(setup, |_| keys::verifier()).await;
    assert_eq!(
        plain(&found),
        [
            ("path with `%2F`", "percent-encoding"),
            ("path with lower-case escape `%2f`", "percent-encoding"),
            ("path with needless escape `%7E`", "percent-encoding"),
            ("path with `//`", "path-slash"),
            ("path that begins with `//`", "path-slash"),
            ("path with `/./`", "path-slash"),
            // What stood before the dots is gone: nobody can tell it.
            ("path with `/../`", "unexplained"),
            ("path with `%2E%2E`", "unexplained"),
        ]
    );
}

#[tokio::test]
async fn what_the_profile_refuses_and_a_proxy_lets_through() {
    for name in ["haproxy as it comes", "haproxy, HTTP/2"] {
        let Some(setup) = setup(name) else { return };
        let found = refused(setup, |_| keys::verifier()).await;
        let expected =
            [("uncovered header with `_`", "header-added"), ("trailer behind the content", "unexplained")];
        assert_eq!(plain(&found), expected, "{name}");
    }
}

#[tokio::test]
async fn nothing_is_said_of_what_is_not_changed() {
    for name in ["nginx, Host kept", "nginx, Host kept, HTTP/2"] {
        let Some(setup) = setup(name) else { return };
        assert_eq!(plain(&refused(setup, |_| keys::verifier()).await), [], "{name}");
    }
}

/// By the program of this name: the tests need no other decoder.
fn gunzip(coding: &str, content: &[u8], limit: usize) -> Option<Vec<u8>> {
    assert_eq!(coding, "gzip");
    let mut command = Command::new("gzip");
    let mut child = command.arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(content).unwrap();
    let output = child.wait_with_output().unwrap();
    Some(output.stdout).filter(|decoded| output.status.success() && decoded.len() <= limit)
}

#[tokio::test]
async fn an_answer_that_was_compressed() {
    let Some(setups) = setups() else { return };
    let case = case::all().into_iter().find(|case| case.gzip).unwrap();
    for setup in setups.iter().filter(|setup| !setup.mapped) {
        let running = setup.start(backend::start(Speaks::Http1, |_| keys::verifier()).await);
        let signed = case.signed();
        let answer = match setup.http2 {
            true => client::http2(running.address, &case, &signed).await,
            false => client::http1(running.address, &case, &signed).await,
        };
        assert_eq!((answer.explained(), answer.verified(&signed)), ("verifies".into(), "NotCovered".into()));
        assert_eq!(answer.answer_explained(&signed, &gunzip), "content-encoded", "{}", setup.name);
    }
}
