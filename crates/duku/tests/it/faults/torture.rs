//! A short version of every torture: `cargo xtask torture` runs them in full.

use ::torture::{Bench, SCENARIOS, Scale};

async fn run(name: &str) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap();
    let bench = Bench { binary: env!("CARGO_BIN_EXE_duku").into(), scale: Scale::Short };
    match (scenario.run)(&bench).await {
        Ok(figures) => println!("{}", figures.lines()),
        Err(why) => panic!("{}: {why}", scenario.promise),
    }
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
async fn kill_9_loses_nothing_on_sqlite() {
    run("kill-sqlite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_nothing_on_postgres() {
    run("kill-postgres").await;
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
async fn a_full_disk_loses_nothing_and_serves_what_reads() {
    run("disk-full").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_cannot_be_written_are_said_so() {
    run("read-only").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_jump_change_nothing_that_was_ended() {
    run("clocks").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_happen_once_happens_once() {
    run("once").await;
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
async fn data_of_another_version_are_taken_over_or_left_alone() {
    run("versions").await;
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
