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
}

async fn run(name: &str) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap();
    let bench = Bench { binary: env!("CARGO_BIN_EXE_duku").into(), scale: Scale::Short };
    match (scenario.run)(&bench).await {
        Ok(figures) => println!("{}", figures.lines()),
        Err(why) => panic!("{}: {why}", scenario.promise),
    }
}
