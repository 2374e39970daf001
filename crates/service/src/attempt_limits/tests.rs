use super::*;
use std::net::Ipv6Addr;

fn limits() -> FailureLimits {
    limits_of(&Policy::new("i", "a"))
}

/// All attempts come at one moment.
fn limits_of(policy: &Policy) -> FailureLimits {
    FailureLimits { counters: Counters::without_time(), ..FailureLimits::new(policy) }
}

#[expect(clippy::unnecessary_wraps, reason = "that is what limits take")]
fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

/// The 64-bit network with this number among those of `2001:db8::/32`.
#[expect(clippy::unnecessary_wraps, reason = "that is what limits take")]
fn subnet(number: u32) -> Option<IpAddr> {
    Some(Ipv6Addr::from_bits((0x2001_0db8 << 96) | (u128::from(number) << 64) | 1).into())
}

const ADA: &str = "ada@acme.example";
const HOME: &str = "2a02:1210:1234:5678::1";

#[test]
fn the_failure_after_the_last_allowed_one_says_how_long_to_wait() {
    let policy = Policy { failures_per_address: 3, failures_per_client: 0, ..Policy::new("i", "a") };
    let limits = limits_of(&policy);
    for _ in 0..3 {
        assert_eq!(limits.failed(None, address("2001:db8::1")), None);
    }
    let wait = limits.failed(None, address("2001:db8::2")).expect("the same /64");
    assert!((1..=21).contains(&wait), "{wait}");
    assert_eq!(limits.failed(None, address("2001:db8:0:1::1")), None);
    assert_eq!(limits.failed(None, None), None);
}

/// As many attempts as `subnets` have, two from each, then a minute's worth from another network.
#[track_caller]
fn cannot_lock_ada_out_of_another_network(subnets: u32) {
    let limits = limits();
    let attempts = (0..2 * subnets).map(|number| limits.sign_in(ADA, subnet(number % subnets)));
    let counted = attempts.filter(Option::is_none).count();
    assert!((20..=40).contains(&counted), "{counted} attempts counted");
    for attempt in 0..10 {
        assert_eq!(limits.sign_in(ADA, address(HOME)), None, "attempt {attempt} from elsewhere");
    }
}

#[test]
fn the_256_networks_of_a_56_bit_prefix_cannot_lock_a_person_out_of_another_network() {
    cannot_lock_ada_out_of_another_network(256);
}

#[test]
fn the_65536_networks_of_a_48_bit_prefix_cannot_lock_a_person_out_of_another_network() {
    cannot_lock_ada_out_of_another_network(65_536);
}

#[test]
fn the_networks_of_a_32_bit_prefix_cannot_lock_a_person_out_of_another_network() {
    let limits = limits();
    for number in 0..4096_u32 {
        limits.sign_in(ADA, subnet(number << 16));
    }
    assert_eq!(limits.sign_in(ADA, address(HOME)), None);
}

#[test]
fn the_addresses_of_an_ipv4_network_cannot_lock_a_person_out_of_another_network() {
    let limits = limits();
    for number in 0..=u16::MAX {
        let [third, fourth] = number.to_be_bytes();
        limits.sign_in(ADA, Some(IpAddr::from([198, 51, third, fourth])));
    }
    assert_eq!(limits.sign_in(ADA, address("203.0.113.9")), None);
}

#[test]
fn guesses_from_everywhere_are_limited_together() {
    let limits = limits();
    let from = |number: u8| Some(IpAddr::from([number, 1, 2, 3]));
    let counted = (1..=200).filter(|number| limits.sign_in(ADA, from(*number)).is_none()).count();
    assert_eq!(counted, 100);
    assert_eq!(limits.sign_in("max@acme.example", from(1)), None, "another person is not limited by it");
}

#[test]
fn attempts_on_many_people_count_for_the_wider_networks_too() {
    let limits = limits();
    let names: Vec<_> = (0..10_000).map(|number| format!("person{number}@acme.example")).collect();
    let counted = |prefix: u32| {
        let tries = names.iter().zip(0_u32..);
        tries
            .filter(|(name, number)| limits.sign_in(name, subnet(prefix | (number & 0xff))).is_none())
            .count()
    };
    let first = counted(0);
    assert_eq!(first, 240, "a /56 has four times what an address has");
    let all: usize = first + (1..32_u32).map(|prefix| counted(prefix << 8)).sum::<usize>();
    assert_eq!(all, 960, "a /48 has sixteen times what an address has");
    assert_eq!(limits.sign_in("person1@acme.example", subnet(1 << 16)), None, "the next /48 has its own");
}

#[test]
fn failures_of_many_subnets_count_for_their_wider_networks() {
    let limits = limits();
    let counted = (0..20_000_u32).filter(|number| limits.failed(None, subnet(number & 0xff)).is_none());
    let counted = counted.count();
    assert_eq!(counted, 2400);
    assert_eq!(limits.failed(None, subnet(0x0100)), None, "the next /56 has its own");
}

#[test]
fn one_loud_subnet_does_not_use_up_what_its_neighbours_have() {
    let limits = limits();
    for _ in 0..10_000 {
        limits.failed(None, subnet(7));
        limits.sign_in(ADA, subnet(7));
    }
    assert_eq!(limits.failed(None, subnet(8)), None);
    assert_eq!(limits.sign_in(ADA, subnet(8)), None);
}

#[test]
fn ipv4_addresses_are_told_apart_however_they_are_written() {
    let policy = Policy { failures_per_address: 1, ..Policy::new("i", "a") };
    let limits = limits_of(&policy);
    for prefix in ["", "::ffff:", "64:ff9b::", "64:ff9b:1::"] {
        let first = limits.failed(None, address(&format!("{prefix}192.0.2.1")));
        assert_eq!(first.is_none(), prefix.is_empty(), "{prefix}: the same address");
    }
    for (number, prefix) in ["::ffff:", "64:ff9b::", "64:ff9b:1::"].into_iter().enumerate() {
        let other = address(&format!("{prefix}192.0.2.{}", number + 2));
        assert_eq!(limits.failed(None, other), None, "{prefix}: another address");
    }
}
