//! A web server over a folder, and one that is up to no good.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a server answers.
#[derive(Clone)]
pub(crate) enum Site {
    /// The files of a folder.
    Folder(PathBuf),
    /// These bytes to everybody, and then nothing.
    Raw(&'static str),
    /// A body that does not end.
    Endless,
}

/// Serves until the test ends.
pub(crate) async fn serve(site: Site) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, site.clone()));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, site: Site) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().trim_start_matches('/');
    match site {
        Site::Folder(folder) => {
            let (status, body) = match std::fs::read(Path::new(&folder).join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", b"nothing here".to_vec()),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
        }
        Site::Raw(text) => stream.write_all(text.as_bytes()).await?,
        Site::Endless => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
                .await?;
            loop {
                stream.write_all(&[b'x'; 4096]).await?;
            }
        }
    }
    stream.shutdown().await
}
