//! Reverse proxies of the distribution, each started with a configuration of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A proxy with one way to set it up: one column of the table.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Heading of the column.
    pub name: &'static str,
    /// Whether the client speaks HTTP/2 with it.
    pub http2: bool,
    /// Whether the server knows the request by the proxy's own name for it, and maps that to the external origin.
    pub mapped: bool,
    kind: Kind,
    /// Lines of nginx's location.
    more: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Nginx,
    Haproxy,
}

/// Every column of the table.
pub const SETUPS: [Setup; 6] = [
    nginx("nginx as it comes, `origin` map", false, true, "proxy_pass http://BACKEND;"),
    nginx("nginx, Host kept", false, false, "proxy_pass http://BACKEND; proxy_set_header Host $http_host;"),
    nginx(
        "nginx, Host kept, `proxy_pass` with a path",
        false,
        false,
        "proxy_pass http://BACKEND/; proxy_set_header Host $http_host;",
    ),
    nginx(
        "nginx, Host kept, HTTP/2",
        true,
        false,
        "proxy_pass http://BACKEND; proxy_set_header Host $http_host;",
    ),
    Setup { name: "haproxy as it comes", http2: false, mapped: false, kind: Kind::Haproxy, more: "" },
    Setup { name: "haproxy, HTTP/2", http2: true, mapped: false, kind: Kind::Haproxy, more: "" },
];

const fn nginx(name: &'static str, http2: bool, mapped: bool, more: &'static str) -> Setup {
    Setup { name, http2, mapped, kind: Kind::Nginx, more }
}

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    folder: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Setup {
    /// The version of the proxy; `None` where it is not installed.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        let output = Command::new(self.program()?).arg("-v").output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let number = text.split(['/', ' ']).find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let number: String = number.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let name = if self.kind == Kind::Nginx { "nginx" } else { "haproxy" };
        Some(format!("{name} {number}"))
    }

    fn program(&self) -> Option<PathBuf> {
        let name = if self.kind == Kind::Nginx { "nginx" } else { "haproxy" };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
        folders.map(|folder| folder.join(name)).find(|program| program.is_file())
    }

    /// Starts the proxy before a server.
    ///
    /// # Panics
    /// If it does not listen after ten seconds; its own words are shown.
    #[must_use]
    pub fn start(&self, backend: SocketAddr) -> Running {
        // Freed for the proxy to take; the loop below notices if somebody else was faster.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let folder =
            std::env::temp_dir().join(format!("apiseal-traffic-{}-{}", std::process::id(), address.port()));
        std::fs::create_dir_all(&folder).unwrap();
        let (config, log) = (folder.join("proxy.conf"), folder.join("log"));
        std::fs::write(&config, self.config(&folder, address, backend)).unwrap();
        let mut command = Command::new(self.program().unwrap());
        match self.kind {
            Kind::Nginx => command.arg("-e").arg(&log).arg("-p").arg(&folder).arg("-c").arg(&config),
            Kind::Haproxy => command.arg("-db").arg("-f").arg(&config),
        };
        let out = std::fs::File::create(folder.join("out")).unwrap();
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
        let mut running = Running { child: command.spawn().unwrap(), folder, address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = running.child.try_wait().unwrap();
            if ended.is_some() || begun.elapsed() > Duration::from_secs(10) {
                let told = std::fs::read_to_string(running.folder.join("out")).unwrap_or_default();
                panic!("{}: it does not listen: {told}", self.name);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        running
    }

    fn config(&self, folder: &Path, own: SocketAddr, backend: SocketAddr) -> String {
        let folder = folder.display();
        match self.kind {
            Kind::Nginx => {
                let http2 = if self.http2 { " http2" } else { "" };
                let more = self.more.replace("BACKEND", &backend.to_string());
                format!(
                    "daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/log;\n\
                     events {{ worker_connections 64; }}\n\
                     http {{\n access_log off;\n\
                     client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;\n\
                     uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
                     gzip on; gzip_types application/json; gzip_proxied any;\n\
                     server {{ listen {own}{http2}; location / {{ {more} }} }}\n}}\n"
                )
            }
            Kind::Haproxy => {
                let proto = if self.http2 { " proto h2" } else { "" };
                format!(
                    "global\n maxconn 64\ndefaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
                     compression algo gzip\n compression type application/json\n\
                     frontend own\n bind {own}{proto}\n default_backend service\n\
                     backend service\n server one {backend}\n"
                )
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
