//! How much memory this process may take.

use std::path::{Path, PathBuf};

/// What the machine has, or less if a cgroup of this process may have less, in bytes. Nothing if the system does not say.
pub fn available() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|file| limit(&file));
    limits.chain(machine()).min()
}

/// sysinfo(2), because a service's `/proc` may hold processes alone.
#[cfg(target_os = "linux")]
fn machine() -> Option<u64> {
    let system = rustix::system::sysinfo();
    let bytes = system.totalram.checked_mul(u64::from(system.mem_unit))?;
    (bytes > 0).then_some(bytes)
}

/// Only Linux has sysinfo(2).
#[cfg(not(target_os = "linux"))]
fn machine() -> Option<u64> {
    None
}

/// The files that hold limits of the groups that `/proc/self/cgroup` names, and of the groups around them (cgroups(7)). In a
/// container the group's own path may not be there; then its files stand at the root.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, name) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|one| one == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        let path = Path::new(path.trim_start_matches('/'));
        files.extend(path.ancestors().map(|group| Path::new(root).join(group).join(name)));
    }
    files
}

/// A limit; none if the file says `max` or is not there.
fn limit(file: &Path) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_both_versions_and_of_every_group_around_are_looked_at() {
        let groups = "5:cpuset:/\n4:memory:/pods/one\n0::/system.slice/duku.service\n";
        let files: Vec<_> = limit_files(groups).iter().map(|file| file.display().to_string()).collect();
        assert_eq!(
            files,
            [
                "/sys/fs/cgroup/memory/pods/one/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/pods/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/system.slice/duku.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert!(available().is_some_and(|bytes| bytes > 64 << 20));
    }
}
