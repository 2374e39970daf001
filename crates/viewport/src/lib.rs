//! Viewport: the dashboard, server-rendered pages that work without JavaScript and get better with it.
