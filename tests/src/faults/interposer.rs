//! Between Envoy and the token service: speaks the same protocol to both, and does mischief on the way.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use caracal_proto::check::READ_AGE_HEADER;
use caracal_proto::enforcement::enforcement_client::EnforcementClient;
use caracal_proto::enforcement::enforcement_server::{Enforcement, EnforcementServer};
use caracal_proto::enforcement::{WatchRequest, WatchResponse};
use caracal_proto::ledger::ledger_client::LedgerClient;
use caracal_proto::ledger::ledger_server::{Ledger, LedgerServer};
use caracal_proto::ledger::{AppendRequest, AppendResponse};
use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{
    Authorization, AuthorizationServer,
};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Channel, Endpoint, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use super::mischief::{Answers, Frames, Mischief, NONE, Passage, Records};
use crate::client::tls;
use crate::stack::identity::Identity;

/// Frames of a stream that wait for Envoy.
const QUEUE: usize = 64;

/// Largest message either way: the ledger's batches.
const LARGEST: usize = 4 * 1024 * 1024;

/// A batch goes in one flight, as at the service itself.
const WINDOW: u32 = 1024 * 1024;

/// What all calls share.
#[derive(Debug, Clone)]
struct Shared {
    service: Channel,
    mischief: watch::Receiver<Mischief>,
    cuts: watch::Receiver<u64>,
    done: Arc<AtomicU64>,
}

/// The running interposer.
#[derive(Debug)]
pub(super) struct Interposer {
    /// Where it listens.
    pub(super) port: u16,
    mischief: watch::Sender<Mischief>,
    cuts: watch::Sender<u64>,
    done: Arc<AtomicU64>,
    server: tokio::task::JoinHandle<()>,
}

impl Interposer {
    /// Stands in for the service that has `service`'s identity, towards points with that of `point`.
    pub(super) async fn start(service: &Identity, point: &Identity, to: u16) -> Result<Self> {
        let address = tls::tunnel(point, to).await?;
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();
        let (mischief, seen) = watch::channel(NONE);
        let (cuts, cut) = watch::channel(0);
        let done = Arc::<AtomicU64>::default();
        let shared = Shared {
            service: channel,
            mischief: seen,
            cuts: cut,
            done: Arc::clone(&done),
        };
        let pem = async |path| tokio::fs::read(path).await.context("a certificate");
        let identity = tonic::transport::Identity::from_pem(
            pem(&service.certificate).await?,
            pem(&service.key).await?,
        );
        let tls = ServerTlsConfig::new()
            .identity(identity)
            .client_ca_root(Certificate::from_pem(pem(&service.authority).await?));
        let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())
            .map_err(|error| anyhow::anyhow!("the interposer cannot listen: {error}"))?
            .with_nodelay(Some(true));
        let port = incoming.local_addr()?.port();
        let server = Server::builder()
            .tls_config(tls)?
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .add_service(EnforcementServer::new(shared.clone()))
            .add_service(AuthorizationServer::new(shared.clone()))
            .add_service(LedgerServer::new(shared).max_decoding_message_size(LARGEST))
            .serve_with_incoming(incoming);
        let server = tokio::spawn(async move {
            // It ends with the task.
            let _ = server.await;
        });
        Ok(Self {
            port,
            mischief,
            cuts,
            done,
            server,
        })
    }

    /// Does this from now on.
    pub(super) fn play(&self, mischief: Mischief) {
        self.mischief.send_replace(mischief);
    }

    /// Ends all streams of the feed.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many frames, answers and records it has done something to.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

impl Drop for Interposer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn mischief(&self) -> Mischief {
        *self.mischief.borrow()
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Hands on what comes until either side ends it.
    async fn hand_on(
        mut self,
        mut from: Streaming<WatchResponse>,
        out: mpsc::Sender<Result<WatchResponse, Status>>,
    ) {
        let mut passage = Passage::default();
        loop {
            let frame = tokio::select! {
                frame = from.message() => frame,
                _ = self.cuts.changed() => Err(Status::unavailable("cut")),
                () = out.closed() => return,
            };
            let frame = match frame {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(status) => {
                    let _gone = out.send(Err(status)).await;
                    return;
                }
            };
            let frames = self.mischief().frames;
            if frames == Frames::Ended {
                self.count();
                let _gone = out.send(Err(Status::unavailable("ended"))).await;
                return;
            }
            let (onward, touched) = passage.pass(frames, frame);
            if touched {
                self.count();
            }
            for (after, frame) in onward {
                send(&out, after, frame).await;
            }
        }
    }
}

async fn send(
    out: &mpsc::Sender<Result<WatchResponse, Status>>,
    after: Duration,
    frame: WatchResponse,
) {
    if after.is_zero() {
        let _gone = out.send(Ok(frame)).await;
        return;
    }
    let out = out.clone();
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        let _gone = out.send(Ok(frame)).await;
    });
}

#[tonic::async_trait]
impl Enforcement for Shared {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let mut shared = self.clone();
        shared.cuts.mark_unchanged();
        let requests = request.into_inner().map_while(Result::ok);
        let mut service = EnforcementClient::new(self.service.clone());
        let from = service.watch(requests).await?.into_inner();
        let (out, onward) = mpsc::channel(QUEUE);
        tokio::spawn(shared.hand_on(from, out));
        Ok(Response::new(Box::pin(ReceiverStream::new(onward))))
    }
}

#[tonic::async_trait]
impl Authorization for Shared {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let mut service = AuthorizationClient::new(self.service.clone());
        let answer = service.check(request.into_inner()).await;
        match self.mischief().answers {
            Answers::Intact => return answer,
            Answers::Late(by) => tokio::time::sleep(by).await,
            _ => {}
        }
        self.count();
        match self.mischief().answers {
            Answers::Failed => Err(Status::unavailable("failed")),
            Answers::Empty => Ok(Response::new(CheckResponse::default())),
            Answers::Ageless => answer.map(|answer| answer.map(ageless)),
            Answers::Intact | Answers::Late(_) => answer,
        }
    }
}

/// Without the header that says how old the service's knowledge is.
fn ageless(mut answer: CheckResponse) -> CheckResponse {
    if let Some(HttpResponse::OkResponse(ok)) = &mut answer.http_response {
        let is_age = |option: &HeaderValueOption| {
            let header = option.header.as_ref();
            header.is_some_and(|header| header.key.eq_ignore_ascii_case(READ_AGE_HEADER))
        };
        ok.headers.retain(|option| !is_age(option));
    }
    answer
}

#[tonic::async_trait]
impl Ledger for Shared {
    async fn append(
        &self,
        request: Request<AppendRequest>,
    ) -> Result<Response<AppendResponse>, Status> {
        if self.mischief().records == Records::Refused {
            self.count();
            return Err(Status::unavailable("refused"));
        }
        let mut service = LedgerClient::new(self.service.clone());
        service.append(request.into_inner()).await
    }
}
