//! What was done, as the page after a redirect says it. Only these words: the address cannot put others there.

use crate::frame::form::Fields;

const DONE: [(&str, &str); 28] = [
    ("product-added", "Added. Its targets come from your pipelines, or add one by hand."),
    ("product-changed", "Saved."),
    ("product-deleted", "The product is deleted, and its targets with it."),
    ("target-added", "The target is added."),
    ("target-changed", "Saved."),
    ("target-deleted", "The target is deleted."),
    ("role-changed", "The role is changed. It counts from now on."),
    ("demoted", "You are a Member now. Settings are for Admins."),
    ("member-removed", "Removed. The person has no access any more; API keys work on."),
    ("invitation-revoked", "Taken back. The link works no more."),
    ("organisation-changed", "Saved."),
    ("revoked", "Revoked. Tokens already issued are rejected now."),
    ("revoked-before", "That key is already revoked."),
    ("renamed", "The key has another label now."),
    ("generated", "The key is there. It has no secret to store."),
    ("authentication-changed", "Saved. What is no longer accepted is rejected from now on."),
    ("secret-replaced", "The secret is replaced. It works on until its grace is over."),
    ("renewed", "Renewed. Nothing has to be stored anew."),
    ("workload-allowed", "Allowed. Run the pipeline again: it gets an access token now."),
    ("grace-ended", "The previous secret is rejected now."),
    ("password", "Your new password is set. Every other session has ended."),
    ("session", "The session has ended. Nobody can go on with it."),
    ("others", "Every other session has ended. Only this browser is signed in."),
    ("no-others", "There was no other session. Only this browser is signed in."),
    ("gone", "That session had ended already."),
    ("passkey-added", "Your passkey is added. It signs you in from now on."),
    (
        "passkey-removed",
        "The passkey is removed. It signs nobody in any more; your device may show it until you delete it there.",
    ),
    ("second-factor-removed", "Your second factor is removed. From now on your password alone signs you in."),
];

/// The word of `?done=…` and what the page says for it; both empty if it is none of these.
pub(crate) fn done(query: &Fields) -> (&'static str, &'static str) {
    let done = query.text("done");
    DONE.iter().find(|(word, _)| *word == done).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_put_words_on_a_page() {
        assert_eq!(done(&Fields::of_query(Some("done=product-changed"))), ("product-changed", "Saved."));
        for other in ["done=You+won", "done=<script>", "done", "", "done=product-changed&done=demoted"] {
            assert_eq!(done(&Fields::of_query(Some(other))), ("", ""), "{other}");
        }
    }
}
