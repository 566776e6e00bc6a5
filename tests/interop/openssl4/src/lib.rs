//! As much of OpenSSL 4 as a peer for RFC 8998 needs: one connection over a local socket, blocking.
//!
//! The functions and numbers are those of OpenSSL's own `ssl.h` and `tls1.h`.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_ulong, c_void};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::ptr;

#[allow(non_camel_case_types, reason = "names of the library")]
mod ffi {
    use super::*;

    pub(crate) enum SSL_CTX {}
    pub(crate) enum SSL {}
    pub(crate) enum SSL_SESSION {}
    pub(crate) enum METHOD {}

    unsafe extern "C" {
        pub(crate) fn TLS_server_method() -> *const METHOD;
        pub(crate) fn TLS_client_method() -> *const METHOD;
        pub(crate) fn SSL_CTX_new(method: *const METHOD) -> *mut SSL_CTX;
        pub(crate) fn SSL_CTX_free(context: *mut SSL_CTX);
        pub(crate) fn SSL_CTX_ctrl(context: *mut SSL_CTX, command: c_int, number: c_long, text: *mut c_void) -> c_long;
        pub(crate) fn SSL_CTX_set_ciphersuites(context: *mut SSL_CTX, list: *const c_char) -> c_int;
        pub(crate) fn SSL_CTX_use_certificate_chain_file(context: *mut SSL_CTX, file: *const c_char) -> c_int;
        pub(crate) fn SSL_CTX_use_PrivateKey_file(context: *mut SSL_CTX, file: *const c_char, kind: c_int) -> c_int;
        pub(crate) fn SSL_CTX_load_verify_file(context: *mut SSL_CTX, file: *const c_char) -> c_int;
        pub(crate) fn SSL_CTX_set_verify(context: *mut SSL_CTX, mode: c_int, callback: *const c_void);
        pub(crate) fn SSL_CTX_set_session_id_context(context: *mut SSL_CTX, id: *const u8, length: u32) -> c_int;
        pub(crate) fn SSL_new(context: *mut SSL_CTX) -> *mut SSL;
        pub(crate) fn SSL_free(ssl: *mut SSL);
        pub(crate) fn SSL_ctrl(ssl: *mut SSL, command: c_int, number: c_long, text: *mut c_void) -> c_long;
        pub(crate) fn SSL_set1_host(ssl: *mut SSL, name: *const c_char) -> c_int;
        pub(crate) fn SSL_set_fd(ssl: *mut SSL, descriptor: c_int) -> c_int;
        pub(crate) fn SSL_set_session(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int;
        pub(crate) fn SSL_get1_session(ssl: *mut SSL) -> *mut SSL_SESSION;
        pub(crate) fn SSL_SESSION_free(session: *mut SSL_SESSION);
        pub(crate) fn SSL_session_reused(ssl: *const SSL) -> c_int;
        pub(crate) fn SSL_accept(ssl: *mut SSL) -> c_int;
        pub(crate) fn SSL_connect(ssl: *mut SSL) -> c_int;
        pub(crate) fn SSL_read(ssl: *mut SSL, bytes: *mut c_void, length: c_int) -> c_int;
        pub(crate) fn SSL_write(ssl: *mut SSL, bytes: *const c_void, length: c_int) -> c_int;
        pub(crate) fn SSL_key_update(ssl: *mut SSL, kind: c_int) -> c_int;
        pub(crate) fn SSL_shutdown(ssl: *mut SSL) -> c_int;
        pub(crate) fn SSL_get_version(ssl: *const SSL) -> *const c_char;
        pub(crate) fn SSL_get_current_cipher(ssl: *const SSL) -> *const c_void;
        pub(crate) fn SSL_CIPHER_get_name(cipher: *const c_void) -> *const c_char;
        pub(crate) fn ERR_get_error() -> c_ulong;
        pub(crate) fn ERR_error_string_n(error: c_ulong, text: *mut c_char, length: usize);
    }
}

const FILETYPE_PEM: c_int = 1;
const VERIFY_PEER: c_int = 1;
const VERIFY_FAIL_IF_NO_PEER_CERT: c_int = 2;
const CTRL_SET_TLSEXT_HOSTNAME: c_int = 55;
const CTRL_SET_GROUPS_LIST: c_int = 92;
const CTRL_SET_SIGALGS_LIST: c_int = 98;
const CTRL_SET_MIN_PROTO_VERSION: c_int = 123;
const TLS1_3_VERSION: c_long = 0x0304;
const KEY_UPDATE_REQUESTED: c_int = 1;

/// Which side OpenSSL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// How OpenSSL is set up. Paths are of PEM files.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    pub side: Side,
    /// Certificate chain and key.
    pub own: Option<(&'a Path, &'a Path)>,
    pub trust: &'a Path,
    /// Colon-separated names, as OpenSSL spells them.
    pub suites: &'a str,
    pub groups: &'a str,
    pub signatures: &'a str,
    /// As a server: no connection without a client certificate.
    pub mutual: bool,
}

/// A context; sessions resume within one.
pub struct Context {
    raw: *mut ffi::SSL_CTX,
    side: Side,
}

// SAFETY: OpenSSL lets a context be used by several threads, with the locks that it has of itself.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

fn text(value: &str) -> CString {
    CString::new(value).expect("no zero byte in the tests' names")
}

fn path(value: &Path) -> CString {
    text(value.to_str().expect("the tests' paths are UTF-8"))
}

/// The oldest error in OpenSSL's queue; the queue is emptied.
fn error() -> String {
    let mut first = String::new();
    loop {
        let mut buffer = [0; 256];
        // SAFETY: the length given is the buffer's; the function ends what it writes with a zero byte.
        let number = unsafe {
            let number = ffi::ERR_get_error();
            ffi::ERR_error_string_n(number, buffer.as_mut_ptr(), buffer.len());
            number
        };
        if number == 0 {
            return first;
        }
        if first.is_empty() {
            // SAFETY: the text above is ended by a zero byte within the buffer.
            first = unsafe { CStr::from_ptr(buffer.as_ptr()) }.to_string_lossy().into_owned();
        }
    }
}

fn check(result: c_long) -> Result<(), String> {
    if result == 1 { Ok(()) } else { Err(error()) }
}

impl Context {
    /// Sets OpenSSL up.
    ///
    /// # Errors
    /// What OpenSSL says.
    pub fn new(setup: &Setup<'_>) -> Result<Self, String> {
        // SAFETY: each function gets the context just made, which lives until it is dropped, and texts that are ended
        // by a zero byte and outlive the call; OpenSSL copies what it keeps.
        unsafe {
            let method = match setup.side {
                Side::Client => ffi::TLS_client_method(),
                Side::Server => ffi::TLS_server_method(),
            };
            let raw = ffi::SSL_CTX_new(method);
            let this = Self { raw, side: setup.side };
            if raw.is_null() {
                return Err(error());
            }
            let list = |command, list: &str| {
                let list = text(list);
                check(ffi::SSL_CTX_ctrl(raw, command, 0, list.as_ptr().cast_mut().cast()))
            };
            check(ffi::SSL_CTX_ctrl(raw, CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION, ptr::null_mut()))?;
            check(ffi::SSL_CTX_set_ciphersuites(raw, text(setup.suites).as_ptr()).into())?;
            list(CTRL_SET_GROUPS_LIST, setup.groups)?;
            list(CTRL_SET_SIGALGS_LIST, setup.signatures)?;
            if let Some((certificate, key)) = setup.own {
                check(ffi::SSL_CTX_use_certificate_chain_file(raw, path(certificate).as_ptr()).into())?;
                check(ffi::SSL_CTX_use_PrivateKey_file(raw, path(key).as_ptr(), FILETYPE_PEM).into())?;
            }
            check(ffi::SSL_CTX_load_verify_file(raw, path(setup.trust).as_ptr()).into())?;
            check(ffi::SSL_CTX_set_session_id_context(raw, b"jingyue".as_ptr(), 7).into())?;
            let verify = match (setup.side, setup.mutual) {
                (Side::Client, _) => VERIFY_PEER,
                (Side::Server, true) => VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT,
                (Side::Server, false) => 0,
            };
            ffi::SSL_CTX_set_verify(raw, verify, ptr::null());
            Ok(this)
        }
    }

    /// Runs the handshake over `stream`, as a client towards `localhost`.
    ///
    /// # Errors
    /// What OpenSSL says.
    pub fn handshake(&self, stream: UnixStream, resume: Option<&Session>) -> Result<Connection, String> {
        // SAFETY: the connection is made from a living context and freed once; the descriptor is open as long as the
        // stream beside it; texts are ended by a zero byte and outlive the calls.
        unsafe {
            let raw = ffi::SSL_new(self.raw);
            let connection = Connection { raw, _stream: stream };
            if raw.is_null() {
                return Err(error());
            }
            check(ffi::SSL_set_fd(raw, connection._stream.as_raw_fd()).into())?;
            let done = match self.side {
                Side::Server => ffi::SSL_accept(raw),
                Side::Client => {
                    let name = text("localhost");
                    check(ffi::SSL_set1_host(raw, name.as_ptr()).into())?;
                    let host_name = name.as_ptr().cast_mut().cast();
                    check(ffi::SSL_ctrl(raw, CTRL_SET_TLSEXT_HOSTNAME, 0, host_name))?;
                    if let Some(session) = resume {
                        check(ffi::SSL_set_session(raw, session.0).into())?;
                    }
                    ffi::SSL_connect(raw)
                }
            };
            check(done.into())?;
            Ok(connection)
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by SSL_CTX_new and freed here only; connections hold a count of their own. Null is allowed.
        unsafe { ffi::SSL_CTX_free(self.raw) }
    }
}

/// What a client keeps to resume.
pub struct Session(*mut ffi::SSL_SESSION);

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: got by SSL_get1_session, which counted it up, and freed here only.
        unsafe { ffi::SSL_SESSION_free(self.0) }
    }
}

/// A connection after its handshake.
pub struct Connection {
    raw: *mut ffi::SSL,
    _stream: UnixStream,
}

impl Connection {
    /// Version and suite, as in `TLSv1.3 TLS_SM4_GCM_SM3`.
    pub fn agreed(&self) -> String {
        // SAFETY: both texts are constants of the library.
        let (version, suite) = unsafe {
            let suite = ffi::SSL_CIPHER_get_name(ffi::SSL_get_current_cipher(self.raw));
            (CStr::from_ptr(ffi::SSL_get_version(self.raw)), CStr::from_ptr(suite))
        };
        format!("{} {}", version.to_string_lossy(), suite.to_string_lossy())
    }

    /// True when a session was resumed.
    pub fn is_resumed(&self) -> bool {
        // SAFETY: the connection lives.
        unsafe { ffi::SSL_session_reused(self.raw) == 1 }
    }

    /// The session, once the server's ticket was read.
    pub fn session(&self) -> Session {
        // SAFETY: the connection lives; the session is counted up.
        Session(unsafe { ffi::SSL_get1_session(self.raw) })
    }

    /// Asks the peer for new keys, with the next write.
    ///
    /// # Errors
    /// What OpenSSL says.
    pub fn update_keys(&mut self) -> Result<(), String> {
        // SAFETY: the connection lives.
        check(unsafe { ffi::SSL_key_update(self.raw, KEY_UPDATE_REQUESTED) }.into())
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// What OpenSSL says.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let length = c_int::try_from(bytes.len()).map_err(|_| "too long".to_owned())?;
        // SAFETY: the length is that of the bytes. Without partial writes all or nothing is written.
        let written = unsafe { ffi::SSL_write(self.raw, bytes.as_ptr().cast(), length) };
        if written == length { Ok(()) } else { Err(error()) }
    }

    /// Fills `bytes`.
    ///
    /// # Errors
    /// What OpenSSL says, or that the peer ended first.
    pub fn read(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        let mut filled = 0;
        while filled < bytes.len() {
            let rest = &mut bytes[filled..];
            let length = c_int::try_from(rest.len()).map_err(|_| "too long".to_owned())?;
            // SAFETY: the length is that of the rest.
            let read = unsafe { ffi::SSL_read(self.raw, rest.as_mut_ptr().cast(), length) };
            match usize::try_from(read) {
                Ok(read) if read > 0 => filled += read,
                _ => return Err(format!("after {filled} bytes: {}", error())),
            }
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: made by SSL_new and freed here only. A session can resume only if its connection was shut down.
        unsafe {
            if !self.raw.is_null() {
                ffi::SSL_shutdown(self.raw);
            }
            ffi::SSL_free(self.raw);
        }
    }
}
