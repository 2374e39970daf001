//! Keys without a secret, set up in a browser without scripts: from the form to the first token.

use crate::harness::{ADA, EVE, Harness, Page};
use domain::{
    Role,
    workload::{KnownIssuer, Preset},
};
use jose::assertion::AssertionAlgorithm;
use serde_json::{Value, json};
use service::{
    keys::GenerateKey,
    organisations::OrganisationSettings,
    tokens::{
        assertion::PresentedAssertion,
        client_authentication::{ClientProof, Credential},
    },
};
use testkit::TestIssuer;

const LIST: &str = "/settings/api-keys";
const HOSTILE: &str = "<b>acme</b>/shop\"'&";

fn github() -> TestIssuer {
    TestIssuer::new("https://token.actions.githubusercontent.com", AssertionAlgorithm::Es256)
}

/// Whether a run of the issuer's gets a token.
async fn runs(harness: &Harness, id: &str, issuer: &TestIssuer, changes: &Value) -> bool {
    let audience = &harness.service.policy().issuer;
    let token = issuer.token(Preset::GitHubActions, audience, harness.ctx().now, changes);
    let presented = PresentedAssertion { client_id: Some(id), token: &token, is_client_assertion: true };
    let proof = ClientProof::Assertion(presented);
    harness.service.tokens().issue_for_client(&harness.ctx(), proof, "").await.is_ok()
}

/// What the form of a GitHub repository's key sends; the issuer's keys are pasted, so that nothing is fetched.
fn form(issuer: &TestIssuer) -> Vec<(&'static str, String)> {
    vec![
        ("label", "Deployments".to_owned()),
        ("days", "90".to_owned()),
        ("preset", "github_actions".to_owned()),
        ("key_set", issuer.jwks().to_string()),
    ]
}

fn fields<'a>(form: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn id_in(page: &str) -> String {
    page.strip_prefix("/settings/api-keys/").unwrap().split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_repository_is_set_up_by_its_first_run() {
    let harness = Harness::new().await;
    let ada = harness.browser_of(ADA).await;
    let generate = format!("{LIST}/generate/workload");
    ada.open(&format!("{LIST}/generate")).await.says(&format!("href=\"{generate}?preset=github_actions\""));
    ada.open(&format!("{generate}?preset=github_actions")).await.says("There is no repository to enter");
    assert_eq!(ada.get(&format!("{LIST}/generate/nothing")).await.status.as_u16(), 404);
    let issuer = github();
    let done = ada.submit(&generate, &fields(&form(&issuer))).await;
    let id = id_in(&done);
    let key = format!("{LIST}/{id}");
    let page = ada.open(&done).await;
    page.says("Waiting for the first run");
    page.says("No run has asked yet");
    page.says(&format!("client_id={id}"));
    page.says("id-token: write");
    assert!(!page.text.contains("dks_"), "nothing looks like a secret");
    assert!(!runs(&harness, &id, &issuer, &json!({})).await);
    assert!(!runs(&harness, &id, &issuer, &json!({ "repository": HOSTILE, "repository_id": "9" })).await);
    let page = ada.open(&key).await;
    page.says("run 4711 of acme/shop on main");
    page.says("&#60;b&#62;acme&#60;/b&#62;/shop");
    assert!(!page.text.contains("<b>acme"));
    let part = ada.get_part(&format!("{key}/attempts")).await;
    part.says("hx-trigger=\"every 2s\"");
    part.says("deploy.yml, push, by ada");
    // The same again is not sent: whoever reads the page keeps their place.
    let again = part.text.split("hx-get=\"").nth(1).unwrap().split('"').next().unwrap();
    let same = ada.get_part(again).await;
    assert_eq!(same.status.as_u16(), 204);
    assert_eq!(same.headers["cache-control"], "no-store");
    ada.open(LIST).await.says("Waits for its first run");
    let operator = Harness::operator(&harness.acme);
    let attempts = harness.service.keys().attempts(&operator, &id).await.unwrap();
    let seen =
        attempts.iter().find(|attempt| attempt.claims.contains("\"repository_id\":\"424242\"")).unwrap();
    let allow = format!("{key}/attempts/{}/allow", seen.id);
    let form = ada.open(&allow).await;
    for shown in ["repository_id", "424242", "repository_owner_id", "2020", "refs/heads/main", "acme/shop"] {
        form.says(shown);
    }
    ada.post(&allow, &[("version", "0")]).await.assert_says(422, "read the page again");
    let version = form.text.split("name=\"version\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let done = ada.submit(&allow, &[("version", version)]).await;
    ada.open(&done).await.says("Allowed. Run the pipeline again");
    assert_eq!(ada.get_part(again).await.status.as_u16(), 200, "it is another state");
    assert!(runs(&harness, &id, &issuer, &json!({})).await);
    assert!(!runs(&harness, &id, &issuer, &json!({ "repository_id": "9" })).await);
    harness.service.keys().flush_usage(&harness.ctx()).await.unwrap();
    ada.get_part(again).await.says("It works");
    let page = ada.open(&key).await;
    page.says("https://github.com/acme/shop/actions/runs/22259804324");
    page.says("(pin)");
    assert!(!page.text.contains("Waiting for the first run"));
    ada.open(LIST).await.says("Workload identity");
    ada.open("/settings/audit").await.says("changed what is accepted for the API key");
}

#[tokio::test]
async fn conditions_are_typed_changed_and_tried() {
    let harness = Harness::new().await;
    let ada = harness.browser_of(ADA).await;
    let issuer = github();
    let generate = format!("{LIST}/generate/workload");
    let mut typed = form(&issuer);
    typed.push(("pins", "repository_id = 424242\r\nrepository_owner_id = 2020".to_owned()));
    let refused = ada.post(&generate, &fields(&typed)).await;
    refused.assert_says(422, "any_branch");
    for danger in ["any_branch", "any_workflow"] {
        refused.says(&format!("name=\"{danger}\""));
        typed.push((danger, "1".to_owned()));
    }
    let key = format!("{LIST}/{}", id_in(&ada.submit(&generate, &fields(&typed)).await));
    let id = id_in(&key);
    assert!(runs(&harness, &id, &issuer, &json!({ "ref": "refs/heads/any" })).await);
    let change = format!("{key}/authentication");
    let shown = ada.open(&change).await;
    shown.says("repository_id = 424242");
    shown.says("name=\"any_branch\" value=\"1\" checked");
    typed.push(("conditions", "ref = refs/heads/main\nref = refs/heads/release-**".to_owned()));
    ada.post(&change, &fields(&typed)).await.assert_says(422, "conditions-error");
    typed.pop();
    typed.push(("conditions", "ref = refs/heads/main\nref = refs/heads/release".to_owned()));
    let done = ada.submit(&change, &fields(&typed)).await;
    let page = ada.open(&done).await;
    page.says("refs/heads/main</dd>");
    page.says("refs/heads/release</dd>");
    assert!(!runs(&harness, &id, &issuer, &json!({ "ref": "refs/heads/any" })).await);
    assert!(runs(&harness, &id, &issuer, &json!({ "ref": "refs/heads/release" })).await);
    ada.open(&key).await.says("Allow this, too");
    let audience = &harness.service.policy().issuer;
    let check = format!("{key}/check");
    for (changes, says) in [
        (json!({}), "This token would be accepted."),
        (json!({ "ref": HOSTILE }), "This token would be rejected."),
    ] {
        let token = issuer.token(Preset::GitHubActions, audience, harness.ctx().now, &changes);
        let report = ada.post(&check, &[("token", token.as_str())]).await;
        report.assert_says(200, says);
        report.says("repository_owner_id");
        assert!(!report.text.contains("<b>acme") && !report.text.contains(&token), "{}", report.text);
    }
    ada.post(&check, &[("token", " ")]).await.assert_says(422, "token-error");
    let done = ada.submit(&format!("{key}/renew"), &[]).await;
    ada.open(&done).await.says("Renewed.");
    ada.get(&format!("{key}/rotate")).await;
}

/// The part of a page from a field's tag to its end.
fn tag<'a>(page: &'a Page, id: &str) -> &'a str {
    page.between(&format!(" id=\"{id}\""), ">")
}

#[tokio::test]
async fn the_form_follows_the_platform() {
    let harness = Harness::new().await;
    let ada = harness.browser_of(ADA).await;
    let generate = format!("{LIST}/generate/workload");
    for other in ["", "?preset=jenkins"] {
        let choice = ada.open(&format!("{generate}{other}")).await;
        choice.says("Where does it run?");
        for preset in Preset::ALL {
            choice.says(&format!("href=\"{generate}?preset={}\"", preset.as_str()));
        }
        assert!(!choice.text.contains("name=\"label\""));
    }
    for preset in Preset::ALL {
        let form = ada.open(&format!("{generate}?preset={}", preset.as_str())).await;
        assert_eq!(form.value("preset"), preset.as_str());
        assert!(tag(&form, "label").contains("autofocus"), "{preset:?}");
        match preset.issuer() {
            KnownIssuer::Fixed(_) => assert!(!form.text.contains("name=\"issuer\""), "{preset:?}"),
            KnownIssuer::Default(_) => assert!(!tag(&form, "issuer").contains("required"), "{preset:?}"),
            KnownIssuer::Pattern(_) | KnownIssuer::Given => {
                assert!(tag(&form, "issuer").contains("required"), "{preset:?}");
            }
        }
    }
    let sent = [("label", "Cluster"), ("days", "90")];
    ada.post(&generate, &sent).await.assert_says(422, "Choose where it runs.");
    let sent = [&sent[..], &[("preset", "kubernetes")]].concat();
    let missing = ada.post(&generate, &sent).await;
    missing.assert_says(422, "id=\"issuer-error\"");
    assert!(tag(&missing, "issuer").contains("autofocus") && !tag(&missing, "label").contains("autofocus"));
    // A name that nobody has: nothing is asked there.
    let sent = [&sent[..], &[("issuer", "https://cluster.invalid")]].concat();
    let unreachable = ada.post(&generate, &sent).await;
    unreachable.assert_says(422, "paste them under “The issuer&#39;s public keys”");
    unreachable.says("<details class=\"fold\" open>");
}

#[tokio::test]
async fn a_secret_is_replaced_and_an_organisation_makes_none() {
    let harness = Harness::new().await;
    let ada = harness.browser_of(ADA).await;
    let operator = Harness::operator(&harness.acme);
    let input = GenerateKey { label: "CI".into(), expires_in_days: Some(90) };
    let made = harness.service.keys().generate(&harness.ctx(), &operator, &input).await.unwrap();
    let id = made.key.id.as_str();
    let key = format!("{LIST}/{id}");
    ada.open(&key).await.says(&format!("href=\"{key}/replace\""));
    let issuer = github();
    let mut typed = form(&issuer);
    typed.push(("grace", "86400".to_owned()));
    let done = ada.submit(&format!("{key}/replace"), &fields(&typed)).await;
    let page = ada.open(&done).await;
    page.says("The previous secret works until");
    page.says("Waiting for the first run");
    let credential = Credential { client_id: id, client_secret: made.secret.expose() };
    harness.service.tokens().issue_for_client(&harness.ctx(), credential, "").await.unwrap();
    let seen = harness.service.organisations().find(harness.acme.id.as_str()).await.unwrap();
    let seen = OrganisationSettings::of(&seen);
    let new = OrganisationSettings { secretless_only: true, ..seen.clone() };
    harness.service.organisations().change_settings(&harness.ctx(), &operator, &seen, &new).await.unwrap();
    ada.open("/settings/organisation").await.says("name=\"secretless_only\" value=\"1\" checked");
    let ways = ada.open(&format!("{LIST}/generate")).await;
    ways.says("This organisation makes no new secrets.");
    ways.says(&format!("href=\"{LIST}/generate/public-keys\""));
    assert!(!ways.text.contains("name=\"label\""), "no form that would be refused");
    let refused =
        ada.post(&format!("{LIST}/generate"), &[("label", "Other"), ("days", "90"), ("nonce", "n")]).await;
    refused.assert_says(422, "makes no more secrets");
    let keys = [("label", "Signer"), ("days", "90"), ("public_keys", "no key")];
    ada.post(&format!("{LIST}/generate/public-keys"), &keys).await.assert_says(422, "public_keys-error");
    let signer = issuer.signer().public_pem();
    let keys = [("label", "Signer"), ("days", "90"), ("public_keys", signer.as_str())];
    let done = ada.submit(&format!("{LIST}/generate/public-keys"), &keys).await;
    ada.open(&done).await.says("Public keys (private_key_jwt)");
}

#[tokio::test]
async fn nobody_else_sees_or_decides() {
    let harness = Harness::new().await;
    let ada = harness.browser_of(ADA).await;
    let issuer = github();
    let done = ada.submit(&format!("{LIST}/generate/workload"), &fields(&form(&issuer))).await;
    let id = id_in(&done);
    runs(&harness, &id, &issuer, &json!({})).await;
    let operator = Harness::operator(&harness.acme);
    let attempt = harness.service.keys().attempts(&operator, &id).await.unwrap().remove(0).id;
    harness.join("max@acme.example", Role::Member).await;
    let eve = harness.browser_of(EVE).await;
    let max = harness.browser_of("max@acme.example").await;
    for page in ["", "/authentication", "/renew", "/check", &format!("/attempts/{attempt}/allow")] {
        let page = format!("{LIST}/{id}{page}");
        assert_eq!(eve.get(&page).await.status.as_u16(), 404, "{page}");
        assert_eq!(max.get(&page).await.status.as_u16(), 403, "{page}");
    }
    for page in ["authentication", "renew", "check", "wait", &format!("attempts/{attempt}/allow")] {
        let page = format!("{LIST}/{id}/{page}");
        let sent = [("token", "x"), ("preset", "github_actions")];
        assert_eq!(eve.post(&page, &sent).await.status.as_u16(), 404, "{page}");
        assert_eq!(max.post(&page, &sent).await.status.as_u16(), 403, "{page}");
    }
    assert!(!runs(&harness, &id, &issuer, &json!({})).await);
}
