//! The HTTP transport and the policy stack on top of it, against servers that misbehave byte by byte.
//!
//! The traps are those that awc 3.11 was found to have; each has its tests here:
//!
//! | trap | tests |
//! |---|---|
//! | 1: a 1xx answer is taken as final, its socket pooled | `informational`: `interim_answers_are_left_out_and_their_socket_is_used_on`, `an_interim_answer_may_come_in_any_pieces`, `interim_answers_without_end_are_refused`, `a_switch_of_protocols_nobody_asked_for_is_invalid_and_its_socket_is_closed`, `of_many_interleaved_callers_nobody_sees_anothers_answer`, `of_many_calls_joined_in_one_task_none_sees_anothers_answer` |
//! | 2: a body cut short is taken as whole | `framing`: `a_body_shorter_than_its_content_length_is_refused`, `a_chunked_body_cut_anywhere_is_refused_though_its_json_may_be_whole`, `a_body_delimited_by_the_end_of_the_connection_is_refused_by_name`, `a_late_body_that_awc_does_not_wait_for_never_reaches_the_next_caller`, `a_whole_answer_whose_last_byte_comes_with_the_end_of_the_connection_succeeds` |
//! | 3: no limit bounds what is decompressed | `limits`: `no_coding_is_asked_for`, `an_answer_in_a_coding_that_was_not_asked_for_is_refused`, `a_body_announced_as_too_large_is_refused_before_a_byte_of_it`, `an_endless_chunked_body_is_refused_at_the_limit` |
//! | 4: a request that was sent looks like one that was not | `repeats`: `a_post_whose_connection_closes_after_it_was_read_was_maybe_processed_and_is_sent_once`, `a_post_on_a_pooled_connection_that_closes_is_not_repeated`, `a_refused_connection_has_processed_nothing` |
//! | 5: time-outs end with the head | `timeouts`: `a_server_that_accepts_and_says_nothing_times_out`, `a_head_that_drips_for_ever_times_out`, `a_body_that_drips_for_ever_times_out`, `connecting_to_where_nobody_accepts_times_out_and_has_processed_nothing` |
//! | 6: all hosts share the pool's places and its line | `isolation`: `an_upstream_that_hangs_to_its_limit_does_not_hold_up_another`, `calls_beyond_max_in_flight_are_refused_at_once_and_none_waits` |
//! | 7: pooled sockets outlive the server's patience | `repeats`: `a_connection_closed_between_two_calls_disturbs_neither`, `a_get_on_a_pooled_connection_that_closes_without_a_byte_is_repeated_once`, `without_a_budget_nothing_is_repeated`, `a_connection_idle_for_longer_than_the_idle_timeout_is_left_alone` |
//! | 8: looking up a name blocks | `names`: `an_endpoint_named_by_host_is_connected_to_and_asked_by_that_name`, `a_name_that_stands_for_nothing_ends_in_time_and_holds_up_no_other_upstream` |
//! | 9: redirects are followed | `answers`: `redirects_are_invalid_answers_and_never_followed` |
//! | 10: dropping the future is the only way to cancel | `cancellation`: `dropping_a_call_before_the_answer_closes_its_connection` and its neighbours |

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

mod answers;
mod arbitrary;
mod calls;
mod cancellation;
mod framing;
mod informational;
mod isolation;
mod limits;
mod names;
mod repeats;
mod requests;
mod server;
mod timeouts;
