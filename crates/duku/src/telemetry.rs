//! Logs and metrics.

use crate::{command_error::CommandError, settings::LogFormat};
use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    prelude::*,
};

/// Bounds of latency histograms, in seconds: from a primary-key read to a request that somebody noticed.
const SECONDS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Starts logging to standard error: pretty on a terminal, one JSON object a line otherwise.
pub fn start_logging(filter: &str, format: LogFormat) -> Result<(), CommandError> {
    if !filter.contains(['=', ',']) && filter.parse::<LevelFilter>().is_err() {
        return Err(CommandError::new(format!("--log: {filter} is no level; try info, or info,store=debug")));
    }
    let filter = filter
        .parse::<Targets>()
        .map_err(|error| CommandError::new(format!("--log: {error}; try info, or info,store=debug")))?;
    let pretty = match format {
        LogFormat::Auto => stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    let lines = if pretty {
        lines.with_ansi(stderr().is_terminal()).with_target(false).compact().boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    };
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    started.map_err(|error| CommandError::new(format!("cannot start logging: {error}")))
}

/// Starts counting.
pub fn start_metrics() -> Result<PrometheusHandle, CommandError> {
    let rejection =
        |error: &dyn std::fmt::Display| CommandError::new(format!("cannot start metrics: {error}"));
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .map_err(|error| rejection(&error))?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| rejection(&error))?;
    describe_counter!("duku_exchanges_total", "Exchanges of an API key for an access token, by outcome");
    describe_gauge!("duku_active_keys", "API keys that are Active, in all organisations");
    describe_counter!(
        "duku_requests_shed_total",
        "Requests answered 503 because more came than can be served, by what they would have waited for"
    );
    describe_gauge!("duku_connections", "Connections that are open now");
    describe_counter!(
        "duku_connections_over_limit_total",
        "Connections that came when a limit of connections was reached, by the limit"
    );
    describe_gauge!("duku_requests_working", "Requests that are worked on now, by class");
    describe_histogram!(
        "duku_http_request_seconds",
        "Time from a request to its answer, by route and status"
    );
    describe_histogram!(
        "duku_database_seconds",
        "Time of one database operation, as the caller waits for it"
    );
    describe_counter!("duku_sign_ins_total", "Passwords and passkeys that were checked, by outcome");
    describe_counter!("duku_mails_total", "Mails handed to the mail server, by outcome");
    describe_gauge!(
        "duku_last_backup_timestamp_seconds",
        "When `duku backup` last made a backup, in Unix seconds; absent if it never did"
    );
    describe_gauge!(
        "duku_clock_confirmed",
        "1 if the clock agrees with what confirms it; 0 while cleaning, warnings and new signing keys wait for that"
    );
    // A counter that first appears with its first event hides that event from every rate.
    for (name, outcomes) in
        [("duku_sign_ins_total", ["right", "wrong"]), ("duku_mails_total", ["sent", "failed"])]
    {
        for outcome in outcomes {
            metrics::counter!(name, "outcome" => outcome).increment(0);
        }
    }
    Ok(handle)
}
