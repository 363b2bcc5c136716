//! `caracal up`: token service, management API and ledger in one process.

mod data;
mod keys;
mod serve;
mod token_service;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use caracal_audit::Ledger;
use caracal_store::Store;
use caracal_sts::{Clock, Random, Sts, StsConfig, SystemClock, SystemRandom, TlsFiles};
use clap::Args;
use tokio::net::TcpListener;

use crate::api::Api;
use crate::clock::LedgerClock;
use crate::database::{DatabaseArgs, LedgerArgs};
use crate::redis::RedisArgs;
use data::{DataDirectory, read_secret};
use keys::KeyArgs;
use serve::Listeners;

/// Where the parts listen and keep their state.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, for development:
  caracal dev-ca --out caracal-data/tls sts=caracal/sts
  caracal up

The data directory holds every secret of the installation. It is made with mode 0700 on the first
start; back it up as a whole, while the server does not run.")]
pub struct UpArgs {
    /// Directory for databases, keys and the administrator's token.
    #[arg(
        long,
        env = "CARACAL_DATA",
        default_value = "./caracal-data",
        value_name = "DIR"
    )]
    data: PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten)]
    keys: KeyArgs,
    /// Enforcement points call here: gRPC with mutual TLS.
    #[arg(long, default_value = "127.0.0.1:9090", value_name = "ADDRESS")]
    grpc: SocketAddr,
    /// Token endpoint, metadata, public keys and health: plain HTTP, for loopback or behind something
    /// that speaks TLS. No certificate identifies anybody here.
    #[arg(long, default_value = "127.0.0.1:9080", value_name = "ADDRESS")]
    http: SocketAddr,
    /// The same with TLS, by the identity below: clients may show a certificate, and are then known
    /// by its SPIFFE ID. Not served unless it is given.
    #[arg(long, value_name = "ADDRESS")]
    https: Option<SocketAddr>,
    /// Management API: plain HTTP with the administrator's token. Keep it on loopback, or behind
    /// something that speaks TLS.
    #[arg(long, default_value = "127.0.0.1:9070", value_name = "ADDRESS")]
    admin: SocketAddr,
    /// Prometheus metrics: plain HTTP, `GET /metrics`. Not served unless it is given.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Certificate chain of this server, PEM [default: DATA/tls/sts.pem].
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Its private key, PEM [default: DATA/tls/sts.key].
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Authorities of the enforcement points' certificates, PEM [default: DATA/tls/ca.pem].
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// How long an enforcement point goes on when it hears nothing, in milliseconds.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    lease_ms: u64,
    /// Name of the ledger in its checkpoints; it counts on the first start only.
    #[arg(long, default_value = "caracal.local/ledger", value_name = "NAME")]
    ledger_name: String,
}

/// Runs until SIGTERM or SIGINT, then ends in order: callers, changes, ledger, databases.
pub async fn run(args: UpArgs) -> anyhow::Result<()> {
    let UpArgs {
        data,
        database,
        ledger,
        redis,
        keys,
        grpc,
        http,
        https,
        admin,
        metrics,
        tls_cert,
        tls_key,
        tls_ca,
        lease_ms,
        ledger_name,
    } = args;
    let tls = TlsFiles {
        cert: tls_cert.unwrap_or_else(|| data.join("tls/sts.pem")),
        key: tls_key.unwrap_or_else(|| data.join("tls/sts.key")),
        ca: tls_ca.unwrap_or_else(|| data.join("tls/ca.pem")),
    };
    require_tls(&tls)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
    let mut data = DataDirectory::open(data, &*random)?;
    if keys.need_the_directory() {
        data = data.with_kek(&*random)?;
    }
    let signer = data.checkpoint_signer(&ledger_name)?;
    let ledger_clock = Arc::new(LedgerClock(Arc::clone(&clock)));
    let place = database
        .or_file(&data.authority_db())
        .context("--database")?;
    let store = Store::connect(&place)
        .await
        .with_context(|| place.to_string())?;
    let place = ledger
        .or_file(&data.ledger_db())
        .context("--ledger-database")?;
    let ledger = Ledger::connect(&place, signer, ledger_clock)
        .await
        .with_context(|| place.to_string())?;
    let redis = redis.config(|| data.replica(&*random), read_secret)?;
    if let Some(redis) = &redis {
        let (url, replica) = (&redis.url, &redis.replica);
        tracing::info!(%url, %replica, "replicas meet at Redis");
    }
    let config = StsConfig {
        lease_ms,
        redis,
        key_lifetime_s: keys.lifetime_s(),
        ..StsConfig::default()
    };
    let sts = Sts::start(
        store.clone(),
        ledger.clone(),
        keys.storage(&data).await?,
        Arc::clone(&clock),
        Arc::clone(&random),
        config,
    )
    .await
    .context("the token service did not start")?;
    finish_zones(&store, &sts).await?;
    let api = Api::new(
        store.clone(),
        ledger.clone(),
        sts.clone(),
        clock,
        random,
        sts.lease(),
    )?;
    let listeners = Listeners {
        grpc: bind(grpc).await?,
        http: bind(http).await?,
        https: bind_if_given(https).await?,
        metrics: bind_if_given(metrics).await?,
        admin: bind(admin).await?,
    };
    announce(&listeners, &data)?;
    let served = serve::until_stopped(listeners, tls, &sts, api.clone(), data.admin_token()?).await;
    // Changes whose callers have gone still want the ledger; after that nobody does.
    api.drain().await;
    drop((api, sts));
    ledger.close().await;
    store.close().await;
    served
}

/// A zone whose creation was cut short has no key yet.
async fn finish_zones(store: &Store, sts: &Sts) -> anyhow::Result<()> {
    for zone in store.zones().await? {
        let name = &zone.item.name;
        let made = sts.ensure_zone_key(name).await;
        made.with_context(|| format!("the signing key of zone {name}"))?;
    }
    Ok(())
}

fn require_tls(tls: &TlsFiles) -> anyhow::Result<()> {
    for file in [&tls.cert, &tls.key, &tls.ca] {
        ensure!(
            file.exists(),
            "{} does not exist; give --tls-cert, --tls-key and --tls-ca, or for development run \
            `caracal dev-ca --out DATA/tls sts=caracal/sts` with your data directory for DATA",
            file.display()
        );
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

async fn bind_if_given(address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    match address {
        None => Ok(None),
        Some(address) => bind(address).await.map(Some),
    }
}

fn announce(listeners: &Listeners, data: &DataDirectory) -> anyhow::Result<()> {
    let Listeners {
        grpc,
        http,
        https,
        admin,
        metrics,
    } = listeners;
    let admin = admin.local_addr()?;
    if !admin.ip().is_loopback() {
        tracing::warn!(%admin, "the management API is plain HTTP and not on loopback");
    }
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "gRPC (mutual TLS)        {}", grpc.local_addr()?)?;
    writeln!(
        stdout,
        "token endpoint, keys     http://{}",
        http.local_addr()?
    )?;
    if let Some(https) = https {
        writeln!(
            stdout,
            "the same with TLS        https://{}",
            https.local_addr()?
        )?;
    }
    writeln!(stdout, "management API           http://{admin}")?;
    if let Some(metrics) = metrics {
        let metrics = metrics.local_addr()?;
        writeln!(stdout, "metrics                  http://{metrics}/metrics")?;
    }
    writeln!(
        stdout,
        "administrator's token    {}",
        data.admin_token_file().display()
    )?;
    writeln!(
        stdout,
        "ledger verifier key      {}",
        data.verifier_key_file().display()
    )?;
    Ok(stdout.flush()?)
}
