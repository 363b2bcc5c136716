//! What both halves stand on: data directory, databases, clock.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use caracal_audit::Ledger;
use caracal_store::Store;
use caracal_sts::{
    Clock, Draining, LogExporter, Random, SystemClock, SystemRandom, TelemetryConfig, TlsFiles,
};

use super::data::DataDirectory;
use super::publication::Publishing;
use super::witnesses::WitnessSettings;
use crate::clock::LedgerClock;
use crate::settings::{ManagementSettings, Settings, TokenServiceSettings};

/// It is open.
pub(super) struct Base {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) data: DataDirectory,
    pub(super) store: Store,
    pub(super) ledger: Ledger,
    pub(super) publishing: Option<Publishing>,
    pub(super) ledger_export: Option<LogExporter>,
    pub(super) draining: Draining,
}

/// Settings of both halves.
pub(super) struct Shared {
    pub(super) tls: TlsFiles,
    pub(super) lease_ms: u64,
    pub(super) drain: Duration,
    pub(super) telemetry: Option<TelemetryConfig>,
}

/// What is left of the settings.
pub(super) struct Parts {
    pub(super) shared: Shared,
    pub(super) token_service: Option<TokenServiceSettings>,
    pub(super) management: Option<ManagementSettings>,
}

impl Base {
    /// Makes the secrets that the halves need and are not there yet, and connects.
    pub(super) async fn open(settings: Settings) -> anyhow::Result<(Self, Parts)> {
        let Settings {
            data,
            database,
            ledger,
            ledger_name,
            witnesses,
            publication,
            tls,
            lease_ms,
            drain,
            log: _,
            log_level: _,
            telemetry,
            ledger_export,
            token_service,
            management,
        } = settings;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
        let mut data = DataDirectory::open(data)?;
        let needs_kek = |settings: &TokenServiceSettings| settings.keys.need_the_directory();
        if token_service.as_ref().is_some_and(needs_kek) {
            data = data.with_kek(&*random)?;
        }
        if management.is_some() {
            data = data.with_admin_token(&*random)?;
        }
        let signer = data.checkpoint_signer(&ledger_name)?;
        let store = Store::connect(&database).await;
        let store = store.with_context(|| database.to_string())?;
        let ledger_clock = Arc::new(LedgerClock(Arc::clone(&clock)));
        let rule = witnesses.as_ref().map(WitnessSettings::rule);
        let place = ledger.clone();
        let connected = match witnesses {
            None => Ledger::connect(&ledger, signer, ledger_clock.clone()).await,
            Some(witnesses) => {
                let read = tokio::task::spawn_blocking(move || witnesses.witnessing());
                let witnessing = read.await??;
                Ledger::connect_witnessed(&ledger, signer, ledger_clock.clone(), witnessing).await
            }
        };
        let ledger = connected.with_context(|| ledger.to_string())?;
        let publishing = match publication {
            None => None,
            Some(settings) => {
                let key = data.verifier_key()?;
                Some(Publishing::start(settings, &place, rule, &key, ledger_clock).await?)
            }
        };
        let ledger_export = match ledger_export {
            None => None,
            Some(collector) => {
                let named = token_service.as_ref().and_then(|own| own.instance.as_ref());
                let instance = named.map_or(&*collector.service_name, |name| name.as_str());
                let cursor = data.ledger_export_file();
                let started = LogExporter::start(&collector, instance, ledger.clone(), cursor);
                Some(started.context("--otlp-ledger-endpoint")?)
            }
        };
        let base = Self {
            clock,
            random,
            data,
            store,
            ledger,
            publishing,
            ledger_export,
            draining: Draining::default(),
        };
        let parts = Parts {
            shared: Shared {
                tls,
                lease_ms,
                drain,
                telemetry,
            },
            token_service,
            management,
        };
        Ok((base, parts))
    }
}
