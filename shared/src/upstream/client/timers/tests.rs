use std::time::Duration;

use futures_util::future::{join_all, pending};
use proptest::prelude::*;
use tokio::time::sleep;

use super::*;
use crate::upstream::client::tests::paused;

fn kept(timers: &Timers) -> usize {
    timers.0.borrow().len()
}

fn after(millis: u64) -> Instant {
    Instant::now() + Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn one_timer_does_for_all_that_is_watched_in_turn() {
    let timers = Timers::default();
    for allowed in [100, 200, 50, 300, 1] {
        let start = Instant::now();
        let output = timers.until(after(allowed), async { 7 }).await;
        assert_eq!(output, Some(7));
        // With the time that the one before had.
        assert_eq!(timers.until(after(allowed), pending::<()>()).await, None);
        assert_eq!(start.elapsed(), Duration::from_millis(allowed));
        assert_eq!(kept(&timers), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_is_put_off_does_not_go_off_when_it_would_have() {
    let timers = Timers::default();
    assert_eq!(timers.until(after(100), async {}).await, Some(()));
    sleep(Duration::from_millis(60)).await;
    let start = Instant::now();
    assert_eq!(timers.until(after(500), pending::<()>()).await, None);
    assert_eq!(start.elapsed(), Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_gives_its_timer_back() {
    let timers = Timers::default();
    {
        let mut waiting = pin!(timers.until(after(100), pending::<()>()));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        assert_eq!(kept(&timers), 0);
    }
    assert_eq!(kept(&timers), 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_kept_than_is_stated() {
    let timers = Timers::default();
    let end = after(100);
    let all = (0..2 * KEPT).map(|_| timers.until(end, pending::<()>()));
    assert!(join_all(all).await.iter().all(Option::is_none));
    assert_eq!(kept(&timers), KEPT);
}

#[tokio::test(start_paused = true)]
async fn work_that_is_over_in_the_moment_of_its_end_counts() {
    let timers = Timers::default();
    let end = after(100);
    let work = sleep_until(end);
    assert_eq!(timers.until(end, work).await, Some(()));
    assert_eq!(timers.until(end, async { 7 }).await, Some(7));
    assert_eq!(timers.until(end, pending::<()>()).await, None);
}

proptest! {
    /// Many at once, each some time after the one before it: as with timers of their own.
    #[test]
    fn all_end_when_timers_of_their_own_would_have_ended_them(
        watched in prop::collection::vec((0_u64..50, 0_u64..300, 0_u64..300), 1..100),
    ) {
        paused(async {
            let timers = Timers::default();
            let mut begin = Instant::now();
            let all = watched.iter().map(|(pause, allowed, takes)| {
                begin += Duration::from_millis(*pause);
                let timers = &timers;
                async move {
                    sleep_until(begin).await;
                    let work = sleep(Duration::from_millis(*takes));
                    let output = timers.until(after(*allowed), work).await;
                    (output, begin.elapsed().as_millis())
                }
            });
            for ((_, allowed, takes), (output, took)) in watched.iter().zip(join_all(all).await) {
                prop_assert_eq!(took, u128::from(*allowed.min(takes)));
                prop_assert_eq!(output.is_some(), takes <= allowed);
            }
            Ok(())
        })?;
    }
}
