mod golden;

use super::*;
use crate::testing::web::{Site, serve};

async fn web(site: Site) -> PublishedLog {
    let address = serve(site).await;
    PublishedLog::at(&format!("http://{address}/log"), &[]).unwrap()
}

fn tile() -> TilePath {
    "tile/0/001.p/44".parse().unwrap()
}

#[tokio::test]
async fn a_folder_and_a_web_server_give_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    std::fs::create_dir_all(log.join("tile/0/001.p")).unwrap();
    std::fs::write(log.join("checkpoint"), "a note").unwrap();
    std::fs::write(log.join("tile/0/001.p/44"), [7; 44 * 32]).unwrap();
    let here = PublishedLog::at(log.to_str().unwrap(), &[]).unwrap();
    let there = web(Site::Folder(folder.path().to_owned())).await;
    for place in [here, there] {
        assert_eq!(place.checkpoint().await.unwrap().as_deref(), Some("a note"));
        assert_eq!(place.read(tile()).await.unwrap(), Some(vec![7; 44 * 32]));
        assert_eq!(place.read(tile().full()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_a_server_sends_is_bounded() {
    let endless = web(Site::Endless).await;
    assert!(endless.checkpoint().await.is_err());
    assert!(endless.read(tile()).await.is_err());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("checkpoint"), vec![b'x'; 70_000]).unwrap();
    let long = PublishedLog::at(folder.path().to_str().unwrap(), &[]).unwrap();
    assert!(matches!(
        long.checkpoint().await,
        Err(ReadFileError::TooLong { .. })
    ));
}

#[tokio::test]
async fn an_answer_that_is_not_the_file_is_an_error_and_no_redirect_is_followed() {
    for answer in [
        "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        "not http\r\n\r\n",
        "",
    ] {
        let log = web(Site::Raw(answer)).await;
        assert!(log.checkpoint().await.is_err(), "{answer:?}");
    }
    let log = web(Site::Raw(
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\u{1}",
    ))
    .await;
    assert_eq!(log.checkpoint().await.unwrap().as_deref(), Some("\u{1}"));
    let gone = web(Site::Raw("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n")).await;
    assert_eq!(gone.checkpoint().await.unwrap(), None);
}

#[test]
fn a_place_is_a_folder_or_an_address_that_nobody_listens_in_on() {
    for wrong in [
        "/there/is/no/such/folder",
        "http://audit.example.com/log/prod",
        "ftp://audit.example.com/log",
        "https://",
    ] {
        assert!(PublishedLog::at(wrong, &[]).is_err(), "{wrong}");
    }
    for right in [
        "https://audit.example.com/log/prod",
        "http://127.0.0.1:1/a",
        "http://[::1]:1/a",
    ] {
        let log = PublishedLog::at(right, &[]).unwrap();
        assert_eq!(log.place(), format!("{right}/"));
    }
}
