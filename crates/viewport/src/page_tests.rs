//! Every template of these pages with hostile and with endless text: nothing gets out of its place.

use crate::{audit, home, members, organisation, products, targets};
use askama::Template;
use domain::{Role, Timestamp};
use pages::{Chrome, FormError, Section, Time};
use service::{audit::ChainReport, operations::mail::Mailed, organisations::OrganisationSettings};

/// A person may switch the organisation in another tab: each form that acts in one names the one of its page.
#[test]
fn every_form_of_an_organisation_names_it() {
    let templates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let folders = ["products", "targets", "members", "keys", "device"];
    let mut files: Vec<_> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(templates.join(folder)).unwrap())
        .map(|file| file.unwrap().path())
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

const NOW: Timestamp = Timestamp::from_seconds(1_795_503_600);

fn time() -> Time {
    pages::relative(NOW, NOW)
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
        Chrome {
            title: self.text(),
            partial: false,
            now: NOW,
            notice: "Saved.",
            errors: FormError::default(),
            fresh: false,
            organisation: self.text(),
            organisation_id: self.text(),
            organisations: vec![(self.text(), self.text()), (self.text(), self.text())],
            email: self.text(),
            is_admin: true,
            section: Section::Products,
            attention: 3,
        }
    }

    fn form(&self, field: &'static str) -> Chrome {
        let conflict = Some(vec![("Name", self.text()), ("Base URL", String::new())]);
        Chrome { errors: FormError { conflict, ..FormError::new(field, self.text()) }, ..self.chrome() }
    }

    fn named(&self) -> products::Named {
        products::Named { id: self.text(), name: self.text() }
    }

    fn home(&self) -> home::Home {
        let notice = |text| home::Notice { key: self.text(), label: self.text(), text };
        home::Home {
            chrome: self.chrome(),
            attention: vec![
                notice(home::NoticeText::DeadSecret(time(), 2)),
                notice(home::NoticeText::Expired(time())),
                notice(home::NoticeText::ExpiresSoon(time())),
            ],
            needs_key: true,
            products: vec![home::Product {
                id: self.text(),
                name: self.text(),
                base_url: self.some(),
                updated: time(),
            }],
            is_later: true,
            next: self.some(),
        }
    }

    fn products(&self) -> Vec<String> {
        let form = |product, field| products::change::Form {
            chrome: self.form(field),
            product,
            seen_at: self.text(),
            name: self.text(),
            description: self.text(),
            base_url: self.text(),
        };
        let fields = ["", "name", "description", "baseUrl"];
        let forms = fields.iter().flat_map(|field| [form(None, field), form(Some(self.named()), field)]);
        let delete = products::delete::Form {
            chrome: self.form("confirm"),
            product: self.named(),
            targets: 2,
            typed: self.text(),
        };
        let page = products::page::Page {
            chrome: self.chrome(),
            id: self.text(),
            name: self.text(),
            description: self.some(),
            base_url: self.some(),
            created: time(),
            updated: time(),
            targets: vec![targets::Row {
                id: self.text(),
                name: self.text(),
                build_key: self.text(),
                version: self.text(),
                environment: self.text(),
                build: self.build(),
                updated: time(),
            }],
            is_later: true,
            next: self.some(),
        };
        let mut all: Vec<String> = forms.map(|form| form.render().unwrap()).collect();
        all.extend([delete.render().unwrap(), page.render().unwrap()]);
        all
    }

    fn build(&self) -> targets::Build {
        targets::Build { text: self.text(), url: self.some() }
    }

    fn targets(&self) -> Vec<String> {
        let form = |target, field| targets::change::Form {
            chrome: self.form(field),
            product: self.named(),
            target,
            seen_at: self.text(),
            name: self.text(),
            description: self.text(),
            build_key: self.text(),
            version: self.text(),
            environment: self.text(),
            build_number: self.text(),
            build_url: self.text(),
            metadata: self.text(),
        };
        let fields =
            ["", "name", "buildKey", "version", "environment", "buildNumber", "buildUrl", "metadata"];
        let target = || Some((self.text(), self.text()));
        let forms = fields.iter().flat_map(|field| [form(None, field), form(target(), field)]);
        let delete = targets::delete::Form {
            chrome: self.chrome(),
            product: self.named(),
            id: self.text(),
            name: self.text(),
            version: self.text(),
            environment: self.text(),
            build_key: self.text(),
        };
        let page = targets::page::Page {
            chrome: self.chrome(),
            product: self.named(),
            id: self.text(),
            name: self.text(),
            description: self.some(),
            build_key: self.text(),
            version: self.text(),
            environment: self.text(),
            build: self.build(),
            metadata: self.text(),
            created: time(),
            updated: time(),
        };
        let mut all: Vec<String> = forms.map(|form| form.render().unwrap()).collect();
        all.extend([delete.render().unwrap(), page.render().unwrap()]);
        all
    }

    fn person(&self, is_you: bool) -> members::MemberRow {
        members::MemberRow {
            id: self.text(),
            email: self.text(),
            role: Role::Admin,
            second_factor: is_you,
            since: time(),
            is_you,
        }
    }

    fn invited(&self, is_expired: bool) -> members::Invited {
        members::Invited {
            id: self.text(),
            email: self.text(),
            role: Role::Member,
            by: self.text(),
            expires: time(),
            is_expired,
        }
    }

    fn members(&self) -> Vec<String> {
        let list = members::List {
            chrome: self.chrome(),
            people: vec![self.person(true), self.person(false)],
            total: 2,
            admins: 2,
            is_later: true,
            next: self.some(),
            invitations: vec![self.invited(true), self.invited(false)],
        };
        let revoke =
            members::invitations::Form { chrome: self.form("password"), invitation: self.invited(true) };
        let mut all = vec![list.render().unwrap(), revoke.render().unwrap()];
        for field in ["", "email", "role"] {
            let invite = members::invite::Form {
                chrome: self.form(field),
                email: self.text(),
                role: Role::Admin,
                sends_mail: true,
            };
            all.push(invite.render().unwrap());
            for is_you in [true, false] {
                let role = members::role::Form {
                    chrome: self.form(field),
                    person: self.person(is_you),
                    role: Role::Admin,
                };
                let remove = members::remove::Form {
                    chrome: self.form(field),
                    person: self.person(is_you),
                    keys: vec![members::remove::Key { id: self.text(), label: self.text() }],
                };
                all.extend([role.render().unwrap(), remove.render().unwrap()]);
            }
        }
        for mailed in [Mailed::Sent, Mailed::NotSetUp, Mailed::Failed(self.text())] {
            let link = members::invite::LinkPage {
                chrome: self.chrome(),
                email: &self.0,
                role: Role::Admin,
                link: &self.0,
                expires: time(),
                mailed: &mailed,
            };
            all.push(link.render().unwrap());
        }
        all
    }

    fn organisation(&self, field: &'static str) -> organisation::Page {
        organisation::Page {
            chrome: self.form(field),
            id: self.text(),
            since: time(),
            seen: OrganisationSettings {
                name: self.text(),
                default_days: 1,
                maximum_days: 2,
                require_second_factor: false,
            },
            name: self.text(),
            default_days: self.text(),
            maximum_days: self.text(),
            require_second_factor: true,
            has_second_factor: false,
        }
    }

    fn audit(&self, damage: Option<String>) -> audit::Page {
        let actor = || audit::Actor { id: self.text(), name: self.text() };
        audit::Page {
            chrome: self.chrome(),
            report: Some(ChainReport { chain: self.text(), entries: 3, hash: self.text(), damage }),
            groups: vec![audit::Group { name: "Members", actions: vec![("member.added", "Added", true)] }],
            people: vec![actor()],
            keys: vec![actor()],
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
                details: vec![(self.text(), self.text())],
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
        all.extend(fields.map(|field| self.organisation(field).render().unwrap()));
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
