//! Throw-away servers, for tests: `PostgreSQL`, and [`RedisServer`]. A test that needs one fails
//! without it: set `CARACAL_POSTGRES_BIN` to the directory of `initdb` and `postgres`, or install the
//! package `postgresql`; set `CARACAL_REDIS_SERVER` to the program, or install `redis-server`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a server that cannot be set up fails its test"
)]

mod redis;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

use crate::{DatabaseUrl, Store};
pub use redis::RedisServer;

/// The owner of every test's database.
pub const OWNER: &str = "caracal_owner";

/// Keeps the server while its standard input is open, that is, while the test runs, however it
/// ends. Prints the directory when the server answers.
const KEEPER: &str = r#"
trap '' INT TERM
dir=$(mktemp -d "$3/caracal-postgres.XXXXXX") || exit 1
"$1/initdb" -D "$dir/data" -U caracal_owner -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 &&
cat >>"$dir/data/postgresql.conf" <<CONF &&
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 300
fsync = $2
CONF
"$1/pg_ctl" -D "$dir/data" -l "$dir/log" -w start >/dev/null 2>&1 || { cat "$dir/log" >&2; exit 1; }
echo "$dir"
cat >/dev/null
"$1/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1
rm -rf "$dir"
"#;

/// Whether a commit reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It does: for measurements, and for tests that cut the power.
    Disk,
    /// It does not, which saves time.
    Memory,
}

impl Durability {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "on",
            Self::Memory => "off",
        }
    }
}

/// A server of one's own. It ends with the process, or when it is dropped.
#[derive(Debug)]
pub struct PostgresServer {
    keeper: Child,
    directory: PathBuf,
    programs: PathBuf,
}

impl PostgresServer {
    /// Starts one.
    #[must_use]
    pub fn start(durability: Durability) -> Self {
        Self::start_below(Path::new("/tmp"), durability)
    }

    /// Starts one that keeps its files, its write-ahead log included, in a new directory below
    /// `parent`.
    #[must_use]
    pub fn start_below(parent: &Path, durability: Durability) -> Self {
        let programs = programs();
        let mut keeper = as_user("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&programs)
            .arg(durability.as_str())
            .arg(parent)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let output = keeper.stdout.take().expect("it is piped");
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        read.expect("the keeper's output is text");
        assert!(
            !line.is_empty(),
            "PostgreSQL did not start; see its log above"
        );
        Self {
            keeper,
            directory: line.trim_end().into(),
            programs,
        }
    }

    /// The one that the tests of a process share.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<PostgresServer> = OnceLock::new();
        SERVER.get_or_init(|| Self::start(Durability::Memory))
    }

    /// Place of a database for a user.
    #[must_use]
    pub fn url(&self, user: &str, database: &str) -> DatabaseUrl {
        let url = self.url_text(user, database);
        url.parse().expect("a well-formed URL")
    }

    /// The same as a URL for another program.
    #[must_use]
    pub fn url_text(&self, user: &str, database: &str) -> String {
        let host = self.directory.display();
        format!("postgres://{user}@localhost/{database}?host={host}")
    }

    /// Process ids of the server: the first one, and those that it started.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        let first = std::fs::read_to_string(self.directory.join("data/postmaster.pid"));
        let first = first.expect("the server runs");
        let first: u32 = first
            .lines()
            .next()
            .and_then(|line| line.parse().ok())
            .expect("its process id comes first");
        let children = format!("/proc/{first}/task/{first}/children");
        let children = std::fs::read_to_string(children).expect("the server runs");
        let children = children.split_whitespace().flat_map(str::parse);
        std::iter::once(first).chain(children).collect()
    }

    /// A new, empty database and its place for its owner.
    pub async fn empty_database(&self) -> DatabaseUrl {
        self.create("TEMPLATE template0").await
    }

    /// A new database with the schema and the roles, and its place for its owner. The users
    /// `control_user` and `sts_user` have one role each.
    pub async fn database(&self) -> DatabaseUrl {
        static TEMPLATES: tokio::sync::Mutex<Vec<PathBuf>> =
            tokio::sync::Mutex::const_new(Vec::new());
        let mut templates = TEMPLATES.lock().await;
        if !templates.contains(&self.directory) {
            self.execute("postgres", "CREATE DATABASE caracal_template")
                .await;
            let template = self.url(OWNER, "caracal_template");
            Store::migrate(&template).await.expect("the schema is made");
            Store::create_roles(&template)
                .await
                .expect("the roles are made");
            for role in ["control", "sts"] {
                let user = format!("CREATE ROLE {role}_user LOGIN IN ROLE caracal_{role}");
                self.execute("postgres", &user).await;
            }
            templates.push(self.directory.clone());
        }
        drop(templates);
        self.create("TEMPLATE caracal_template").await
    }

    async fn create(&self, template: &str) -> DatabaseUrl {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name} {template}"))
            .await;
        self.url(OWNER, &name)
    }

    /// Runs a statement as the owner of everything.
    pub async fn execute(&self, database: &str, statement: &str) {
        let place = self.url(OWNER, database);
        let mut connection = connect(&place).await.expect("the server answers");
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
        connection.close().await.expect("the connection closes");
    }

    /// Stops the server as a crash would, and starts it again with `action` in between.
    pub async fn without<T>(&self, action: impl Future<Output = T>) -> T {
        self.stop();
        let result = action.await;
        self.start_again();
        result
    }

    /// Stops the server as a crash would.
    pub fn stop(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Starts it again, and waits until it answers.
    pub fn start_again(&self) {
        let log = self.directory.join("log");
        self.control(&["-l", &log.to_string_lossy(), "-w", "start"]);
    }

    /// Whether there is a server process. One that recovers from a crash is one.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.pg_ctl(&["status"]).success()
    }

    /// Makes a hot standby of it, which has nothing to follow.
    pub fn become_replica(&self) {
        self.control(&["-m", "fast", "-w", "stop"]);
        let signal = self.directory.join("data/standby.signal");
        let made = as_user("touch").arg(signal).current_dir("/").status();
        assert!(made.expect("touch runs").success());
        self.start_again();
    }

    fn control(&self, arguments: &[&str]) {
        let status = self.pg_ctl(arguments);
        assert!(status.success(), "pg_ctl {arguments:?}: {status}");
    }

    fn pg_ctl(&self, arguments: &[&str]) -> ExitStatus {
        as_user(self.programs.join("pg_ctl"))
            .arg("-D")
            .arg(self.directory.join("data"))
            .args(arguments)
            .current_dir("/")
            .stdout(Stdio::null())
            .status()
            .expect("pg_ctl runs")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Its end of input is its sign.
        drop(self.keeper.stdin.take());
        let _ended = self.keeper.wait();
    }
}

/// A plain connection to a database: what somebody has who does not use this crate.
pub async fn connect(place: &DatabaseUrl) -> Result<AnyConnection, sqlx::Error> {
    sqlx::any::install_default_drivers();
    match place {
        DatabaseUrl::Sqlite(path) => {
            AnyConnection::connect(&format!("sqlite://{}", path.display())).await
        }
        DatabaseUrl::Postgres(url) => AnyConnection::connect(url.as_url().as_str()).await,
    }
}

fn programs() -> PathBuf {
    if let Some(given) = std::env::var_os("CARACAL_POSTGRES_BIN") {
        return given.into();
    }
    // Debian keeps every version in a directory of its own; the newest comes last.
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut found: Vec<_> = versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|path| path.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| {
        panic!(
            "PostgreSQL is missing: install the package postgresql, or set CARACAL_POSTGRES_BIN \
             to the directory of initdb"
        )
    })
}

/// `PostgreSQL` refuses to run as root.
fn as_user(program: impl AsRef<Path>) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program.as_ref());
        command
    } else {
        Command::new(program.as_ref())
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
