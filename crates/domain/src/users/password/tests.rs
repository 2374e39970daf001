use super::*;
use proptest::prelude::*;

fn ada() -> Email {
    Email::parse("ada.lovelace@example.org").unwrap()
}

fn check(password: &str) -> Result<(), Invalid> {
    check_password(password, PASSWORD_MINIMUM, Some(&ada()))
}

#[test]
fn the_list_is_sorted_lower_case_and_of_8_characters_and_more() {
    assert!(COMMON.len() > 8000 && COMMON.is_sorted());
    for word in COMMON.iter() {
        assert!(word.len() >= 8 && *word == word.to_lowercase() && *word == word.trim(), "{word}");
    }
}

#[test]
fn what_guessers_try_first_is_rejected_and_the_message_says_why() {
    let cases = [
        ("password1234", "most common"),
        ("PassWord!2024", "most common"),
        ("football2024", "most common"),
        ("1qaz2wsx3edc", "most common"),
        ("aaaaaaaaaaaa", "repeats"),
        ("abababababab", "repeats"),
        ("ababababababa", "repeats"),
        ("123123123123", "repeats"),
        ("passwordpassword", "repeats"),
        ("Password password", "repeats"),
        ("letmein-letmein", "repeats"),
        ("123456789012", "runs along"),
        ("987654321098", "runs along"),
        ("abcdefghijkl", "runs along"),
        ("lkjihgfedcba", "runs along"),
        ("qwertyuiopas", "runs along"),
        ("qwertzuiopas", "runs along"),
        ("abc123def456", "runs along"),
        ("111222333444", "runs along"),
        ("1234-5678-9012", "runs along"),
        ("ada.lovelace", "e-mail address"),
        ("Ada.Lovelace1815", "e-mail address"),
        ("ada.lovelace@example.org", "e-mail address"),
        ("ada.lovelace@example.org1", "e-mail address"),
        ("Duku20262027", "Duku's name"),
        ("2026!!!!duku", "Duku's name"),
    ];
    for (password, why) in cases {
        let rejection = check(password).unwrap_err();
        assert_eq!(rejection.field, "password");
        assert!(rejection.message.contains(why), "{password}: {rejection}");
        assert!(rejection.message.contains("a few unrelated words"), "{rejection}");
    }
}

#[test]
fn length_is_counted_in_characters_and_bounded_in_bytes() {
    assert_eq!(check("elevenchars").unwrap_err().message, "use at least 12 characters; this password has 11");
    assert!(check("żółtą jaźń ").is_err());
    assert!(check("żółtą jaźń 9").is_ok());
    assert!(check_password("horse staple", 13, None).is_err());
    let long = "correct horse ".repeat(80);
    assert!(check(&long).unwrap_err().message.contains("at most 1024 bytes"));
    assert!(check("").is_err());
}

#[test]
fn good_passwords_of_many_kinds_are_taken() {
    for password in [
        "correct horse battery staple",
        "another password",
        "xK9#mQ2$vL7!",
        "tulip anvil 1815",
        "my duku pass phrase",
        "ada.lovelace likes tea",
        "8301-4471-9926",
        "пчела ящик туман",
        "🦊🌲🚲🍋🎻🧊🪁🦉🌋🧵🪐🥁",
    ] {
        assert_eq!(check(password), Ok(()), "{password}");
    }
}

#[test]
fn an_address_of_digits_or_signs_alone_rejects_nothing_else() {
    let digits = Email::parse("1234@example.org").unwrap();
    assert_eq!(check_password("8301-4471-9926", 12, Some(&digits)), Ok(()));
    assert_eq!(check_password("tulip anvil 1815", 12, None), Ok(()));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics_and_short_text_is_rejected(text in ".{0,40}", minimum in 0usize..40) {
        let outcome = check_password(&text, minimum, Some(&ada()));
        if text.chars().count() < minimum {
            prop_assert!(outcome.is_err());
        }
    }

    #[test]
    fn case_makes_no_difference(text in "[ -~]{12,20}") {
        prop_assert_eq!(check(&text.to_uppercase()), check(&text.to_lowercase()));
    }

    #[test]
    fn a_common_password_is_rejected_with_any_digits_behind(at in 0usize..8000, digits in "[0-9]{4,6}") {
        let word = COMMON[at];
        prop_assume!(word.chars().all(char::is_alphabetic));
        let password = format!("{word}{digits}");
        prop_assert!(check(&password).is_err());
    }

    #[test]
    fn a_repeated_piece_is_rejected_however_often(piece in "[a-z0-9]{1,11}", times in 2usize..20) {
        let password = piece.repeat(times);
        prop_assume!(password.len() >= 12);
        prop_assert!(check(&password).is_err());
    }

    #[test]
    fn random_passwords_are_taken(password in "[a-km-z]{4}[0-9][A-Z]{4}[%&#][a-z]{6}") {
        // A run or a common word of this shape does not happen by chance.
        prop_assert_eq!(check(&password), Ok(()));
    }

    #[test]
    fn no_message_holds_the_password(password in "[a-z]{5}[0-9]{3}") {
        let message = check(&password).unwrap_err().message;
        prop_assert!(!message.contains(&password));
    }
}
