//! What every HTTP surface shares: the request's circumstances, client addresses, cookies, origins,
//! strict forms, bounded bodies, answers in JSON.

mod address;
mod answer;
pub mod bearer;
mod body;
mod context;
pub mod cookies;
mod door;
pub mod form;
pub mod origin;

pub use address::TrustedProxies;
pub use answer::{json, retry_after};
pub use body::BodyError;
pub use context::{RequestContext, RequestHead, context, now, receive};
pub use cookies::Cookie;
pub use door::{Cause, Door};
pub use form::{Form, FormError};
