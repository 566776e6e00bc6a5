//! Writes one connection of our client to OpenSSL's server, with its secrets, as `tests/vectors/rfc8998-openssl4.txt`
//! has it: `cargo run --example record > ../../vectors/rfc8998-openssl4.txt`.

use jingyue::edge::tls::{Family, Trust, client_config};
use jingyue_interop_openssl4::{Context, Setup, Side};
use rustls::{ClientConnection, KeyLog, StreamOwned};
use rustls_pki_types::ServerName;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

/// Lines of a name and hexadecimal digits.
#[derive(Debug, Default)]
struct Lines(Mutex<Vec<(String, Vec<u8>)>>);

impl Lines {
    fn add(&self, name: &str, bytes: &[u8]) {
        self.0.lock().expect("one thread").push((name.to_owned(), bytes.to_vec()));
    }
}

impl KeyLog for Lines {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        self.add(label, secret);
    }
}

/// A stream whose bytes are kept.
struct Kept {
    stream: UnixStream,
    written: Vec<u8>,
    read: Vec<u8>,
}

impl Read for Kept {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(bytes)?;
        self.read.extend_from_slice(&bytes[..length]);
        Ok(length)
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.stream.write(bytes)?;
        self.written.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn main() {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../keys/sm");
    let (certificate, key, root) = (keys.join("gateway.pem"), keys.join("gateway.key"), keys.join("root.pem"));
    let setup = Setup {
        side: Side::Server,
        own: Some((&certificate, &key)),
        trust: &root,
        suites: "TLS_SM4_GCM_SM3",
        groups: "curveSM2",
        signatures: "sm2sig_sm3",
        mutual: false,
    };
    let context = Context::new(&setup).expect("OpenSSL is set up");
    let issuers = std::fs::read(&root).expect("the tests' root");
    let trust = Trust { issuers: &issuers, revocation: None };
    let mut config = client_config(Family::Sm, trust, None, false).expect("the tests' certificates");
    let lines = Arc::new(Lines::default());
    config.key_log = Arc::clone(&lines) as Arc<dyn KeyLog>;
    let (here, there) = UnixStream::pair().expect("a pair of sockets");
    let kept = thread::scope(|scope| {
        scope.spawn(move || {
            let mut connection = context.handshake(there, None).expect("a handshake");
            let mut asked = [0; 4];
            connection.read(&mut asked).expect("a question");
            connection.write("国密".as_bytes()).expect("an answer");
        });
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut stream = StreamOwned::new(session, Kept { stream: here, written: Vec::new(), read: Vec::new() });
        stream.write_all(b"ask?").expect("asked");
        let mut answer = [0; 6];
        stream.read_exact(&mut answer).expect("answered");
        assert_eq!(answer, "国密".as_bytes());
        stream.sock
    });
    lines.add("client", &kept.written);
    lines.add("server", &kept.read);
    println!("# Our client and the server of OpenSSL 4.0.3, recorded by tests/interop/openssl4 (examples/record.rs).");
    println!("# The client asked \"ask?\", the server answered \"国密\"; certificates are those of tests/keys/sm.");
    for (name, bytes) in &*lines.0.lock().expect("one thread") {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        println!("{name} {digits}");
    }
}
