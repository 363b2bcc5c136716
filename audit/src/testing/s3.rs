//! A throw-away S3 server: the Versity gateway, over a folder.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use url::Url;

use super::tools::tool;
use crate::publish::s3::{Credentials, S3Client, S3Place, UrlStyle};

pub(crate) const BUCKET: &str = "ledger";
const ACCESS: &str = "publisher";
const SECRET: &str = "a secret of tests";

/// Keeps the server while its standard input is open, that is, while the test runs, however it ends.
/// Prints the folder when the server was started.
const KEEPER: &str = r#"
trap '' INT TERM
program=$1 port=$2 bucket=$3
shift 3
dir=$(mktemp -d /tmp/caracal-s3.XXXXXX) || exit 1
mkdir -p "$dir/data/$bucket" "$dir/meta" || exit 1
"$program" --port "127.0.0.1:$port" --keep-alive --quiet "$@" \
    posix --sidecar "$dir/meta" "$dir/data" >"$dir/log" 2>&1 &
server=$!
echo "$dir"
cat >/dev/null
kill "$server"
wait "$server"
rm -rf "$dir"
"#;

/// It ends with the test.
pub(crate) struct S3Server {
    keeper: Child,
    folder: PathBuf,
    endpoint: Url,
    authority: Option<CertificateDer<'static>>,
}

impl S3Server {
    /// Without TLS.
    pub(crate) async fn start() -> Self {
        Self::with("http", None, &[]).await
    }

    /// With a certificate that nobody believes who was not told to.
    pub(crate) async fn start_with_tls() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = tempfile::tempdir().unwrap();
        let (cert, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let [cert, key] = [cert, key].map(|path| path.display().to_string());
        let options = ["--cert", &cert, "--key", &key];
        Self::with("https", Some(made.cert.der().clone()), &options).await
    }

    async fn with(
        scheme: &str,
        authority: Option<CertificateDer<'static>>,
        options: &[&str],
    ) -> Self {
        let program = tool("CARACAL_VERSITYGW", "bin/versitygw");
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(program)
            .args([&port.to_string(), BUCKET])
            .args(options)
            .env("ROOT_ACCESS_KEY", ACCESS)
            .env("ROOT_SECRET_KEY", SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = keeper.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let server = Self {
            keeper,
            folder: line.trim_end().into(),
            endpoint: format!("{scheme}://localhost:{port}").parse().unwrap(),
            authority,
        };
        let answers = async {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), answers).await;
        let log = std::fs::read_to_string(server.folder.join("log"));
        assert!(waited.is_ok(), "the S3 server does not answer: {log:?}");
        server
    }

    pub(crate) fn place(&self, prefix: &str) -> S3Place {
        let endpoint = self.endpoint.clone();
        S3Place::new(endpoint, UrlStyle::Path, BUCKET, "us-east-1", prefix).unwrap()
    }

    /// A client that believes this server.
    pub(crate) fn client(&self) -> S3Client {
        S3Client::new(self.authority.as_slice()).unwrap()
    }

    /// The bucket as the server keeps it: a file for each object.
    pub(crate) fn objects(&self) -> PathBuf {
        self.folder.join("data").join(BUCKET)
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(ACCESS, SECRET)
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // Its end of input is its sign.
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}
