//! Every pair of colours that meets on a page reaches WCAG AA, in the light and in the dark scheme: computed from the
//! stylesheet's own custom properties, so that a change of taste cannot cost somebody the text.

const STYLE: &str = include_str!("../assets/style.css");

/// Where text stands on: each of these names a background and what is written on it.
const TEXT: [(&str, &[&str]); 11] = [
    ("paper", &["ink", "muted", "accent", "accent-strong", "amber", "red"]),
    ("raised", &["ink", "muted", "accent", "accent-strong", "amber", "red"]),
    ("sunken", &["ink", "muted", "accent", "accent-strong", "red"]),
    ("accent-wash", &["ink", "muted", "accent", "accent-strong", "red", "amber"]),
    ("amber-wash", &["ink", "muted", "accent", "accent-strong", "amber"]),
    ("red-wash", &["ink", "muted", "accent", "red", "red-strong"]),
    ("accent", &["on-accent"]),
    ("accent-strong", &["on-accent"]),
    ("red", &["on-red"]),
    ("red-strong", &["on-red"]),
    ("raised", &["red-strong"]),
];

/// Outlines of fields and buttons, the focus ring, dots and bars.
const SHAPES: [(&str, &[&str]); 4] = [
    ("paper", &["edge", "accent", "amber", "red"]),
    ("raised", &["edge", "accent", "amber", "red"]),
    ("sunken", &["accent"]),
    ("accent-wash", &["accent"]),
];

#[derive(Clone, Copy)]
enum Scheme {
    Light,
    Dark,
}

/// The relative luminance of a property in one scheme.
fn luminance(name: &str, scheme: Scheme) -> f64 {
    let start =
        STYLE.find(&format!("--{name}: light-dark(")).unwrap_or_else(|| panic!("--{name} is not there"));
    let line = STYLE[start..].lines().next().unwrap();
    let colours: Vec<&str> = line.split("oklch(").skip(1).collect();
    let text = match scheme {
        Scheme::Light => colours[0],
        Scheme::Dark => colours[1],
    };
    let numbers: Vec<f64> =
        text.split(')').next().unwrap().split_whitespace().map(|number| number.parse().unwrap()).collect();
    let (lightness, chroma, hue) = (numbers[0], numbers[1], numbers[2].to_radians());
    let (a, b) = (chroma * hue.cos(), chroma * hue.sin());
    // OKLab to linear sRGB: https://bottosson.github.io/posts/oklab/
    let long = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let medium = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let short = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    let red = 4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short;
    let green = -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short;
    let blue = -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701 * short;
    for (channel, value) in [("red", red), ("green", green), ("blue", blue)] {
        assert!((-0.005..=1.005).contains(&value), "--{name}: {channel} is outside sRGB ({value:.3})");
    }
    0.2126 * red.clamp(0.0, 1.0) + 0.7152 * green.clamp(0.0, 1.0) + 0.0722 * blue.clamp(0.0, 1.0)
}

fn contrast(one: &str, other: &str, scheme: Scheme) -> f64 {
    let (one, other) = (luminance(one, scheme), luminance(other, scheme));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn too_faint(pairs: &[(&str, &[&str])], least: f64) -> Vec<String> {
    let mut faint = Vec::new();
    for (scheme, word) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
        for (ground, figures) in pairs {
            for figure in *figures {
                let ratio = contrast(figure, ground, scheme);
                if ratio < least {
                    faint.push(format!("{word}: {figure} on {ground} is {ratio:.2}"));
                }
            }
        }
    }
    faint
}

#[test]
fn every_text_can_be_read() {
    assert_eq!(too_faint(&TEXT, 4.5), Vec::<String>::new());
}

#[test]
fn every_shape_that_means_something_can_be_seen() {
    assert_eq!(too_faint(&SHAPES, 3.0), Vec::<String>::new());
}

#[test]
fn the_measure_is_right() {
    // Two values that a calculator for sRGB gives: near-black on near-white is almost the greatest contrast there is.
    assert!(contrast("ink", "raised", Scheme::Light) > 15.0);
    assert!((contrast("ink", "ink", Scheme::Dark) - 1.0).abs() < 1e-9);
}
