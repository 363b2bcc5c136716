//! The commands on the streams, and their answers. What stands in a stream was written by anybody.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, RedisResult, Value, cmd, pipe};

use super::stats::DeadReason;

/// About how many messages a stream keeps. Whoever is further behind reads the log.
const KEPT: u32 = 4_096;

/// About how many dead letters are kept.
const KEPT_DEAD: u32 = 1_024;

/// Messages of one read.
const BATCH: u32 = 64;

/// Bytes of a message that are kept in its dead letter.
const QUOTED: usize = 256;

/// How long any answer may take, beyond the time that the command itself waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// One entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
    /// Names and values by turns.
    pub(super) fields: Vec<Vec<u8>>,
}

impl Entry {
    /// Message and signature, if it has just these.
    pub(super) fn signed(&self) -> Option<(&[u8], &[u8])> {
        match &*self.fields {
            [m, message, s, signature] if m == b"m" && s == b"s" => Some((message, signature)),
            _ => None,
        }
    }
}

/// An entry that was delivered and not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) id: String,
    pub(super) deliveries: u64,
}

/// The names of the keys.
#[derive(Debug, Clone)]
pub(super) struct Names {
    authority: String,
    dead: String,
    replica: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            authority: format!("{prefix}authority"),
            dead: format!("{prefix}authority:dead"),
            replica: format!("{prefix}replica:"),
        }
    }

    /// Appends a message.
    pub(super) fn publish(&self, message: &[u8], signature: &[u8]) -> Cmd {
        let mut command = cmd("XADD");
        command
            .arg(&self.authority)
            .arg("MAXLEN")
            .arg("~")
            .arg(KEPT);
        command
            .arg("*")
            .arg("m")
            .arg(message)
            .arg("s")
            .arg(signature);
        command
    }
}

/// A consumer of a group, on a connection of its own.
pub(super) struct Consumer<'a> {
    pub(super) connection: MultiplexedConnection,
    pub(super) names: &'a Names,
    pub(super) group: &'a str,
    pub(super) name: &'a str,
}

impl Consumer<'_> {
    /// Makes the group, or lets it begin anew at the end: what was said while nobody listened stands in
    /// the log, which is read next. What was delivered and not acknowledged stays.
    pub(super) async fn subscribe(&mut self, retention: Duration) -> RedisResult<()> {
        // First, so that there is no moment at which the group could be taken for abandoned.
        self.show_life(retention).await?;
        let mut create = cmd("XGROUP");
        create
            .arg("CREATE")
            .arg(&self.names.authority)
            .arg(self.group);
        create.arg("$").arg("MKSTREAM");
        match self.ask(&create).await {
            Err(error) if error.code() == Some("BUSYGROUP") => {
                let mut skip = cmd("XGROUP");
                skip.arg("SETID").arg(&self.names.authority).arg(self.group);
                self.ask(skip.arg("$")).await
            }
            done => done,
        }
    }

    /// Says that the replica of this group exists.
    pub(super) async fn show_life(&mut self, retention: Duration) -> RedisResult<()> {
        let mut command = cmd("SET");
        command.arg(format!("{}{}", self.names.replica, self.group));
        command.arg(1).arg("PX").arg(millis(retention));
        self.ask(&command).await
    }

    /// New entries; none after `block`.
    pub(super) async fn read(&mut self, block: Duration) -> RedisResult<Vec<Entry>> {
        let mut command = cmd("XREADGROUP");
        command.arg("GROUP").arg(self.group).arg(self.name);
        command.arg("COUNT").arg(BATCH);
        // No time at all would be for ever.
        command.arg("BLOCK").arg(millis(block).max(1));
        command.arg("STREAMS").arg(&self.names.authority).arg(">");
        let patience = block.saturating_add(PATIENCE);
        let answer = within(patience, command.query_async(&mut self.connection)).await?;
        // [[stream, [entry, ...]]]
        let stream = array(answer).pop().map(array);
        Ok(stream
            .and_then(|mut stream| stream.pop())
            .map_or_else(Vec::new, entries))
    }

    /// Entries that nobody acknowledged for `idle`.
    pub(super) async fn pending(&mut self, idle: Duration) -> RedisResult<Vec<Pending>> {
        let mut command = cmd("XPENDING");
        command.arg(&self.names.authority).arg(self.group);
        command
            .arg("IDLE")
            .arg(millis(idle))
            .arg("-")
            .arg("+")
            .arg(BATCH);
        let rows: Vec<(String, Vec<u8>, u64, u64)> = self.ask(&command).await?;
        let row = |(id, _, _, deliveries)| Pending { id, deliveries };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Takes entries over that nobody acknowledged for `idle`, whoever in the group had them.
    pub(super) async fn claim(&mut self, idle: Duration) -> RedisResult<Vec<Entry>> {
        let mut command = cmd("XAUTOCLAIM");
        command
            .arg(&self.names.authority)
            .arg(self.group)
            .arg(self.name);
        command.arg(millis(idle)).arg("0-0").arg("COUNT").arg(BATCH);
        // [next, [entry, ...], [id of one that is gone, ...]]
        let answer = array(self.ask(&command).await?);
        Ok(answer.into_iter().nth(1).map_or_else(Vec::new, entries))
    }

    /// Acknowledges. Returns how many of them were still open.
    pub(super) async fn acknowledge(&mut self, ids: &[String]) -> RedisResult<u64> {
        let mut command = cmd("XACK");
        command.arg(&self.names.authority).arg(self.group).arg(ids);
        self.ask(&command).await
    }

    /// Puts an entry aside, with the reason, and acknowledges it: both, or neither.
    pub(super) async fn bury(
        &mut self,
        entry: &Entry,
        reason: DeadReason,
        deliveries: u64,
    ) -> RedisResult<()> {
        let mut quoted = entry.fields.concat();
        quoted.truncate(QUOTED);
        let mut both = pipe();
        both.atomic().cmd("XADD");
        both.arg(&self.names.dead)
            .arg("MAXLEN")
            .arg("~")
            .arg(KEPT_DEAD)
            .arg("*");
        both.arg("reason")
            .arg(reason.as_str())
            .arg("id")
            .arg(&entry.id);
        both.arg("group")
            .arg(self.group)
            .arg("deliveries")
            .arg(deliveries);
        both.arg("begins").arg(quoted).ignore();
        both.cmd("XACK")
            .arg(&self.names.authority)
            .arg(self.group)
            .arg(&entry.id)
            .ignore();
        within(PATIENCE, both.query_async(&mut self.connection)).await
    }

    /// Removes consumers of this group that are gone and have left nothing behind.
    pub(super) async fn remove_consumers(&mut self, idle: Duration) -> RedisResult<()> {
        let mut command = cmd("XINFO");
        command
            .arg("CONSUMERS")
            .arg(&self.names.authority)
            .arg(self.group);
        let consumers = array(self.ask(&command).await?);
        for consumer in consumers.into_iter().map(array) {
            let name: Vec<u8> = member(&consumer, "name").unwrap_or_default();
            let pending = member(&consumer, "pending").unwrap_or(u64::MAX);
            let idle_ms = member(&consumer, "idle").unwrap_or(0_u64);
            if pending == 0 && name != self.name.as_bytes() && idle_ms >= millis(idle) {
                let mut remove = cmd("XGROUP");
                remove.arg("DELCONSUMER").arg(&self.names.authority);
                let _count: u64 = self.ask(remove.arg(self.group).arg(name)).await?;
            }
        }
        Ok(())
    }

    /// Destroys the groups of replicas that have shown no life for as long as signs of it are kept.
    pub(super) async fn remove_groups(&mut self) -> RedisResult<()> {
        let mut command = cmd("XINFO");
        command.arg("GROUPS").arg(&self.names.authority);
        let groups = array(self.ask(&command).await?);
        for group in groups.into_iter().map(array) {
            let name: Vec<u8> = member(&group, "name").unwrap_or_default();
            let mut lives = cmd("EXISTS");
            lives.arg([self.names.replica.as_bytes(), &name].concat());
            if !self.ask::<bool>(&lives).await? {
                let mut destroy = cmd("XGROUP");
                destroy.arg("DESTROY").arg(&self.names.authority).arg(&name);
                let _count: u64 = self.ask(&destroy).await?;
                let name = String::from_utf8_lossy(&name).into_owned();
                tracing::info!(group = ?name, "the group of a replica that is gone was destroyed");
            }
        }
        Ok(())
    }

    async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        within(PATIENCE, command.query_async(&mut self.connection)).await
    }
}

/// A connection for calls that wait on purpose.
pub(super) async fn connect(client: &redis::Client) -> RedisResult<MultiplexedConnection> {
    let config = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(Some(super::link::CONNECT_PATIENCE))
        .set_response_timeout(None);
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    within(PATIENCE, connecting).await
}

async fn within<T>(
    patience: Duration,
    call: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    let answer = tokio::time::timeout(patience, call).await;
    answer.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// A member of what `XINFO` says of one thing: names and values by turns.
fn member<T: FromRedisValue>(things: &[Value], name: &str) -> Option<T> {
    let (pairs, _) = things.as_chunks::<2>();
    let [_, value] = pairs
        .iter()
        .find(|[key, _]| matches!(key, Value::BulkString(key) if key == name.as_bytes()))?;
    T::from_redis_value(value.clone()).ok()
}

/// Every entry, whatever stands in it: one that could not be read would stop all behind it.
fn entries(value: Value) -> Vec<Entry> {
    let bytes = |value: Value| match value {
        Value::BulkString(bytes) => bytes,
        _ => Vec::new(),
    };
    let entry = |value: Value| {
        let mut parts = array(value).into_iter();
        let id = String::from_utf8(bytes(parts.next()?)).ok()?;
        let fields = parts.next().map(array).unwrap_or_default();
        let fields = fields.into_iter().map(bytes).collect();
        Some(Entry { id, fields })
    };
    array(value).into_iter().filter_map(entry).collect()
}
