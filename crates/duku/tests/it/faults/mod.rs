//! What breaks by itself: crashes, full disks, lost connections, stops, missing data.

mod connections;
mod crashes;
mod full_disk;
mod missing_data;
pub(crate) mod stopping;
mod torture;
