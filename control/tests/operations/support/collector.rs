//! A collector of OpenTelemetry: a server of its own services for traces and logs.

use std::sync::{Arc, Mutex};

use caracal_proto::otlp::Span;
use caracal_proto::otlp::any_value::Value;
use caracal_proto::otlp::trace_service_server::{TraceService, TraceServiceServer};
use caracal_proto::otlp::{ExportTraceServiceRequest, ExportTraceServiceResponse, KeyValue};
use caracal_proto::otlp_logs::logs_service_server::{LogsService, LogsServiceServer};
use caracal_proto::otlp_logs::{ExportLogsServiceRequest, ExportLogsServiceResponse, LogRecord};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

/// It runs, and keeps what it gets.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    received: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    logs: Arc<Mutex<Vec<ExportLogsServiceRequest>>>,
    /// The `api-key` of each call.
    keys: Arc<Mutex<Vec<Option<String>>>>,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let key = request.metadata().get("api-key");
        let key = key.map(|key| key.to_str().unwrap().to_owned());
        self.keys.lock().unwrap().push(key);
        self.received.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.logs.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

impl Collector {
    /// Starts one that takes logs as well.
    pub(crate) async fn start_at(address: &str) -> Self {
        let collector = Self::default();
        let listener = TcpListener::bind(address).await.unwrap();
        let server = Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .add_service(LogsServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        collector
    }

    /// Log records, in the order in which they came.
    pub(crate) fn records(&self) -> Vec<LogRecord> {
        let logs = self.logs.lock().unwrap();
        let resources = logs.iter().flat_map(|request| &request.resource_logs);
        let scopes = resources.flat_map(|resource| &resource.scope_logs);
        scopes.flat_map(|scope| scope.log_records.clone()).collect()
    }

    /// Starts it; returns its endpoint as well.
    pub(crate) async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = TraceServiceServer::new(collector.clone());
        let server = Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (collector, format!("http://{address}"))
    }

    /// Starts one with TLS, in the name of `localhost`.
    pub(crate) async fn start_with_tls(certificate: &str, key: &str) -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
        let service = TraceServiceServer::new(collector.clone());
        let mut server = Server::builder().tls_config(tls).unwrap();
        let server = server.add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (collector, format!("https://localhost:{port}"))
    }

    /// The `api-key` of each call.
    pub(crate) fn keys(&self) -> Vec<Option<String>> {
        self.keys.lock().unwrap().clone()
    }

    /// Everything that was received, as text.
    pub(crate) fn text(&self) -> String {
        let (traces, logs) = (self.received.lock().unwrap(), self.logs.lock().unwrap());
        format!("{traces:?}{logs:?}")
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().unwrap();
        let resources = received.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The `service.name` of everything.
    pub(crate) fn service_names(&self) -> Vec<String> {
        let received = self.received.lock().unwrap();
        let resources = received.iter().flat_map(|request| &request.resource_spans);
        let attributes =
            resources.flat_map(|resource| &resource.resource.as_ref().unwrap().attributes);
        let named = attributes.filter(|attribute| attribute.key == "service.name");
        named
            .map(|attribute| match &attribute.value.as_ref().unwrap().value {
                Some(Value::StringValue(text)) => text.clone(),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

/// A text attribute of a span.
pub(crate) fn attribute(span: &Span, key: &str) -> Option<String> {
    value(&span.attributes, key)
}

/// A text attribute of a log record.
pub(crate) fn log_attribute(record: &LogRecord, key: &str) -> Option<String> {
    value(&record.attributes, key)
}

fn value(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::BoolValue(flag) => Some(flag.to_string()),
    }
}
