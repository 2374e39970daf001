//! Work that goes on beside the requests.

use crate::{app::Ambient, witness::WitnessFile};
use metrics_exporter_prometheus::PrometheusHandle;
use service::{Error, Service};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often mail that is due is looked for.
const MAIL: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Flushes use counters, follows the signing keys and does what is due every minute and every day, for ever.
pub async fn run(
    service: Service,
    ambient: Ambient,
    flush_every: Duration,
    handle: Option<PrometheusHandle>,
    mut witness: WitnessFile,
) {
    let start = Instant::now();
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut flush_due, mut mail_due, mut minute_due, mut day_due) =
        (start + flush_every, start + MAIL, start, start);
    let mut healthy = true;
    loop {
        let now = second.tick().await;
        let ctx = ambient.background("job");
        let mut outcomes = vec![service.tokens().refresh_signing_keys().await];
        // Until then every single measurement is kept: a minute of them is more than everything else in memory.
        if let Some(handle) = &handle {
            handle.run_upkeep();
        }
        if now >= flush_due {
            flush_due = now + flush_every;
            outcomes.push(service.keys().flush_usage(&ctx).await);
        }
        if now >= mail_due {
            mail_due = now + MAIL;
            outcomes.push(service.operations().send_due_mail(&ctx).await);
        }
        if now >= minute_due {
            minute_due = now + MINUTE;
            outcomes.push(service.operations().every_minute(&ctx).await);
            outcomes.push(witness.note(&service, &ctx).await);
        }
        if now >= day_due {
            let done = service.operations().every_day(&ctx).await;
            day_due = now + if matches!(done, Ok(true)) { DAY } else { MINUTE };
            outcomes.push(done.map(drop));
        }
        healthy = note(&outcomes.into_iter().collect(), healthy);
    }
}

/// Logs when the jobs start to fail and when they work again, not every second in between.
fn note(outcome: &Result<(), Error>, was_healthy: bool) -> bool {
    match (outcome, was_healthy) {
        (Err(error), true) => {
            tracing::error!(%error, "background work fails; it is tried again every second");
        }
        (Ok(()), false) => tracing::info!("background work goes on"),
        _ => {}
    }
    outcome.is_ok()
}
