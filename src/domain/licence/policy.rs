//! What a check that did not pass means where, and what a matter may see: the policy of a gateway.

/// A policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    version: Option<String>,
}

impl Policy {
    /// SM3 of the file it was read from, in hexadecimal; none for the built-in policy.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}
