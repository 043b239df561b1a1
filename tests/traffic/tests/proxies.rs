//! What survives a reverse proxy: every case through every proxy, compared with the table of docs/signing.md.

use std::net::SocketAddr;

use apiseal_traffic::backend::{self, Speaks};
use apiseal_traffic::case::{self, Case};
use apiseal_traffic::proxy::{SETUPS, Setup};
use apiseal_traffic::{client, keys, table};

/// One cell.
async fn cell(to: SocketAddr, http2: bool, case: &Case) -> String {
    if http2 && !case.http2 {
        return "–".to_owned();
    }
    let signed = case.signed();
    let answer = match http2 {
        true => client::http2(to, case, &signed).await,
        false => client::http1(to, case, &signed).await,
    };
    let outcome = answer.outcome();
    if outcome == "verifies" {
        // The answer has to come through as well.
        let answered = answer.verified(&signed);
        return if answered == "verifies" { outcome } else { format!("answer: {answered}") };
    }
    outcome
}

async fn column(setup: Option<&Setup>) -> Vec<String> {
    let mapped = setup.is_some_and(|setup| setup.mapped);
    let backend = backend::start(Speaks::Http1, |own| match mapped {
        true => keys::verifier().origin(&own.to_string(), "https", "api.example").unwrap(),
        false => keys::verifier(),
    })
    .await;
    let running = setup.map(|setup| setup.start(backend));
    let to = running.as_ref().map_or(backend, |running| running.address);
    let mut cells = Vec::new();
    for case in case::all() {
        cells.push(cell(to, setup.is_some_and(|setup| setup.http2), &case).await);
    }
    cells
}

#[tokio::test]
async fn the_table_of_the_documentation_is_true() {
    if let Some(missing) = SETUPS.iter().find(|setup| setup.version().is_none()) {
        eprintln!("NOT RUN: {} is not installed; scripts/proxies says how to get it", missing.name);
        assert!(std::env::var_os("APISEAL_DEMAND_PROXIES").is_none(), "the proxies were to be there");
        return;
    }
    let mut columns = vec![("no proxy", column(None).await)];
    for setup in &SETUPS {
        columns.push((setup.name, column(Some(setup)).await));
    }
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let row = |(at, case): (usize, Case)| {
        (case.name.to_owned(), columns.iter().map(|(_, cells)| cells[at].clone()).collect::<Vec<_>>())
    };
    let rows: Vec<_> = case::all().into_iter().enumerate().map(row).collect();
    let mut versions: Vec<String> = SETUPS.iter().filter_map(Setup::version).collect();
    versions.dedup();
    table::compare(&table::markdown(&names, &rows), &versions.join(" and "));
    // The table would also be true if nothing worked.
    for (name, cells) in &columns {
        let good = cells.iter().filter(|cell| *cell == "verifies").count();
        assert!(good > 10, "{name}: {good}");
    }
}

#[tokio::test]
async fn rule_s20_without_a_map_of_origins_the_name_for_the_server_does_not_verify() {
    let Some(setup) = SETUPS.iter().find(|setup| setup.mapped && setup.version().is_some()) else {
        eprintln!("NOT RUN: nginx is not installed; scripts/proxies says how to get it");
        assert!(std::env::var_os("APISEAL_DEMAND_PROXIES").is_none(), "the proxies were to be there");
        return;
    };
    let case = Case::get("plain", "/a?x=1").with_forwarded();
    let backend = backend::start(Speaks::Http1, |_| keys::verifier()).await;
    let running = setup.start(backend);
    assert_eq!(cell(running.address, false, &case).await, "SignatureInvalid");
    // And one that answers for other names only.
    let other = |_| keys::verifier().origin("other:1", "https", "api.example").unwrap();
    let running = setup.start(backend::start(Speaks::Http1, other).await);
    assert_eq!(cell(running.address, false, &case).await, "OriginUnknown");
}
