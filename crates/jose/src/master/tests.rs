use super::*;
use crate::fixtures::Counting;
use proptest::prelude::*;

fn key(first: u8) -> MasterKey {
    let mut bytes = [9; 32];
    bytes[0] = first;
    MasterKey(bytes)
}

#[test]
fn a_key_comes_back_from_every_notation() {
    let made = MasterKey::generate(&Counting::new());
    let base64 = made.to_base64();
    assert_eq!(base64.len(), 44);
    let url = base64::engine::general_purpose::URL_SAFE.encode(made.0);
    let hex = digest::hex(&made.0);
    for text in [
        base64.to_string(),
        base64.trim_end_matches('=').to_owned(),
        url.clone(),
        url.trim_end_matches('=').to_owned(),
        hex.to_uppercase(),
        hex,
        format!("  {}\n", *base64),
    ] {
        assert_eq!(MasterKey::parse(&text).unwrap().0, made.0);
    }
    // With every character in which the two alphabets differ.
    let high = MasterKey([0xfb, 0xef, 0xff, 0xfb, 0xef, 0xff, 0xfb, 0xef].repeat(4).try_into().unwrap());
    let standard = high.to_base64();
    assert!(standard.contains('+') && standard.contains('/'));
    assert_eq!(MasterKey::parse(&standard.replace('+', "-").replace('/', "_")).unwrap().0, high.0);
}

#[test]
fn other_texts_are_rejected_with_the_way_to_make_a_key() {
    let almost = format!("{}g", "a1".repeat(31) + "0");
    let non_canonical = format!("{}B=", "A1".repeat(21));
    for text in ["", "secret", "é".repeat(32).as_str(), &almost, &non_canonical, &"ab".repeat(33)] {
        let error = MasterKey::parse(text).unwrap_err();
        assert_eq!(error, MasterKeyError::NotAKey, "{text}");
        assert!(error.to_string().contains("openssl rand -base64 32"));
    }
}

#[test]
fn a_placeholder_is_no_key() {
    let a = format!("{}E=", "QUFB".repeat(10) + "QU");
    for text in ["0".repeat(64), "f".repeat(64), a] {
        assert_eq!(MasterKey::parse(&text).unwrap_err(), MasterKeyError::NotRandom, "{text}");
    }
}

#[test]
fn debug_and_messages_show_nothing() {
    let key = key(7);
    assert_eq!(format!("{key:?}"), "MasterKey(redacted)");
    let text = key.to_base64().replace('=', "*");
    assert!(!MasterKey::parse(&text).unwrap_err().to_string().contains(&text));
}

#[test]
fn sealing_twice_gives_two_texts_and_both_open() {
    let (key, entropy) = (key(1), Counting::new());
    let first = key.seal("signing-key:a", b"private", &entropy).unwrap();
    let second = key.seal("signing-key:a", b"private", &entropy).unwrap();
    assert_ne!(first, second);
    assert_eq!(first[0], VERSION);
    assert_eq!(first.len(), 1 + 12 + 7 + 16);
    assert!(!first.windows(7).any(|window| window == b"private"));
    for sealed in [first, second] {
        assert_eq!(key.open("signing-key:a", &sealed).unwrap().as_slice(), b"private");
    }
}

#[test]
fn another_key_another_context_or_another_version_does_not_open() {
    let sealed = key(1).seal("signing-key:a", b"private", &Counting::new()).unwrap();
    assert_eq!(key(2).open("signing-key:a", &sealed).unwrap_err(), MasterKeyError::Open);
    assert_eq!(key(1).open("signing-key:b", &sealed).unwrap_err(), MasterKeyError::Open);
    assert_eq!(key(1).open("", &sealed).unwrap_err(), MasterKeyError::Open);
    let mut newer = sealed.clone();
    newer[0] = 2;
    assert_eq!(key(1).open("signing-key:a", &newer).unwrap_err(), MasterKeyError::NotSealed);
}

#[test]
fn derived_values_are_stable_and_apart() {
    let key = key(1);
    let purposes = ["", "csrf", "cursor", "fingerprint"];
    for (index, a) in purposes.iter().enumerate() {
        assert_eq!(key.derive(a), key.derive(a));
        for b in &purposes[index + 1..] {
            assert_ne!(key.derive(a), key.derive(b));
        }
        assert_ne!(key.derive(a), key.expand("seal", a), "{a}");
        assert!(!digest::hex(&key.derive(a)).starts_with(&key.fingerprint()));
    }
    assert_ne!(key.fingerprint(), self::key(2).fingerprint());
    // Written into databases: a change of the derivation must not pass unnoticed.
    let known = MasterKey::parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap();
    assert_eq!(known.fingerprint(), "37eaa865dfd2ad53");
}

proptest! {
    #[test]
    fn what_was_sealed_opens_and_nothing_else_does(
        first: u8, context in ".{0,20}", plain: Vec<u8>, position: prop::sample::Index, change in 1u8..,
    ) {
        let key = key(first);
        let sealed = key.seal(&context, &plain, &Counting::new()).unwrap();
        prop_assert_eq!(&*key.open(&context, &sealed).unwrap(), &plain);

        let mut changed = sealed.clone();
        changed[position.index(sealed.len())] ^= change;
        prop_assert!(key.open(&context, &changed).is_err());
        prop_assert!(key.open(&context, &sealed[..position.index(sealed.len())]).is_err());
        let mut longer = sealed;
        longer.push(change);
        prop_assert!(key.open(&context, &longer).is_err());
    }

    #[test]
    fn arbitrary_text_and_bytes_never_panic(text in ".{0,70}", bytes: Vec<u8>) {
        let _ = MasterKey::parse(&text);
        prop_assert!(key(1).open("x", &bytes).is_err());
    }
}
