//! Another method, scheme, authority, port or status. Forwarding headers are read here for guesses only: a signature
//! that holds proves a guess, and nothing else trusts them.

use crate::http::target;
use crate::signing::explain::change::ChangeKind;
use crate::signing::explain::judge::{Judge, Step, View};

/// The most authorities that are tried.
const MAX_AUTHORITIES: usize = 48;

impl Judge<'_> {
    pub(super) fn try_origin(&mut self, known: &[String]) -> Step {
        let view = self.received.clone();
        if !self.covers(&["@authority", "@scheme", "@target-uri", "host"]) {
            return Step::Continue(());
        }
        let other = if view.scheme == "https" { "http" } else { "https" };
        let schemes = [view.scheme.as_str(), other];
        let authorities = self.authorities(&view, known);
        let set = |scheme: &str, authority: &str| View {
            scheme: scheme.to_owned(),
            authority: authority.to_owned(),
            ..with_host(&view, authority)
        };
        self.attempt(ChangeKind::Scheme, set(other, &view.authority))?;
        for authority in &authorities {
            let same = host(authority) == host(&view.authority);
            let kind = if same { ChangeKind::Port } else { ChangeKind::Authority };
            self.attempt(kind, set(&view.scheme, authority))?;
            // The authority as it was written, where the Host header alone is covered.
            self.attempt(kind, View { authority: view.authority.clone(), ..set(&view.scheme, authority) })?;
        }
        for authority in authorities
            .iter()
            .filter(|_| self.covers(&["@scheme", "@target-uri"]))
            .cloned()
            .collect::<Vec<_>>()
        {
            for scheme in schemes {
                self.attempt(ChangeKind::Origin, set(scheme, &authority))?;
            }
        }
        Step::Continue(())
    }

    /// Every authority that the message, the map of origins or the caller names, with and without ports.
    fn authorities(&self, view: &View, known: &[String]) -> Vec<String> {
        let external: Vec<String> =
            self.verifier.origins().map(|(_, _, external)| external.to_owned()).collect();
        let mut named: Vec<String> = [known, &external].concat();
        for header in ["host", "x-forwarded-host", "x-original-host", "x-host", "x-forwarded-server"] {
            for line in view.lines(header) {
                let text = String::from_utf8_lossy(line);
                let mut all = text.split(',').map(|part| part.trim().to_owned());
                named.extend(all.next());
                named.extend(all.next_back());
            }
        }
        for line in view.lines("forwarded") {
            let text = String::from_utf8_lossy(line).into_owned();
            let host = text.split([';', ',']).filter_map(|part| {
                let (name, value) = part.split_once('=')?;
                name.trim().eq_ignore_ascii_case("host").then(|| value.trim().trim_matches('"').to_owned())
            });
            named.extend(host);
        }
        if let crate::http::message::Start::Request { authority, .. } = self.message.start {
            named.push(authority.to_owned());
        }
        for (received, _, _) in self.verifier.origins() {
            named.push(received.to_owned());
        }
        named.push(view.authority.clone());
        let ports: Vec<String> = view
            .lines("x-forwarded-port")
            .map(|line| String::from_utf8_lossy(line).trim().to_owned())
            .chain(["443", "80", "8443", "8080", "3000", "5000", "8000"].map(str::to_owned))
            .collect();
        let mut out: Vec<String> = Vec::new();
        let mut add = |text: &str| {
            let legal =
                !text.is_empty() && text.len() <= 300 && text.bytes().all(|byte| byte.is_ascii_graphic());
            if legal && out.len() < MAX_AUTHORITIES && !out.iter().any(|own| own == text) {
                out.push(text.to_owned());
            }
        };
        for name in &named {
            if let Ok(normal) = target::authority(&view.scheme, name) {
                add(&normal);
            }
            // As a peer writes it that does not normalise.
            add(name);
            add(host(name));
        }
        for port in &ports {
            add(&format!("{}:{port}", host(&view.authority)));
        }
        for name in named.iter().take(4) {
            add(&format!("{}:{}", host(name), if view.scheme == "https" { 443 } else { 80 }));
        }
        // What clients call the service, at a port that the proxy did not tell.
        for name in known.iter().chain(&external).take(4) {
            ports.iter().for_each(|port| add(&format!("{}:{port}", host(name))));
        }
        let own = host(&view.authority);
        add(&format!("www.{own}"));
        add(own.strip_prefix("www.").unwrap_or_default());
        add(&format!("{own}."));
        add(own.strip_suffix('.').unwrap_or_default());
        out
    }

    pub(super) fn try_method_and_status(&mut self) -> Step {
        let view = self.received.clone();
        if self.covers(&["@method"]) {
            let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map(str::to_owned);
            let named = ["x-http-method-override", "x-original-method", "x-http-method", "x-method-override"]
                .iter()
                .flat_map(|name| view.lines(name))
                .map(|line| String::from_utf8_lossy(line).trim().to_owned());
            let other: Vec<String> = methods
                .into_iter()
                .chain(named)
                .chain([view.method.to_ascii_lowercase(), view.method.to_ascii_uppercase()])
                .collect();
            for method in other {
                self.attempt(ChangeKind::Method, View { method, ..view.clone() })?;
            }
        }
        if self.covers(&["@status"]) {
            for status in [
                200, 201, 202, 204, 206, 207, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 409,
                410, 412, 413, 415, 422, 429, 500, 501, 502, 503, 504,
            ] {
                self.attempt(ChangeKind::Status, View { status, ..view.clone() })?;
            }
        }
        Step::Continue(())
    }
}

/// The authority without its port.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// With this authority in the Host header, if there is one.
fn with_host(view: &View, authority: &str) -> View {
    match view.lines("host").next() {
        Some(_) => view.with_lines("host", &[authority.as_bytes().to_vec()]),
        None => view.clone(),
    }
}
