//! Signs requests as the sample messages are signed: for the demo, for tests and for vendors.
//!
//! It deliberately reads neither clock nor randomness: timestamp and nonce are handed in.

use crate::domain::masked::Masked;
use crate::domain::sm;

/// An application of the window dialect and its secret.
#[derive(Clone, Debug)]
pub struct Signer {
    app_key: String,
    secret: Masked<Vec<u8>>,
}

impl Signer {
    /// A signer for the application `app_key`.
    pub fn new(app_key: &str, secret: Masked<Vec<u8>>) -> Self {
        Self { app_key: app_key.to_owned(), secret }
    }

    /// The headers X-App-Key, X-Timestamp, X-Nonce and X-Sign for a request. `timestamp` is in milliseconds since
    /// 1970; `path` is what will stand in the request line; `nonce` must be new each time.
    pub fn headers(
        &self,
        method: &str,
        path: &str,
        timestamp: i64,
        nonce: &str,
        body: &[u8],
    ) -> [(&'static str, String); 4] {
        let timestamp = timestamp.to_string();
        let digest = sm::digest(body);
        let sign = sm::header_signature(self.secret.reveal(), method, path, &timestamp, nonce, &digest);
        [
            ("X-App-Key", self.app_key.clone()),
            ("X-Timestamp", timestamp),
            ("X-Nonce", nonce.to_owned()),
            ("X-Sign", sm::hex(&sign)),
        ]
    }
}
