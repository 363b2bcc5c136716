//! The least that a Wasm filter in our place has to ask of its host for each request, and no decision:
//! the head, who the peer is, the time; take the credential away, and leave the mark; and at its end, what
//! was answered, and the time again. `make bench` holds
//! the filter against it, and what is left is what deciding and recording cost.

#![cfg(target_arch = "wasm32")]

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, MapType, Status};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// The host lets go of the request.
impl Drop for Request {
    fn drop(&mut self) {
        let _ = hostcalls::get_property(vec!["response", "code"]);
        let _ = hostcalls::get_current_time();
    }
}

/// The mark is all of its configuration.
#[derive(Default)]
struct Root {
    mark: Vec<u8>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX);
        self.mark = bytes.ok().flatten().unwrap_or_default();
        !self.mark.is_empty()
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        let mark = self.mark.clone();
        Some(Box::new(Request { mark }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Request {
    mark: Vec<u8>,
}

impl Request {
    fn pass(&self) -> Result<(), Status> {
        let headers = MapType::HttpRequestHeaders;
        hostcalls::get_map_bytes(headers)?;
        hostcalls::get_property(vec!["connection", "uri_san_peer_certificate"])?;
        hostcalls::get_current_time()?;
        hostcalls::remove_map_value(headers, "authorization")?;
        hostcalls::set_property(vec!["caracal.decision"], Some(&self.mark))
    }
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match self.pass() {
            Ok(()) => Action::Continue,
            Err(_) => Action::Pause,
        }
    }
}
