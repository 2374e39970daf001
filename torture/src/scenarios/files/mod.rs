//! Disks are full or read-only, or the power is cut.

pub(super) mod disks;
pub(super) mod power_cut;
