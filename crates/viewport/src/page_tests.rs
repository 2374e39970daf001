//! Every template of these pages with hostile and with endless text: nothing gets out of its place.

use crate::{
    audit,
    frame::form::Fields,
    home, members, organisation, products, targets,
    template_tests::{self, NOW, invitation, key, member, name, subject, target},
};
use askama::Template;
use domain::{KeyPolicy, Organisation, Role};
use pages::{Chrome, FormError, Time};
use service::{
    audit::ChainReport,
    keys::notices::{KeyNotice, NoticeReason},
    operations::mail::Mailed,
    organisations::OrganisationSettings,
    users::invitations::Invited,
};

/// A person may switch the organisation in another tab: each form that acts in one names the one of its page.
#[test]
fn every_form_of_an_organisation_names_it() {
    let templates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let folders = ["products", "targets", "members", "keys", "keys/secretless", "device"];
    let mut files: Vec<_> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(templates.join(folder)).unwrap())
        .map(|file| file.unwrap().path())
        .filter(|file| file.is_file())
        .collect();
    files.push(templates.join("organisation.html"));
    let mut forms = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let named = text.matches("name=\"in_organisation\" value=\"{{ chrome.organisation_id }}\"").count();
        assert_eq!(named, text.matches("method=\"post\"").count(), "{}", file.display());
        forms += named;
    }
    assert!(forms > 10, "{forms}");
}

fn time() -> Time {
    pages::relative(&NOW, &NOW)
}

/// Pages whose every text is `text`.
struct HostileText(String);

impl HostileText {
    fn text(&self) -> String {
        self.0.clone()
    }

    #[allow(clippy::unnecessary_wraps, reason = "the pages' fields are optional")]
    fn some(&self) -> Option<String> {
        Some(self.text())
    }

    fn chrome(&self) -> Chrome {
        template_tests::chrome(&self.0)
    }

    fn form(&self, field: &'static str) -> Chrome {
        let conflict = Some(vec![("Name", self.text()), ("Base URL", String::new())]);
        Chrome { errors: FormError { conflict, ..FormError::new(field, self.text()) }, ..self.chrome() }
    }

    /// Every field that a form of these pages has.
    fn typed(&self) -> Fields {
        let names = [
            "name",
            "description",
            "base_url",
            "build_key",
            "version",
            "environment",
            "build_number",
            "build_url",
            "metadata",
            "default_days",
            "maximum_days",
            "require_second_factor",
        ];
        names.map(|name| (name, self.0.as_str())).into_iter().collect()
    }

    fn home(&self) -> home::Home {
        let notice = |matter| KeyNotice { key: key(&self.0).key.id, label: self.text(), matter };
        home::Home {
            chrome: self.chrome(),
            attention: vec![
                notice(NoticeReason::DeadSecret(NOW, 2)),
                notice(NoticeReason::Expired(NOW)),
                notice(NoticeReason::ExpiresSoon(NOW)),
            ],
            first_steps: Some(home::FirstSteps { product: true, key: true, query: false }),
            products: vec![subject(&self.0)],
            is_later: true,
            next: Some(subject(&self.0).id),
        }
    }

    fn products(&self) -> Vec<String> {
        let (product, typed) = (subject(&self.0), self.typed());
        let form = |product, field| {
            let (chrome, seen_at) = (self.form(field), self.text());
            products::change::Form { chrome, product, seen_at, typed: &typed }.render().unwrap()
        };
        let fields = ["", "name", "description", "baseUrl"];
        let mut all: Vec<String> =
            fields.iter().flat_map(|field| [form(None, field), form(Some(&product), field)]).collect();
        let delete = products::delete::Form {
            chrome: self.form("confirm"),
            product: &product,
            targets: 2,
            typed: &self.0,
        };
        let page = products::page::Page {
            chrome: self.chrome(),
            product: subject(&self.0),
            targets: vec![target(&self.0)],
            is_later: true,
            next: Some(target(&self.0).id),
        };
        all.extend([delete.render().unwrap(), page.render().unwrap()]);
        all
    }

    fn targets(&self) -> Vec<String> {
        let (product, target, typed) = (subject(&self.0), target(&self.0), self.typed());
        let form = |target, field| {
            let (chrome, seen_at) = (self.form(field), self.text());
            targets::change::Form { chrome, product: &product, target, seen_at, typed: &typed }
                .render()
                .unwrap()
        };
        let fields =
            ["", "name", "buildKey", "version", "environment", "buildNumber", "buildUrl", "metadata"];
        let mut all: Vec<String> =
            fields.iter().flat_map(|field| [form(None, field), form(Some(&target), field)]).collect();
        let (product, target) = (|| product.clone(), || target.clone());
        let delete = targets::delete::Form { chrome: self.chrome(), product: product(), target: target() };
        let page = targets::page::Page {
            chrome: self.chrome(),
            product: product(),
            target: target(),
            metadata: self.text(),
            ci_run_url: self.some(),
        };
        all.extend([delete.render().unwrap(), page.render().unwrap()]);
        all
    }

    fn members(&self) -> Vec<String> {
        let invitations = [NOW, NOW.plus_seconds(60)].map(|until| invitation(&self.0, Role::Member, until));
        let list = members::List {
            chrome: self.chrome(),
            people: vec![member(1), member(2)],
            total: 2,
            admins: 2,
            is_later: true,
            next: Some(member(2).id),
            invitations: invitations.to_vec(),
        };
        let mut all = vec![list.render().unwrap()];
        all.extend(invitations.map(|invitation| {
            members::invitations::Form { chrome: self.form("password"), invitation }.render().unwrap()
        }));
        for field in ["", "email", "role"] {
            let chrome = || self.form(field);
            let invite = members::invite::Form {
                chrome: chrome(),
                email: &self.0,
                role: Role::Admin,
                sends_mail: true,
            };
            all.push(invite.render().unwrap());
            for person in [member(1), member(2)] {
                let role = members::role::Form { chrome: chrome(), person: &person, role: Role::Admin };
                let keys = vec![key(&self.0)];
                let remove = members::remove::Form { chrome: chrome(), person: &person, keys };
                all.extend([role.render().unwrap(), remove.render().unwrap()]);
            }
        }
        for mailed in [Mailed::Sent, Mailed::NotSetUp, Mailed::Failed(self.text())] {
            let invitation = invitation(&self.0, Role::Admin, NOW);
            let invited = Invited { invitation, link: self.text().into(), mailed };
            all.push(
                members::invite::LinkPage { chrome: self.chrome(), invited: &invited }.render().unwrap(),
            );
        }
        all
    }

    fn organisation(&self, field: &'static str) -> String {
        let organisation = Organisation {
            id: key(&self.0).key.organisation_id,
            name: name(&self.0),
            key_policy: KeyPolicy::INITIAL,
            require_second_factor: false,
            secretless_only: false,
            created_at: NOW,
        };
        let page = organisation::Page {
            chrome: self.form(field),
            seen: OrganisationSettings::of(&organisation),
            organisation: &organisation,
            typed: &self.typed(),
            has_second_factor: false,
        };
        page.render().unwrap()
    }

    fn audit(&self, damage: Option<String>) -> audit::Page {
        audit::Page {
            chrome: self.chrome(),
            report: Some(ChainReport { chain: self.text(), entries: 3, hash: self.text(), damage }),
            groups: vec![audit::Group { name: "Members", actions: vec![("member.added", "Added", true)] }],
            people: vec![member(1)],
            keys: vec![key(&self.0)],
            former: self.some(),
            actor: self.text(),
            object: self.text(),
            is_filtered: true,
            rows: vec![audit::Row {
                at: time(),
                actor: self.text(),
                kind: "operator",
                did: self.text(),
                object: Some((self.text(), self.some())),
                address: self.text(),
                details: vec![audit::Detail { text: self.text(), at: Some(pages::moment(&NOW)) }],
            }],
            newest: self.some(),
            older: self.some(),
        }
    }

    fn pages(&self) -> Vec<String> {
        let mut all = vec![self.home().render().unwrap()];
        all.extend(self.products());
        all.extend(self.targets());
        all.extend(self.members());
        let fields = ["", "name", "default_days", "maximum_days"];
        all.extend(fields.map(|field| self.organisation(field)));
        all.extend([None, self.some()].map(|damage| self.audit(damage).render().unwrap()));
        all
    }
}

#[test]
fn hostile_text_stays_text() {
    let harmless = HostileText("harmless".to_owned()).pages();
    let template_tests = HostileText(
        "\"><script>alert(1)</script></textarea><img src=x style='' onerror=\"alert(1)\">'&".into(),
    );
    for (page, harmless) in template_tests.pages().iter().zip(harmless) {
        for forbidden in ["<script>", "<img", "</textarea><", " onerror=\""] {
            assert!(!page.contains(forbidden), "{forbidden} in {page}");
        }
        assert!(!harmless.contains(" style=") && !harmless.contains(" onclick="), "{harmless}");
        // Text that cannot leave its place makes no element more and none less.
        assert_eq!(page.matches('<').count(), harmless.matches('<').count(), "{page}");
        assert_eq!(page.matches('"').count(), harmless.matches('"').count(), "{page}");
    }
}

#[test]
fn endless_text_is_shown() {
    let endless = "endless ".repeat(1250);
    for page in HostileText(endless.clone()).pages() {
        assert!(page.contains(&endless));
    }
}
