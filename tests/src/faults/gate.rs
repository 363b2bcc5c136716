//! A relay of bytes between Envoy and what stands for the token service, with the weather of networks.

use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::stack::ports;

/// What becomes of bytes and connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// They get through.
    Fair,
    /// Connections are reset, and new ones refused.
    Refusing,
    /// Connections are made and stay, and nothing gets through. What was sent meanwhile arrives
    /// afterwards, as it does when a partition heals.
    Swallowing,
    /// Everything takes this much longer, each way.
    Slow(Duration),
}

/// The relay.
#[derive(Debug)]
pub(super) struct Gate {
    /// Where it listens.
    pub(super) port: u16,
    weather: watch::Sender<Weather>,
    cuts: watch::Sender<u64>,
    task: tokio::task::JoinHandle<()>,
}

/// What each connection looks at.
#[derive(Debug, Clone)]
struct Sky {
    weather: watch::Receiver<Weather>,
    cuts: watch::Receiver<u64>,
}

impl Gate {
    /// Listens on a free port and leads to another.
    pub(super) fn start(to: u16) -> Result<Self> {
        let port = ports::free()?;
        let (weather, seen) = watch::channel(Weather::Fair);
        let (cuts, cut) = watch::channel(0);
        let sky = Sky {
            weather: seen,
            cuts: cut,
        };
        let task = tokio::spawn(serve(port, to, sky));
        Ok(Self {
            port,
            weather,
            cuts,
            task,
        })
    }

    /// Changes the weather.
    pub(super) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Breaks all connections that there are.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn serve(port: u16, to: u16, mut sky: Sky) {
    let open = |weather: &Weather| *weather != Weather::Refusing;
    while sky.weather.wait_for(open).await.is_ok() {
        let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        loop {
            let mut weather = sky.weather.clone();
            tokio::select! {
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    tokio::spawn(relay(stream, to, sky.clone()));
                },
                _ = weather.wait_for(|weather| !open(weather)) => break,
            }
        }
    }
}

async fn relay(near: TcpStream, to: u16, mut sky: Sky) {
    // Seen from here on: what was cut before this connection was there is none of its business.
    sky.cuts.mark_unchanged();
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else {
        return;
    };
    if near.set_nodelay(true).is_err() || far.set_nodelay(true).is_err() {
        return;
    }
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let (weather, mut refusing) = (sky.weather.clone(), sky.weather.clone());
    tokio::select! {
        _ = carry(near_in, far_out, weather.clone()) => {}
        _ = carry(far_in, near_out, weather) => {}
        _ = sky.cuts.changed() => {}
        _ = refusing.wait_for(|weather| *weather == Weather::Refusing) => {}
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
) -> Result<()> {
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        buffer.clear();
        if from.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let now = *weather
            .wait_for(|weather| *weather != Weather::Swallowing)
            .await?;
        if let Weather::Slow(by) = now {
            tokio::time::sleep(by).await;
        }
        to.write_all(&buffer).await?;
    }
}
