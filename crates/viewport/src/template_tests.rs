//! What tests put into templates: texts that must not become markup, and texts that are far too long.

use domain::{
    ApiKey, Email, Invitation, InvitationId, KeyId, KeyOverview, Label, Lifetime, Member, Name,
    OrganisationId, Role, SecretDigest, Subject, SubjectId, Target, TargetId, Timestamp, UserId,
    api_key::StoredSecret,
    product::{SubjectDetails, TargetDetails},
};
use pages::{Chrome, FormError, Section};

/// Texts as nobody should type them.
pub(crate) fn texts() -> [String; 3] {
    ["Ada".to_owned(), "<script>\"'&alert(1)</script>".to_owned(), "x".repeat(10_000)]
}

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// What stands around the content of a form in which `text` is wrong with `field`.
pub(crate) fn form(text: &str, field: &'static str) -> Chrome {
    Chrome { errors: FormError::new(field, text), ..chrome(text) }
}

/// What stands around the content.
pub(crate) fn chrome(text: &str) -> Chrome {
    Chrome {
        title: text.to_owned(),
        partial: false,
        now: NOW,
        notice: String::new(),
        errors: FormError::default(),
        fresh: false,
        organisation: text.to_owned(),
        organisation_id: text.to_owned(),
        organisations: vec![("o1".into(), text.to_owned()), ("o2".into(), "Globex".into())],
        user_id: user_id(1).to_string(),
        email: text.to_owned(),
        is_admin: true,
        section: Section::Account,
        attention: 1,
    }
}

/// The 26 characters of an id.
const ID: &str = "00000000000000000000000000";

/// The id of one user or another; the first looks at the pages.
pub(crate) fn user_id(number: u8) -> UserId {
    UserId::parse(&format!("usr_0000000000000000000000000{number}")).unwrap()
}

fn organisation_id() -> OrganisationId {
    OrganisationId::parse(&format!("org_{ID}")).unwrap()
}

fn first(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(&first(text, Name::MAXIMUM)).unwrap()
}

pub(crate) fn email() -> Email {
    Email::parse("o'hara&co@example.org").unwrap()
}

pub(crate) fn subject(text: &str) -> Subject {
    Subject {
        id: SubjectId::parse(&format!("sbj_{ID}")).unwrap(),
        organisation_id: organisation_id(),
        details: SubjectDetails {
            name: name(text),
            description: Some(text.to_owned()),
            base_url: Some(text.to_owned()),
        },
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn target(text: &str) -> Target {
    Target {
        id: TargetId::parse(&format!("smt_{ID}")).unwrap(),
        organisation_id: organisation_id(),
        subject_id: subject(text).id,
        details: TargetDetails {
            build_key: text.to_owned(),
            name: text.to_owned(),
            description: Some(text.to_owned()),
            version: text.to_owned(),
            environment: text.to_owned(),
            build_number: None,
            build_url: Some(text.to_owned()),
            metadata: None,
        },
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn key(text: &str) -> KeyOverview {
    let lifetime = Lifetime::from_days(30).unwrap();
    let key = ApiKey {
        id: KeyId::parse(&format!("key_{ID}")).unwrap(),
        organisation_id: organisation_id(),
        organisation_name: text.to_owned(),
        label: Label::parse(&first(text, Label::MAXIMUM)).unwrap(),
        secret: StoredSecret { digest: SecretDigest([0; 32]), hint: text.to_owned() },
        grace: None,
        lifetime,
        created_at: NOW,
        created_by: text.to_owned(),
        expires_at: NOW.plus_seconds(lifetime.seconds()),
        rotated_at: Some(NOW),
        token_epoch: 0,
    };
    KeyOverview {
        key,
        last_used_at: Some(NOW),
        last_used_from: Some(text.to_owned()),
        secret_used_at: Some(NOW),
        secret_used_from: Some(text.to_owned()),
        last_run: None,
        identity: None,
        dead_secret_uses: 2,
        dead_secret_seen_at: Some(NOW),
    }
}

pub(crate) fn member(number: u8) -> Member {
    Member { id: user_id(number), email: email(), role: Role::Admin, since: NOW, second_factor: number == 1 }
}

pub(crate) fn invitation(text: &str, role: Role, expires_at: Timestamp) -> Invitation {
    Invitation {
        id: InvitationId::parse(&format!("inv_{ID}")).unwrap(),
        organisation_id: organisation_id(),
        organisation_name: text.to_owned(),
        email: email(),
        role,
        created_at: NOW,
        created_by: text.to_owned(),
        inviter: None,
        expires_at,
        end: None,
    }
}

/// Renders a page and looks for what a strict policy forbids or what was not escaped.
#[track_caller]
pub(crate) fn render(page: &impl askama::Template) -> String {
    let text = page.render().unwrap();
    for forbidden in ["<script>", "alert(1)</script>", " style=", "<style", " onclick=", "javascript:"] {
        assert!(!text.contains(forbidden), "{forbidden} in {text}");
    }
    text
}
