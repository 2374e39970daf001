//! TLS to PostgreSQL: always verified, against the system's certificates or a file of one's own.

use crate::Result;
use crate::StoreError;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{path::Path, sync::Arc};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(crate) fn connector(authority: Option<&Path>) -> Result<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authority {
        add_file(&mut roots, path)?;
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Configuration(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<()> {
    let rejection = |error: &dyn std::fmt::Display| {
        StoreError::Configuration(format!("cannot use the certificates in {}: {error}", path.display()))
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| rejection(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| rejection(&error))?;
        roots.add(certificate).map_err(|error| rejection(&error))?;
    }
    if roots.is_empty() { Err(rejection(&"the file holds none")) } else { Ok(()) }
}
