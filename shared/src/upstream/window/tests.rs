//! Against a list of all that was added.

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

#[derive(Debug, Clone)]
enum Step {
    Wait(u32),
    Add([u32; 2]),
    /// A thread adds whose `now` is older than another's by this.
    AddLate(u32, [u32; 2]),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let both = [0..5_u32, 0..5_u32];
    prop_oneof![
        4 => prop_oneof![9 => 0..200_u32, 1 => 0..5_000_u32].prop_map(Step::Wait),
        8 => both.clone().prop_map(Step::Add),
        2 => (0..500_u32, both).prop_map(|(late, more)| Step::AddLate(late, more)),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    #[test]
    fn what_is_older_than_its_length_is_gone_and_nothing_else_up_to_a_piece(
        length in 1..200_u32,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let (start, length) = (Instant::now(), length * 10 * MS);
        let mut window = Window::new(length, start);
        let mut now = start;
        let mut added: Vec<(Instant, [u32; 2])> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(millis) => now += millis * MS,
                Step::Add(more) => {
                    window.add(now, more);
                    added.push((now, more));
                }
                Step::AddLate(late, more) => {
                    // The newest `now` is known to the window before.
                    window.sums(now);
                    window.add(now.checked_sub(late * MS).unwrap_or(now), more);
                    added.push((now, more));
                }
                Step::Clear => {
                    window.clear();
                    added.clear();
                }
            }
            let younger_than = |age: Duration, index: usize| -> u64 {
                let young = added.iter().filter(|(at, _)| now - *at < age);
                young.map(|(_, more)| u64::from(more[index])).sum()
            };
            let sums = window.sums(now);
            for (index, sum) in sums.into_iter().enumerate() {
                let (least, most) = (younger_than(length * 9 / 10, index), younger_than(length, index));
                prop_assert!((least..=most).contains(&sum), "{} not in {}..={}", sum, least, most);
            }
        }
    }
}

#[test]
fn a_long_silence_leaves_nothing() {
    let start = Instant::now();
    let mut window = Window::new(100 * MS, start);
    window.add(start, [7, 3]);
    assert_eq!(window.sums(start + 99 * MS), [7, 3]);
    assert_eq!(window.sums(start + Duration::from_secs(1_000_000)), [0, 0]);
}
