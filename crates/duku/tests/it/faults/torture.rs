//! A short version of every torture. `cargo xtask torture` names the shipped binary and a record: then it is the full one.

use ::torture::{Bench, Figures, SCENARIOS, Scale, Scenario};
use serde_json::{Map, Value, json};
use std::{process::Command, time::Instant};

async fn run(name: &str) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap();
    let shipped = std::env::var("DUKU_TORTURE_BINARY").ok();
    let scale = if shipped.is_some() { Scale::Full } else { Scale::Short };
    let binary = shipped.unwrap_or_else(|| env!("CARGO_BIN_EXE_duku").to_owned()).into();
    println!("── {name}: {}", scenario.promise);
    let started = Instant::now();
    let found = (scenario.run)(&Bench { binary, scale }).await;
    if let Ok(file) = std::env::var("DUKU_TORTURE_RESULTS") {
        record(&file, scenario, &found, started.elapsed().as_secs());
    }
    match found {
        Ok(figures) => println!("{}", figures.lines()),
        Err(why) => panic!("{}: {why}", scenario.promise),
    }
}

/// Puts the scenario's entry into the record, in place of the one before.
fn record(file: &str, scenario: &Scenario, found: &Result<Figures, String>, seconds: u64) {
    let before = std::fs::read_to_string(file).unwrap_or_else(|_| "{}".to_owned());
    let mut all: Map<String, Value> = serde_json::from_str(&before).unwrap();
    let (verdict, figures) = match found {
        Ok(figures) => ("held", json!(figures.named())),
        Err(why) => ("BROKEN", json!([["why", why]])),
    };
    let told = "echo $(nproc) cores of $(sed -n '/^model name/{s/.*: //p;q}' /proc/cpuinfo), $(uname -sr), \
                $(date -u '+%F %R'), commit $(git describe --always --dirty)";
    let told = Command::new("sh").args(["-c", told]).output().unwrap();
    let circumstances = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    let entry = json!({
        "promise": scenario.promise, "verdict": verdict, "figures": figures, "seconds": seconds, "circumstances": circumstances,
    });
    all.insert(scenario.name.to_owned(), entry);
    std::fs::write(file, serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
}

#[test]
fn every_scenario_is_run() {
    let own = include_str!("torture.rs");
    for scenario in SCENARIOS {
        assert!(own.contains(&format!("run(\"{}\")", scenario.name)), "{} has no test", scenario.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_node_accepts_what_any_node_has_ended() {
    run("strictness").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_node_exchanges_what_a_key_does_not_accept_and_each_token_once() {
    run("workloads").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_that_was_answered() {
    run("power-cut").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_close_without_their_database_and_open_with_it() {
    run("outages").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_takes_over_has_everything() {
    run("failover").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_keep_every_promise_through_a_pooler() {
    run("poolers").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_database_delays_answers_and_makes_none_wrong() {
    run("slow-database").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_jump_change_nothing_that_was_ended() {
    run("clocks").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_cost_nobody_anything() {
    run("idle").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_endless_senders_take_no_place() {
    run("slow-and-endless").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_cuts_no_request() {
    run("sigterm").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_replaced_without_a_failed_request() {
    run("rolling").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_still_holds_up_nobody_else() {
    run("bulkheads").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_fills_the_memory_of_a_node() {
    run("memory").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_data_are_migrated_while_their_clients_go_on() {
    run("migrations").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overload_of_the_processor_is_shed() {
    run("overload").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overload_of_the_database_is_shed() {
    run("overload-database").await;
}
