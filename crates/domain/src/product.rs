//! Products (`Subject` in GraphQL) and their targets.

pub mod secrets;

use crate::{
    Invalid, Name, OrganisationId, SubjectId, TargetId, Timestamp,
    text::{paragraph, reported_line, web_url},
};

const DESCRIPTION_CHARACTERS: usize = 4000;
/// The longest name of a target, in UTF-16 units.
pub const TARGET_NAME: usize = 255;
/// The longest build key, version and environment, in UTF-16 units.
pub const TARGET_FIELD: usize = 512;
/// The largest `metadata` of a target, in bytes of JSON.
pub const METADATA_BYTES: usize = 16 * 1024;

/// An application under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its id, `sbj_…`.
    pub id: SubjectId,
    /// Whose it is.
    pub organisation_id: OrganisationId,
    /// What people call it and where it lives.
    pub details: SubjectDetails,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a person or a key may set of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectDetails {
    /// Its name.
    pub name: Name,
    /// Some sentences about it, at most 4,000 characters.
    pub description: Option<String>,
    /// Where it runs, an `http` or `https` URL.
    pub base_url: Option<String>,
}

impl SubjectDetails {
    /// Checks what came from outside.
    pub fn parse(name: &str, description: Option<&str>, base_url: Option<&str>) -> Result<Self, Invalid> {
        Ok(Self {
            name: Name::parse(name)?,
            description: description
                .map(|text| paragraph("description", text, DESCRIPTION_CHARACTERS))
                .transpose()?,
            base_url: base_url.map(|text| web_url("baseUrl", text)).transpose()?,
        })
    }
}

/// One deployment of a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its id, `smt_…`.
    pub id: TargetId,
    /// Whose it is.
    pub organisation_id: OrganisationId,
    /// The product that it deploys.
    pub subject_id: SubjectId,
    /// What the pipeline said of it.
    pub details: TargetDetails,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a pipeline says of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetDetails {
    /// Names the deployment within its product: the same key updates, another creates.
    pub build_key: String,
    /// Its name, at most [`TARGET_NAME`].
    pub name: String,
    /// Some sentences about it, at most 4,000 characters.
    pub description: Option<String>,
    /// The version that is deployed.
    pub version: String,
    /// Where it is deployed, like `staging`.
    pub environment: String,
    /// The pipeline's number of the build.
    pub build_number: Option<i64>,
    /// The address of the deployment that is to be explored, an `http` or `https` URL.
    pub build_url: Option<String>,
    /// Anything else, as JSON of at most 16 KiB. Where a secret was given, [`secrets::SET`] stands in its place.
    pub metadata: Option<serde_json::Value>,
}

impl TargetDetails {
    /// The pipeline's page of the build, if `metadata.ciRunUrl` is a web address.
    pub fn ci_run_url(&self) -> Option<String> {
        let url = self.metadata.as_ref()?.get("ciRunUrl")?.as_str()?;
        web_url("ciRunUrl", url).ok()
    }
}

/// The same as it came from outside.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of `TargetDetails`")]
pub struct UncheckedTarget {
    pub build_key: String,
    pub name: String,
    pub description: Option<String>,
    pub version: String,
    pub environment: String,
    pub build_number: Option<i64>,
    pub build_url: Option<String>,
    pub metadata: Option<serde_json::Value>,
}

impl UncheckedTarget {
    /// Checks every field.
    pub fn check(self) -> Result<TargetDetails, Invalid> {
        if self.build_number.is_some_and(|number| number < 0) {
            return Err(Invalid::new("buildNumber", "a build number is 0 or more"));
        }
        let size = self.metadata.as_ref().map_or(0, |metadata| metadata.to_string().len());
        if size > METADATA_BYTES {
            return Err(Invalid::new(
                "metadata",
                format!("at most {METADATA_BYTES} bytes of JSON; it has {size}"),
            ));
        }
        Ok(TargetDetails {
            build_key: reported_line("buildKey", &self.build_key, TARGET_FIELD)?,
            name: reported_line("name", &self.name, TARGET_NAME)?,
            description: self
                .description
                .map(|text| paragraph("description", &text, DESCRIPTION_CHARACTERS))
                .transpose()?,
            version: reported_line("version", &self.version, TARGET_FIELD)?,
            environment: reported_line("environment", &self.environment, TARGET_FIELD)?,
            build_number: self.build_number,
            build_url: self.build_url.map(|text| web_url("buildUrl", &text)).transpose()?,
            metadata: self.metadata.filter(|metadata| !metadata.is_null()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> UncheckedTarget {
        UncheckedTarget {
            build_key: "main".into(),
            name: "Staging".into(),
            version: "1.2".into(),
            environment: "staging".into(),
            ..UncheckedTarget::default()
        }
    }

    #[test]
    fn each_field_is_named_when_it_is_wrong() {
        assert!(target().check().is_ok());
        let cases = [
            ("buildKey", UncheckedTarget { build_key: " ".into(), ..target() }),
            ("version", UncheckedTarget { version: "x".repeat(513), ..target() }),
            ("environment", UncheckedTarget { environment: "\u{200B}".into(), ..target() }),
            ("buildNumber", UncheckedTarget { build_number: Some(-1), ..target() }),
            ("buildUrl", UncheckedTarget { build_url: Some("javascript:1".into()), ..target() }),
            ("metadata", UncheckedTarget { metadata: Some("x".repeat(METADATA_BYTES).into()), ..target() }),
            ("description", UncheckedTarget { description: Some("a\u{1}".into()), ..target() }),
        ];
        for (field, case) in cases {
            assert_eq!(case.check().unwrap_err().field, field);
        }
    }
}
