//! One batch to the collector.

use caracal_proto::otlp_logs::logs_service_client::LogsServiceClient;
use caracal_proto::otlp_logs::{ExportLogsServiceRequest, LogRecord, ResourceLogs, ScopeLogs};
use tonic::transport::Channel;

use super::super::collector::{Collector, PATIENCE};
use super::{TelemetryConfig, TelemetryError};

pub(super) struct Sending {
    client: LogsServiceClient<Channel>,
    collector: Collector,
}

impl Sending {
    pub(super) fn new(config: &TelemetryConfig, instance: &str) -> Result<Self, TelemetryError> {
        let collector = Collector::new(config, instance)?;
        Ok(Self {
            client: LogsServiceClient::new(collector.channel.clone()),
            collector,
        })
    }

    /// Returns how many of them the collector will never take, or why it took none.
    pub(super) async fn send(&mut self, records: Vec<LogRecord>) -> Result<u64, String> {
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let message = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(self.collector.resource.clone()),
                scope_logs: vec![ScopeLogs {
                    scope: Some(self.collector.scope.clone()),
                    log_records: records,
                }],
            }],
        };
        let request = self.collector.request(message);
        match tokio::time::timeout(PATIENCE, self.client.export(request)).await {
            Ok(Ok(answer)) => {
                let rejected = answer.into_inner().partial_success;
                let rejected = rejected.map_or(0, |partial| partial.rejected_log_records);
                Ok(u64::try_from(rejected).unwrap_or(0).min(count))
            }
            Ok(Err(status)) => Err(format!(
                "the collector does not take them: {}",
                status.code().description()
            )),
            Err(_) => Err("the collector does not answer in time".to_owned()),
        }
    }
}
