//! Every pair of colours that meets on a page reaches WCAG AA, in the light and in the dark scheme.
