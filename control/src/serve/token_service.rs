//! The token service: gRPC, HTTP with and without TLS, metrics.

use anyhow::Context as _;
use caracal_store::Store;
use caracal_sts::{Sts, StsConfig};

use super::base::{Base, Shared};
use super::data::read_secret;
use super::servers::{Servers, bind};
use crate::settings::TokenServiceSettings;

/// Starts it and opens its doors.
pub(super) async fn start(
    settings: TokenServiceSettings,
    base: &Base,
    shared: &Shared,
    servers: &mut Servers,
) -> anyhow::Result<Sts> {
    let TokenServiceSettings {
        grpc,
        http,
        https,
        metrics,
        instance,
        mandate_lifetime_s,
        accept_endpoint_audience,
        redis,
        keys,
        jwks,
        operators,
    } = settings;
    let own_name = || base.data.replica(&*base.random);
    let redis = redis.map(|redis| redis.config(own_name, read_secret));
    let redis = redis.transpose()?;
    if let Some(redis) = &redis {
        let (url, replica) = (&redis.url, &redis.replica);
        tracing::info!(%url, %replica, "replicas meet at Redis");
    }
    let defaults = StsConfig::default();
    let config = StsConfig {
        default_lifetime_s: mandate_lifetime_s.unwrap_or(defaults.default_lifetime_s),
        accept_endpoint_audience,
        lease_ms: shared.lease_ms,
        redis,
        jwks: jwks.config()?,
        key_lifetime_s: keys.lifetime_s(),
        instance: instance.map_or(defaults.instance, |name| name.to_string()),
        operators,
        telemetry: shared.telemetry.clone(),
        ..StsConfig::default()
    };
    let sts = Sts::start(
        base.store.clone(),
        base.ledger.clone(),
        keys.storage(&base.data).await?,
        base.clock.clone(),
        base.random.clone(),
        config,
    );
    let sts = sts.await.context("the token service did not start")?;
    finish_zones(&base.store, &sts).await?;

    let listener = bind(grpc).await?;
    servers.tell("gRPC (mutual TLS)", &listener.local_addr()?);
    let (service, tls) = (sts.clone(), shared.tls.clone());
    servers.add("the gRPC server", async move |stop| {
        Ok(service.serve_grpc(listener, tls, stop).await?)
    });
    let doors = [
        ("token endpoint, keys", "http", Some(http), None),
        ("the same with TLS", "https", https, Some(&shared.tls)),
    ];
    for (what, scheme, address, tls) in doors {
        let Some(address) = address else { continue };
        let listener = bind(address).await?;
        servers.tell(what, &format!("{scheme}://{}", listener.local_addr()?));
        let (service, tls) = (sts.clone(), tls.cloned());
        servers.add("the HTTP server", async move |stop| {
            Ok(service.serve_http(listener, tls, stop).await?)
        });
    }
    if let Some(address) = metrics {
        let listener = bind(address).await?;
        let address = listener.local_addr()?;
        servers.tell("metrics", &format!("http://{address}/metrics"));
        let service = sts.clone();
        servers.add("the metrics server", async move |stop| {
            Ok(service.serve_metrics(listener, stop).await?)
        });
    }
    let verifier = base.data.verifier_key_file();
    servers.tell("ledger verifier key", &verifier.display());
    Ok(sts)
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
