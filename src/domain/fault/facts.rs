//! Facts that faults carry and that are of a few kinds.

/// What of the way in which a body is sent is not as agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentPart {
    /// The `charset` of the content type.
    Charset,
    /// A content coding, such as gzip.
    Coding,
    /// The media type.
    Type,
}

/// What the word is that no row of the services fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// A matter that nobody knows.
    Matter,
    /// A matter of another path or service number.
    Place,
    /// A service number that nobody knows.
    Service,
}
