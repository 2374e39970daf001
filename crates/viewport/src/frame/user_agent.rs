//! What a browser or a program calls itself, as a person recognises it: "Firefox on Linux".

/// The longest name that is shown, in characters.
const CHARACTERS: usize = 60;

/// Names by which browsers tell themselves apart. The first that is found counts: most carry the names of others too.
const BROWSERS: [(&str, &str); 13] = [
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// The same for systems.
const SYSTEMS: [(&str, &str); 9] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
    ("X11", "Unix"),
];

/// A short readable form of a `User-Agent`; what is no browser's keeps its own words.
pub(crate) fn short_name(device: &str) -> String {
    let named = |names: &[(&str, &'static str)]| {
        names.iter().find(|(part, _)| device.contains(part)).map(|(_, name)| *name)
    };
    // Only browsers say that they are Mozilla.
    if device.starts_with("Mozilla/") {
        return match (named(&BROWSERS), named(&SYSTEMS)) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(browser), None) => browser.to_owned(),
            (None, Some(system)) => format!("A browser on {system}"),
            (None, None) => "A browser".to_owned(),
        };
    }
    let plain = device.trim();
    match plain {
        "" | "unknown" => "Unknown device".to_owned(),
        plain if plain.chars().count() > CHARACTERS => {
            let start: String = plain.chars().take(CHARACTERS - 1).collect();
            format!("{}…", start.trim_end())
        }
        plain => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn browsers_are_named_as_people_know_them() {
        for (device, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
            ),
            ("Mozilla/5.0 (compatible; odd)", "A browser"),
            ("Mozilla/5.0 (Windows NT 10.0)", "A browser on Windows"),
        ] {
            assert_eq!(short_name(device), name, "{device}");
        }
    }

    #[test]
    fn programs_keep_their_own_words_and_nothing_grows() {
        assert_eq!(short_name("duku/0.1.0 (laptop, Linux)"), "duku/0.1.0 (laptop, Linux)");
        assert_eq!(short_name(" unknown "), "Unknown device");
        assert_eq!(short_name(""), "Unknown device");
        assert_eq!(short_name(&"é".repeat(10_000)).chars().count(), 60);
        assert_eq!(
            short_name("<script>alert(1)</script>"),
            "<script>alert(1)</script>",
            "escaped by the page"
        );
    }
}
