//! Questions whose answers are kept as the engine gave them: a container's description has fields that no model of ours
//! knows, and a container that is made from it must not lose them.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
pub(crate) use hyper::Method;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{dial, host};
use super::{Engine, EngineError};
use crate::limits;

#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// In words, after "the engine cannot".
    pub action: String,
    /// `GET`, `POST` or `DELETE`.
    pub method: Method,
    /// The path, with its query. No version stands in front of it: so engines answer with the newest that they speak.
    pub path: String,
    pub body: Option<Value>,
    /// How long the answer may take.
    pub limit: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct RawAnswer {
    pub status: u16,
    pub body: Bytes,
}

impl Engine {
    /// Asks over a connection of its own. An answer of any status is one.
    pub(crate) async fn call(&self, call: &Call) -> Result<RawAnswer, EngineError> {
        let lost = |reason: String| EngineError::Connection { action: call.action.clone(), reason };
        match tokio::time::timeout(call.limit, self.try_call(call)).await {
            Ok(answer) => answer.map_err(lost),
            Err(_) => Err(EngineError::Silent { action: call.action.clone(), seconds: call.limit.as_secs() }),
        }
    }

    async fn try_call(&self, call: &Call) -> Result<RawAnswer, String> {
        let text = |error: &dyn std::error::Error| error.to_string();
        let stream = dial(self.endpoint()).await.map_err(|error| text(&error))?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(|error| text(&error))?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let sent = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut request = Request::new(Full::new(Bytes::from(sent)));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call.path.parse::<Uri>().map_err(|error| text(&error))?;
        let named = HeaderValue::from_str(host(self.endpoint()));
        request.headers_mut().insert(HOST, named.unwrap_or(HeaderValue::from_static("docker")));
        if call.body.is_some() {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let response = sender.send_request(request).await.map_err(|error| text(&error))?;
        let status = response.status().as_u16();
        let most = usize::try_from(limits::ENGINE_LIST).unwrap_or(usize::MAX);
        let body = Limited::new(response.into_body(), most).collect().await.map_err(|error| text(&*error))?;
        Ok(RawAnswer { status, body: body.to_bytes() })
    }
}

impl RawAnswer {
    /// What a successful answer holds; `None` where the engine has no such thing.
    pub(crate) fn found(&self, action: &str) -> Result<Option<Value>, EngineError> {
        match self.status {
            404 => Ok(None),
            _ => self.value(action).map(Some),
        }
    }

    /// What a successful answer holds; nothing is `null`. A change that was made before (304) is a success.
    pub(crate) fn value(&self, action: &str) -> Result<Value, EngineError> {
        if !(200..=304).contains(&self.status) {
            return Err(self.refusal(action));
        }
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).map_err(|error| EngineError::Connection {
            action: action.to_owned(),
            reason: format!("its answer is not JSON: {error}"),
        })
    }

    fn refusal(&self, action: &str) -> EngineError {
        let said: Option<Value> = serde_json::from_slice(&self.body).ok();
        let said = said.as_ref().and_then(|said| said["message"].as_str()).map(str::to_owned);
        let message = said.unwrap_or_else(|| String::from_utf8_lossy(&self.body).trim().to_owned());
        EngineError::Refused { action: action.to_owned(), message, status: self.status }
    }
}
