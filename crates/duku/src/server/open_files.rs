//! How many files this process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files of a process that are no connections of clients.
pub(crate) const OWN: u64 = 200;

/// Raises the limit as far as the system lets us, and answers what it is then.
pub(crate) fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let (Some(soft), hard) = (current, maximum.unwrap_or(u64::MAX))
        && soft < hard
        && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err()
    {
        return soft;
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many connections there can be with so many files. Beyond it they are answered 503; without files nobody would be answered.
pub(crate) fn connections(wanted: usize, files: u64) -> usize {
    let fit = usize::try_from(files.saturating_sub(OWN)).unwrap_or(usize::MAX).max(1);
    if fit < wanted {
        tracing::warn!(
            connections = fit,
            files,
            "this process may open so few files that it serves fewer connections than its setting says: raise LimitNOFILE of its \
             unit, or the limit of its container"
        );
    }
    wanted.min(fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        assert_eq!(connections(10_000, u64::MAX), 10_000);
        assert_eq!(connections(10_000, 1024), 824);
        assert_eq!(connections(500, 1024), 500);
        assert_eq!(connections(10, 100), 1);
        assert!(raise() > OWN);
    }
}
