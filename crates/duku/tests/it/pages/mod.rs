//! What pages of lists weigh and how long they take.

mod sizes;
mod times;
