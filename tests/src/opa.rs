//! The real OPA, as a server on loopback: what our evaluation of Rego is held against.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::stack::parts::tool;

/// How often the server is asked whether it is there, and how long in between.
const ATTEMPTS: usize = 400;
const PAUSE: Duration = Duration::from_millis(25);

/// The folder of OPA's own conformance cases.
pub fn conformance_cases() -> Result<PathBuf> {
    tool("CARACAL_OPA_CASES", "opa-cases-1.22.0")
}

/// A running server.
#[derive(Debug)]
pub struct Opa {
    process: Child,
    port: u16,
    stream: BufReader<TcpStream>,
}

impl Opa {
    /// Starts a server on a free port.
    pub fn start() -> Result<Self> {
        let program = tool("CARACAL_OPA", "bin/opa")?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut process = Command::new(program)
            .args([
                "run",
                "--server",
                "--skip-version-check",
                "--log-level",
                "error",
            ])
            .args(["--addr", &format!("127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        for _ in 0..ATTEMPTS {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
                stream.set_nodelay(true)?;
                let stream = BufReader::new(stream);
                return Ok(Self {
                    process,
                    port,
                    stream,
                });
            }
            std::thread::sleep(PAUSE);
        }
        process.kill()?;
        process.wait()?;
        bail!("OPA does not answer on port {port}")
    }

    /// Puts a module in the place of the one before; OPA's own words if it does not compile.
    pub fn put_policy(&mut self, source: &str) -> Result<Result<(), String>> {
        let (status, body) = self.send("PUT", "/v1/policies/policy", source)?;
        match status {
            200 => Ok(Ok(())),
            400 => Ok(Err(body)),
            _ => bail!("OPA answered {status}: {body}"),
        }
    }

    /// The value at a path such as `caracal/policy/allow`, `None` if it is undefined; an error of a
    /// built-in function is an error.
    pub fn value(&mut self, path: &str, input: &Value) -> Result<Result<Option<Value>, String>> {
        let body = serde_json::json!({ "input": input }).to_string();
        let path = format!("/v1/data/{path}?strict-builtin-errors=true");
        let (status, body) = self.send("POST", &path, &body)?;
        match status {
            200 => {
                let answer: Value = serde_json::from_str(&body)?;
                Ok(Ok(answer.get("result").cloned()))
            }
            500 => Ok(Err(body)),
            _ => bail!("OPA answered {status}: {body}"),
        }
    }

    /// The result of a query without modules.
    pub fn query(&mut self, query: &str, input: &Value) -> Result<Value> {
        let body = serde_json::json!({ "query": query, "input": input }).to_string();
        let (status, body) = self.send("POST", "/v1/query", &body)?;
        ensure!(status == 200, "OPA answered {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.get(9..12).context("no status line")?.parse()?;
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = Some(value.parse::<usize>()?);
            }
        }
        let body = match length {
            Some(length) => {
                let mut body = vec![0; length];
                self.stream.read_exact(&mut body)?;
                body
            }
            None => self.chunks()?,
        };
        Ok((status, String::from_utf8(body)?))
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim_end(), 16).context("no chunk")?;
            // Each chunk ends in CR LF, the last one too.
            let mut chunk = vec![0; length.saturating_add(2)];
            self.stream.read_exact(&mut chunk)?;
            if length == 0 {
                return Ok(body);
            }
            chunk.truncate(length);
            body.append(&mut chunk);
        }
    }
}

impl Drop for Opa {
    fn drop(&mut self) {
        // It is gone already, or it goes now.
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}
