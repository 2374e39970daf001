//! A short version of every torture: `cargo xtask torture` runs them in full.

use ::torture::{Bench, SCENARIOS, Scale};

/// Makes one test of each scenario, and one that finds a scenario without a test.
macro_rules! scenarios {
    ($($test:ident: $name:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                run($name).await;
            }
        )*

        #[test]
        fn every_scenario_is_run() {
            let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

scenarios! {
    no_node_accepts_what_any_node_has_ended: "strictness";
    kill_9_loses_nothing_on_sqlite: "kill-sqlite";
    kill_9_loses_nothing_on_postgres: "kill-postgres";
    a_power_cut_loses_nothing_that_was_answered: "power-cut";
    nodes_close_without_their_database_and_open_with_it: "outages";
    a_standby_that_takes_over_has_everything: "failover";
    a_full_disk_loses_nothing_and_serves_what_reads: "disk-full";
    data_that_cannot_be_written_are_said_so: "read-only";
    clocks_that_jump_change_nothing_that_was_ended: "clocks";
    what_must_happen_once_happens_once: "once";
    idle_connections_cost_nobody_anything: "idle";
    slow_and_endless_senders_take_no_place: "slow-and-endless";
    a_stop_cuts_no_request: "sigterm";
    nodes_are_replaced_without_a_failed_request: "rolling";
    data_of_another_version_are_taken_over_or_left_alone: "versions";
    a_crowd_at_the_processor_is_shed: "overload";
    a_crowd_at_the_database_is_shed: "overload-database";
}

async fn run(name: &str) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap();
    let bench = Bench { binary: env!("CARGO_BIN_EXE_duku").into(), scale: Scale::Short };
    match (scenario.run)(&bench).await {
        Ok(figures) => println!("{}", figures.lines()),
        Err(why) => panic!("{}: {why}", scenario.promise),
    }
}
