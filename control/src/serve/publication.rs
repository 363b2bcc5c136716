//! The ledger as static files: whom they are written for, and what came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use caracal_audit::publish::s3::{Credentials, S3Client, S3Place, UrlStyle};
use caracal_audit::publish::{
    FolderStore, LogSource, PublisherStatus, PublisherTask, S3Store, TilePublisher,
};
use caracal_audit::{CheckpointVerifier, PublishRule};
use caracal_mandate::name::Name;
use caracal_store::DatabaseUrl;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::task::JoinHandle;
use url::Url;

use crate::settings::parse;
use crate::settings::reader::Reader;

/// How often new zones are looked for, and each log is published.
const EVERY: Duration = Duration::from_secs(1);

/// How long the last checkpoint of a log may take to go out at the end.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// Where the files go.
#[derive(Debug)]
pub(crate) struct PublicationSettings {
    folder: Option<PathBuf>,
    bucket: Option<BucketSettings>,
}

/// A bucket of a server that speaks S3.
#[derive(Debug)]
struct BucketSettings {
    place: S3Place,
    authorities: Option<PathBuf>,
}

impl PublicationSettings {
    /// What was asked for.
    pub(crate) fn read(read: &mut Reader) -> Option<Self> {
        let folder = read.one("tiles", parse::path);
        let endpoint = read.one("tiles-s3", str::parse::<Url>);
        let bucket = read.one("tiles-bucket", parse::text);
        let region = read.one("tiles-region", parse::text);
        let prefix = read.one("tiles-prefix", parse::text);
        let by_host = read.one("tiles-bucket-in-host", parse::boolean);
        let authorities = read.file("tiles-ca");
        if let Some(file) = &authorities {
            read.exists("tiles-ca", file);
        }
        for name in [
            "tiles-bucket",
            "tiles-region",
            "tiles-prefix",
            "tiles-bucket-in-host",
            "tiles-ca",
        ] {
            if read.is_given(name) && !read.is_given("tiles-s3") {
                read.wrong(name, "is for --tiles-s3, which is not given");
            }
        }
        if read.is_given("tiles-s3") && !read.is_given("tiles-bucket") {
            read.missing(
                "tiles-bucket",
                "--tiles-s3 needs it: the name of the bucket",
            );
        }
        let style = if by_host.unwrap_or(false) {
            UrlStyle::VirtualHost
        } else {
            UrlStyle::Path
        };
        let place = endpoint.zip(bucket).and_then(|(endpoint, bucket)| {
            let region = region.as_deref().unwrap_or("us-east-1");
            let prefix = prefix.unwrap_or_default();
            let place = S3Place::new(endpoint, style, &bucket, region, &prefix);
            place
                .inspect_err(|error| read.wrong("tiles-s3", error.to_string()))
                .ok()
        });
        let bucket = place.map(|place| BucketSettings { place, authorities });
        (folder.is_some() || bucket.is_some()).then_some(Self { folder, bucket })
    }
}

/// Every zone's publishers.
#[derive(Clone, Default)]
pub(super) struct Publication(Arc<Mutex<BTreeMap<String, Arc<PublisherTask>>>>);

/// What runs, until it is stopped.
pub(super) struct Publishing {
    publication: Publication,
    zones: JoinHandle<()>,
}

/// Starts publishers for every zone, those to come included.
struct Publishers {
    source: LogSource,
    verifier: CheckpointVerifier,
    folder: Option<PathBuf>,
    bucket: Option<(S3Client, S3Place, Credentials)>,
    clock: Arc<dyn caracal_audit::Clock>,
    publication: Publication,
}

impl Publishing {
    /// Connects, and starts.
    pub(super) async fn start(
        settings: PublicationSettings,
        ledger: &DatabaseUrl,
        rule: Option<PublishRule>,
        verifier_key: &str,
        clock: Arc<dyn caracal_audit::Clock>,
    ) -> anyhow::Result<Self> {
        let PublicationSettings { folder, bucket } = settings;
        let source = LogSource::connect(ledger).with_context(|| ledger.to_string())?;
        let source = match rule {
            None => source,
            Some(rule) => source.witnessed(rule),
        };
        let bucket = match bucket {
            None => None,
            Some(settings) => {
                let opened = tokio::task::spawn_blocking(move || settings.open());
                Some(opened.await??)
            }
        };
        let publication = Publication::default();
        let publishers = Publishers {
            source,
            verifier: CheckpointVerifier::from_text(verifier_key)?,
            folder,
            bucket,
            clock,
            publication: publication.clone(),
        };
        let zones = tokio::spawn(publishers.follow());
        Ok(Self { publication, zones })
    }

    /// What was published, and what stands in the way.
    pub(super) fn publication(&self) -> Publication {
        self.publication.clone()
    }

    /// Publishes the last checkpoints: after the ledger was closed, which signs what is in it.
    pub(super) async fn stop(self) {
        self.zones.abort();
        let tasks = std::mem::take(&mut *self.publication.tasks());
        for (place, task) in tasks {
            let Some(task) = Arc::into_inner(task) else {
                continue;
            };
            let PublisherStatus { size, failure } = task.stop(LAST_PATIENCE).await;
            if let Some(failure) = failure {
                tracing::warn!(
                    place,
                    size,
                    error = failure.text,
                    "the end was not published"
                );
            }
        }
    }
}

impl BucketSettings {
    /// Blocks on files.
    fn open(self) -> anyhow::Result<(S3Client, S3Place, Credentials)> {
        let Self { place, authorities } = self;
        let credentials = Credentials::from_env().context(
            "--tiles-s3 needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )?;
        let authorities = match &authorities {
            None => Vec::new(),
            Some(file) => {
                let place = || format!("--tiles-ca {}", file.display());
                let pem = std::fs::read(file).with_context(place)?;
                let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
                all.with_context(place)?
            }
        };
        Ok((S3Client::new(&authorities)?, place, credentials))
    }
}

impl Publishers {
    async fn follow(self) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            match self.source.zones().await {
                Ok(zones) => {
                    for zone in zones {
                        self.publish(&zone).await;
                    }
                }
                // Publishers of zones that are known say the same, each for its own.
                Err(error) => tracing::debug!(%error, "the zones of the ledger cannot be read"),
            }
        }
    }

    /// Starts what is not running for this zone.
    async fn publish(&self, zone: &Name) {
        if let Some(root) = &self.folder {
            let place = format!("{zone} in {}", root.display());
            if self.publication.lacks(&place) {
                match FolderStore::open(root, zone).await {
                    Ok(store) => {
                        let publisher = self.publisher(zone, store);
                        self.publication.add(place, publisher.start(EVERY));
                    }
                    Err(error) => tracing::error!(%error, place, "nothing can be published"),
                }
            }
        }
        if let Some((client, place, credentials)) = &self.bucket {
            let name = format!("{zone} in the bucket");
            if self.publication.lacks(&name) {
                let (client, credentials) = (client.clone(), credentials.clone());
                let clock = Arc::clone(&self.clock);
                let store = S3Store::new(client, place, zone, credentials, clock);
                let publisher = self.publisher(zone, store);
                self.publication.add(name, publisher.start(EVERY));
            }
        }
    }

    fn publisher<S: caracal_audit::publish::TileStore>(
        &self,
        zone: &Name,
        store: S,
    ) -> TilePublisher<S> {
        TilePublisher::new(self.source.clone(), zone.clone(), &self.verifier, store)
    }
}

impl Publication {
    fn tasks(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<PublisherTask>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lacks(&self, place: &str) -> bool {
        !self.tasks().contains_key(place)
    }

    fn add(&self, place: String, task: PublisherTask) {
        self.tasks().insert(place, Arc::new(task));
    }

    /// Where two histories of one log have shown. Whatever else fails is tried again, and is in the log.
    pub(super) fn forks(&self) -> Vec<String> {
        let tasks = self.tasks();
        let forks = tasks.iter().filter_map(|(place, task)| {
            let failure = task.status().failure.filter(|failure| failure.fork)?;
            Some(format!(
                "the ledger of zone {place} has two histories: {}",
                failure.text
            ))
        });
        forks.collect()
    }
}
