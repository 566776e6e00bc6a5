//! Compiles OpenSSL 4 from the sources in the crate `openssl-src`, and links it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    openssl_src::Build::new().build().print_cargo_metadata();
}
