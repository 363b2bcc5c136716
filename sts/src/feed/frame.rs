//! Messages of the feed as they go over the wire: encoded once, and shared by all who are sent the same.

use caracal_proto::enforcement::watch_response::Message;
use caracal_proto::enforcement::{WatchRequest, WatchResponse};
use prost::Message as _;
use prost::bytes::{BufMut as _, Bytes};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// One encoded message.
#[derive(Debug, Clone)]
pub(crate) struct Frame(Bytes);

impl Frame {
    pub(super) fn new(message: Message) -> Self {
        let message = Some(message);
        Self(WatchResponse { message }.encode_to_vec().into())
    }

    /// As it goes over the wire.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// What it says.
    #[cfg(test)]
    pub(super) fn decode(&self) -> WatchResponse {
        WatchResponse::decode(self.0.clone()).unwrap()
    }
}

/// Frames out, requests in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FrameCodec;

impl Codec for FrameCodec {
    type Encode = Frame;
    type Decode = WatchRequest;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for FrameCodec {
    type Item = Frame;
    type Error = Status;

    fn encode(&mut self, Frame(bytes): Frame, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(bytes);
        Ok(())
    }
}

impl Decoder for FrameCodec {
    type Item = WatchRequest;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<WatchRequest>, Status> {
        let request = WatchRequest::decode(from);
        let request = request.map_err(|_| Status::invalid_argument("bytes that are no request"))?;
        Ok(Some(request))
    }
}
