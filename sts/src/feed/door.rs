//! The gRPC method `Watch`. The generated server would encode each message for each stream; this one
//! takes what is encoded already.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use caracal_proto::enforcement::WatchRequest;
use caracal_proto::enforcement::enforcement_server::SERVICE_NAME;
use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::{Service as HttpService, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::frame::{Frame, FrameCodec};
use super::open;
use crate::server::{OpenFeed, peer_id};
use crate::service::Service;

/// Its path.
const WATCH: &str = "/caracal.enforcement.v1.Enforcement/Watch";

/// Largest message of a point: Hello, Ping and Ack are small.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// The service behind it.
#[derive(Clone)]
pub(crate) struct FeedDoor {
    pub(crate) service: Arc<Service>,
    pub(crate) stop: watch::Receiver<bool>,
}

impl NamedService for FeedDoor {
    const NAME: &'static str = SERVICE_NAME;
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl HttpService<http::Request<Body>> for FeedDoor {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Boxed<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let watch = self.clone();
        Box::pin(async move {
            if request.uri().path() != WATCH {
                return Ok(Status::unimplemented("there is no such method").into_http());
            }
            let mut grpc =
                Grpc::new(FrameCodec).apply_max_message_size_config(Some(MAX_REQUEST_BYTES), None);
            Ok(grpc.streaming(watch, request).await)
        })
    }
}

impl StreamingService<WatchRequest> for FeedDoor {
    type Response = Frame;
    type ResponseStream = ReceiverStream<Result<Frame, Status>>;
    type Future = Boxed<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<WatchRequest>>) -> Self::Future {
        let Self { service, stop } = self.clone();
        Box::pin(async move {
            let peer = peer_id(&request).map(|peer| peer.to_string());
            let on = OpenFeed::on(&request);
            let outbound = open(service, peer, request.into_inner(), stop, on)?;
            Ok(Response::new(outbound))
        })
    }
}
