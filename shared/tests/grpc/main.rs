//! The gRPC transport and the policy stack on top of it, against servers that misbehave: by the stream, and by the frame.
//!
//! What can go wrong, and the tests of it:
//!
//! | what | tests |
//! |---|---|
//! | a call says something else than was asked, or nothing of its time | `requests`: `a_call_is_one_message_under_its_own_name`, `a_call_says_how_much_time_is_left` |
//! | each call has a connection of its own, or too many share one | `requests`: `calls_share_one_connection_one_after_another_and_at_the_same_time`, `the_first_calls_of_all_wait_for_the_same_connection`, `calls_beyond_what_the_server_takes_at_once_wait` |
//! | a status is taken for another, or for the endpoint's fault | `codes`: `each_status_has_its_meaning`, `what_says_nothing_against_the_endpoint_is_not_counted_against_it`, `what_stands_beside_a_code_does_not_change_it` |
//! | a service that asks for patience is not heard | `codes`: `a_pushback_is_waited_for` and its neighbours |
//! | what a service tells in confidence ends in a log | `codes`: `nothing_of_a_status_but_its_code_is_told` |
//! | what is cut short, or goes on, is taken as whole | `answers`: `a_message_without_a_status_is_not_the_whole_answer`, `there_is_one_message_and_no_more`, `a_message_is_as_long_as_announced` |
//! | what is compressed or without bound fills the memory | `answers`: `what_is_compressed_was_not_asked_for`, `a_message_that_is_too_large_is_not_read`, `headers_without_bound_are_refused` |
//! | something else answers | `answers`: `what_is_answered_by_something_else_is_no_grpc`, `a_status_that_is_no_number_is_none`, `what_is_no_http2_is_refused` |
//! | a stream takes others with it | `broken`: `a_stream_that_is_reset_takes_no_other_with_it`; `answers`: `a_stream_that_breaks_the_rules_takes_no_other_with_it` |
//! | a call that was not looked at counts as made, or one that was is made again | `broken`: `a_call_that_the_server_did_not_look_at_is_repeated_elsewhere`, `all_calls_that_the_server_did_not_look_at_are_told_so`, `a_connection_that_is_lost_says_nothing_of_what_was_done`, `a_refused_connection_has_processed_nothing` |
//! | a connection that ends in good order disturbs a call | `broken`: `a_used_connection_that_ends_before_a_call_is_nobodys_fault`, `a_connection_that_ends_in_good_order_finishes_what_is_under_way`, `a_connection_that_ended_between_two_calls_disturbs_neither` |
//! | a dead connection is used on and on | `silence`: `a_connection_on_which_nothing_comes_is_given_up`, `a_connection_that_falls_silent_is_given_up`, `a_dead_connection_is_given_up_though_each_call_is_left_soon`, `an_idle_connection_without_a_sign_of_life_is_closed` |
//! | a good connection is given up | `silence`: `a_connection_on_which_others_are_answered_is_kept`; `leaving`: `a_call_that_is_left_gives_up_its_stream_and_nothing_else`, `many_that_leave_at_once_take_no_connection_from_the_others` |
//! | an answer never ends | `silence`: `an_answer_that_stops_anywhere_times_out`, `an_answer_that_drips_for_ever_times_out` |
//! | one bad instance is noticed | `policies` |
//! | what changes is kept, what is kept is another's, or the service is not heard | `cache` |
//! | an instance that says that it is not serving gets calls, or nonsense takes one out | `health` |
//! | bytes that nobody thought of | `arbitrary` |

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

mod answers;
mod arbitrary;
mod broken;
mod cache;
mod calls;
mod codes;
mod frames;
mod health;
mod leaving;
mod policies;
mod requests;
mod server;
mod silence;
