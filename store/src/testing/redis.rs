//! A throw-away Redis server, which keeps nothing on disk.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Keeps the server while its standard input is open, that is, while the test runs, however it
/// ends. It takes one command on each line and says when it is done.
const KEEPER: &str = r#"
trap '' INT TERM
dir=$(mktemp -d /tmp/caracal-redis.XXXXXX) || exit 1
echo "$dir"
program=$1; shift
pid=
while read -r command; do
  case $command in
    start)
      "$program" --port 0 --unixsocket "$dir/redis.sock" --save '' --appendonly no --dir "$dir" \
        --daemonize no "$@" </dev/null >>"$dir/log" 2>&1 &
      pid=$! ;;
    stop) kill -9 "$pid"; wait "$pid"; rm -f "$dir/redis.sock" ;;
    freeze) kill -STOP "$pid" ;;
    thaw) kill -CONT "$pid" ;;
  esac 2>/dev/null
  echo done
done
kill -9 "$pid" 2>/dev/null
rm -rf "$dir"
"#;

/// A server of one's own on a socket file. It ends with the process, or when it is dropped.
#[derive(Debug)]
pub struct RedisServer {
    keeper: Child,
    line: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    directory: PathBuf,
}

impl RedisServer {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with more arguments.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        let program = std::env::var_os("CARACAL_REDIS_SERVER");
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(program.unwrap_or_else(|| "redis-server".into()))
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let input = keeper.stdin.take().expect("it is piped");
        let output = keeper.stdout.take().expect("it is piped");
        let mut output = BufReader::new(output);
        let mut directory = String::new();
        let read = output.read_line(&mut directory);
        read.expect("the keeper's output is text");
        let server = Self {
            keeper,
            line: Mutex::new(Some((input, output))),
            directory: directory.trim_end().into(),
        };
        server.restart();
        server
    }

    /// Its place.
    #[must_use]
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Ends it as a crash would.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Starts it again, empty.
    pub fn restart(&self) {
        self.order("start");
        for _ in 0..200 {
            if self.answers() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        panic!(
            "Redis does not start: install the package redis-server, or set CARACAL_REDIS_SERVER \
             to the program\n{log}"
        );
    }

    /// Lets it hang: it takes connections and answers nothing.
    pub fn freeze(&self) {
        self.order("freeze");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.order("thaw");
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("redis.sock")
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = UnixStream::connect(self.socket()) else {
            return false;
        };
        let mut answer = String::new();
        stream.write_all(b"PING\r\n").is_ok()
            && BufReader::new(stream).read_line(&mut answer).is_ok()
            && answer.starts_with("+PONG")
    }

    fn order(&self, command: &str) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let (input, output) = line.as_mut().expect("it lives until it is dropped");
        writeln!(input, "{command}").expect("the keeper lives");
        let mut answer = String::new();
        let read = output.read_line(&mut answer);
        read.expect("the keeper's output is text");
        assert_eq!(answer, "done\n", "{command}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Its end of input is its sign.
        drop(
            self.line
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let _ended = self.keeper.wait();
    }
}
