//! What every HTTP surface shares: the request's circumstances, client addresses, cookies, origins,
//! strict forms, bounded bodies, answers in JSON.

mod address;
mod answer;
pub mod bearer;
mod body;
mod context;
pub mod cookies;
pub mod form;
mod middleware;
pub mod origin;

pub use address::{TrustedProxies, client_network};
pub use answer::{json, retry_after};
pub use body::BodyError;
pub use context::{RequestHead, context, now, receive};
pub use cookies::Cookie;
pub use form::{Form, FormParseError};
pub use middleware::{Cause, RequestMiddleware};
