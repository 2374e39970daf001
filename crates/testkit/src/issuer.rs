//! Stand-ins of the platforms that sign workloads' tokens: keys, discovery documents, and tokens of the documented shapes.

use domain::{Timestamp, workload::Preset};
use jose::assertion::{AssertionAlgorithm, AssertionSigner};
use serde_json::{Value, json};

/// A platform that signs tokens. It publishes every key that it has; the last one signs.
pub struct TestIssuer {
    /// Its URL, as tokens have it in `iss`.
    pub url: String,
    signers: Vec<(String, AssertionSigner)>,
    made: usize,
}

impl TestIssuer {
    /// A platform at `url` with one key.
    pub fn new(url: &str, algorithm: AssertionAlgorithm) -> Self {
        let mut issuer = Self { url: url.to_owned(), signers: Vec::new(), made: 0 };
        issuer.add_key(algorithm);
        issuer
    }

    /// Adds a key, which signs from now on.
    pub fn add_key(&mut self, algorithm: AssertionAlgorithm) {
        self.made += 1;
        self.signers.push((format!("kid-{}", self.made), AssertionSigner::generate(algorithm).unwrap()));
    }

    /// Withdraws every key but the last.
    pub fn withdraw_old_keys(&mut self) {
        self.signers.drain(..self.signers.len() - 1);
    }

    /// The name of the key that signs.
    pub fn kid(&self) -> &str {
        &self.signers.last().unwrap().0
    }

    /// The key that signs.
    pub fn signer(&self) -> &AssertionSigner {
        &self.signers.last().unwrap().1
    }

    /// Where its discovery document is.
    pub fn discovery_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.url)
    }

    /// Where its keys are.
    pub fn jwks_url(&self) -> String {
        format!("{}/jwks", self.url)
    }

    /// Its discovery document.
    pub fn discovery(&self) -> Value {
        json!({
            "issuer": self.url, "jwks_uri": self.jwks_url(), "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        })
    }

    /// Its keys.
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.signers.iter().map(|(kid, signer)| signer.public_jwk(kid)).collect::<Vec<_>>() })
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.signer().sign_claims(self.kid(), claims).unwrap()
    }

    /// A token of the documented shape for `preset`, valid now, with `changes`; a change to null takes a claim away.
    pub fn token(&self, preset: Preset, audience: &str, now: Timestamp, changes: &Value) -> String {
        self.sign(&changed(&self.claims(preset, audience, now), changes))
    }

    /// The claims of a token of the documented shape for `preset`, valid now. Each has another `jti` where tokens have one.
    pub fn claims(&self, preset: Preset, audience: &str, now: Timestamp) -> Value {
        let (from, jti) = (now.seconds(), uuid_of(&format!("{}{}", self.url, next())));
        let standard = |subject: &str, seconds: i64| json!({ "iss": self.url, "sub": subject, "aud": audience, "iat": from, "nbf": from, "exp": from + seconds });
        let run = of_preset(preset);
        let subject = run["sub"].as_str().unwrap_or("workload").to_owned();
        let mut claims = standard(&subject, if preset == Preset::GitHubActions { 300 } else { 3600 });
        if preset.has_token_id() {
            claims["jti"] = json!(jti);
        }
        changed(&claims, &run)
    }
}

fn next() -> u64 {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

fn uuid_of(seed: &str) -> String {
    let digest = jose::hex(&jose::sha256(seed.as_bytes()));
    format!(
        "{}-{}-4{}-8{}-{}",
        &digest[..8],
        &digest[8..12],
        &digest[13..16],
        &digest[17..20],
        &digest[20..32]
    )
}

/// `claims` with `changes`; a change to null takes a claim away.
pub fn changed(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

const UUID: &str = "5a301f56-eaa7-4cce-9441-37810f7c8452";

/// What a token says of its workload, with names and forms from the platforms' documentation.
fn of_preset(preset: Preset) -> Value {
    match preset {
        Preset::GitHubActions => json!({
            "sub": "repo:acme@2020/shop@424242:ref:refs/heads/main",
            "repository": "acme/shop", "repository_id": "424242", "repository_owner": "acme", "repository_owner_id": "2020",
            "repository_visibility": "private", "ref": "refs/heads/main", "ref_type": "branch", "ref_protected": "true",
            "event_name": "push", "workflow": "deploy",
            "workflow_ref": "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
            "job_workflow_ref": "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
            "sha": "c9ed89cf4dacf01feb527c42a26e0a8920d14c61", "head_ref": "", "base_ref": "",
            "run_id": "22259804324", "run_number": "4711", "run_attempt": "1", "runner_environment": "github-hosted",
            "actor": "ada", "actor_id": "12",
        }),
        Preset::GitLabCi => json!({
            "sub": "project_path:acme/shop:ref_type:branch:ref:main",
            "namespace_id": "72", "namespace_path": "acme", "project_id": "20", "project_path": "acme/shop", "user_id": "1",
            "user_login": "ada", "user_email": "ada@acme.example", "pipeline_id": "574", "pipeline_source": "push", "job_id": "302",
            "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
            "ci_config_ref_uri": "gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main", "ci_config_sha": "714a629c",
            "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc", "runner_environment": "gitlab-hosted",
        }),
        Preset::Kubernetes => json!({
            "sub": "system:serviceaccount:shop:deploy", "jti": UUID,
            "kubernetes.io": {
                "namespace": "shop", "node": { "name": "node-1", "uid": UUID }, "pod": { "name": "deploy-69cbfb9798-jv9gn", "uid": UUID },
                "serviceaccount": { "name": "deploy", "uid": UUID }, "warnafter": 1_700_000_000,
            },
        }),
        Preset::CircleCi => json!({
            "sub": format!("org/{UUID}/project/{UUID}/user/{UUID}"),
            "oidc.circleci.com/project-id": UUID, "oidc.circleci.com/context-ids": [UUID],
            "oidc.circleci.com/vcs-origin": "github.com/acme/shop", "oidc.circleci.com/vcs-ref": "refs/heads/main",
            "oidc.circleci.com/pipeline-id": UUID,
        }),
        Preset::Buildkite => json!({
            "sub": "organization:acme:pipeline:shop:ref:refs/heads/main:commit:9f3182061f1e:step:deploy",
            "organization_slug": "acme", "pipeline_slug": "shop", "build_number": 1, "build_branch": "main",
            "build_commit": "9f3182061f1e2cca4702c368cbc039b7dc9d4485", "step_key": "deploy", "job_id": UUID,
            "organization_id": UUID, "pipeline_id": UUID,
        }),
        Preset::GoogleCloud => json!({
            "sub": "107517467455664443765", "azp": "107517467455664443765", "email": "deploy@acme.iam.gserviceaccount.com",
            "email_verified": true, "nbf": null,
        }),
        Preset::Aws => json!({
            "sub": "arn:aws:iam::123456789012:role/Deploy",
            "https://sts.amazonaws.com/": { "aws_account": "123456789012", "source_region": "eu-central-1" },
        }),
        Preset::HcpTerraform => json!({
            "sub": "organization:acme:project:Default Project:workspace:shop:run_phase:apply",
            "terraform_run_phase": "apply", "terraform_workspace_id": "ws-mbsd5E3Ktt5Rg2Xm", "terraform_workspace_name": "shop",
            "terraform_organization_id": "org-GRNbCjYNpBB6NEBH", "terraform_organization_name": "acme",
            "terraform_project_id": "prj-vegSA59s1XPwMr2t", "terraform_project_name": "Default Project",
            "terraform_run_id": "run-X3n1AUXNGWbfECsJ", "terraform_full_workspace": "organization:acme:project:Default Project:workspace:shop",
        }),
        Preset::AnyOidc => json!({ "sub": "workload-1", "jti": uuid_of(&next().to_string()) }),
    }
}
