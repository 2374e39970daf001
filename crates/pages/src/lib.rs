//! How every page of Duku looks: layouts, the stylesheet, icons, scripts, and the headers that keep a page safe.
