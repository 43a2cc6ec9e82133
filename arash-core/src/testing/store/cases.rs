//! The names of all cases, by subject.

/// Hands the names of all cases, by subject, to the macro `$then`: they are written only here.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ($then:path, $($given:tt)*) => { $then! { @cases [$($given)*]
        teams {
            a_healthy_store_says_so,
            a_team_is_found_as_it_was_made,
            two_teams_never_share_a_name,
            of_16_teams_made_at_once_under_one_name_one_is_made,
            what_is_unknown_is_not_found,
            teams_are_paged_in_order_of_id,
            a_team_is_switched_off_and_on,
            a_key_is_found_by_its_digest,
            a_digest_is_stored_once,
            keys_are_paged_in_order_of_id,
            a_revoked_key_stays_known_and_inactive,
            a_deleted_key_is_unknown,
            every_change_moves_the_epoch,
            the_first_key_brings_its_team,
            there_is_no_first_key_after_another,
            the_first_key_joins_a_team_that_has_the_name_already,
            of_8_first_starts_one_makes_the_key,
        }
        team_changes {
            a_team_becomes_what_its_change_says,
            a_team_never_takes_another_ones_name,
            of_16_teams_renamed_at_once_to_one_name_one_is,
            a_key_becomes_what_its_change_says,
            what_changes_nothing_writes_nothing,
            changes_made_at_once_are_all_there,
            nobody_changes_a_key_beyond_the_own_reach,
            a_key_raised_meanwhile_is_not_touched,
        }
        rotations {
            a_rotated_key_has_two_secrets_for_a_while,
            a_rotation_without_overlap_leaves_one_secret,
            a_second_rotation_drops_the_oldest_secret,
            the_end_of_a_key_is_the_end_of_its_secrets,
            a_rotated_key_stays_what_it_is,
            a_key_that_is_refused_is_not_rotated,
            a_previous_secret_is_nobody_elses,
            a_deleted_key_takes_its_previous_secret_along,
            of_16_rotations_at_once_the_last_two_secrets_are_known,
        }
        audit {
            every_change_has_its_entry,
            an_entry_tells_who_and_what,
            a_refused_change_has_no_entry,
            the_first_key_has_its_entries,
            entries_are_paged_newest_first,
            an_entry_never_holds_a_digest,
        }
        receipts {
            a_repeated_creation_gives_the_first_result,
            a_repeated_key_is_told_as_it_was_made,
            a_repeated_rotation_changes_nothing,
            another_request_under_the_same_key_is_a_mismatch,
            a_refused_change_keeps_no_receipt,
            receipts_of_changes_are_forgotten_when_their_time_is_over,
            of_16_creations_under_one_idempotency_key_one_is_made,
            of_16_rotations_under_one_idempotency_key_one_is_made,
        }
        sessions {
            an_opened_session_is_loaded_as_it_was_committed,
            a_session_goes_on_where_it_was,
            the_window_holds_the_newest_messages_oldest_first,
            a_session_expires_at_its_moment,
            a_turn_keeps_a_session_open,
            a_new_session_takes_the_place_of_an_expired_one,
            clearing_removes_what_was_said_before,
            clearing_without_a_message_is_a_change_too,
            a_deleted_session_is_gone_and_its_usage_stays,
            a_deleted_session_takes_its_replies_and_events_along,
            purging_removes_expired_sessions_only,
            purging_removes_as_many_as_it_may,
        }
        messages {
            messages_are_told_as_they_were_said,
            messages_are_paged_newest_first,
            tool_calls_and_their_results_are_told_as_they_were_made,
            a_session_that_is_not_open_has_no_messages,
            what_was_said_before_a_clearing_is_not_told,
            a_page_of_messages_has_no_trap,
        }
        session_lists {
            sessions_are_listed_as_they_are,
            sessions_are_paged_newest_activity_first,
            lists_leave_out_what_has_expired,
            lists_and_counts_keep_to_their_filter,
            sessions_are_counted_by_platform_and_activity,
            sessions_are_grouped_by_platform_team_and_model,
        }
        turns {
            a_turn_is_written_whole,
            a_turn_is_committed_once,
            an_idempotency_key_finds_its_turn,
            an_idempotency_key_is_used_once,
            idempotency_scopes_never_meet,
            a_turn_without_an_idempotency_key_keeps_no_reply,
            a_turn_without_a_reply_keeps_no_idempotency_key,
            a_reply_is_forgotten_when_its_time_is_over,
            every_state_is_kept,
            a_stale_turn_changes_nothing,
            a_stale_turn_may_be_committed_anew,
            a_session_is_opened_once,
            a_session_that_is_gone_is_stale,
            purging_turns_keeps_the_sums,
        }
        started {
            a_begun_turn_is_ended_once,
            a_begun_turn_is_written_whole,
            a_begun_turn_is_known_before_it_ends,
            a_begun_turn_is_ended_only_as_one,
            a_begun_turn_that_nobody_knows_was_taken_for_lost,
            a_begun_turn_is_lost_when_its_lease_is_over,
            a_lost_turn_is_ended_by_whoever_finds_it,
            a_renewed_turn_is_not_lost,
            an_ended_turn_is_not_renewed,
            a_begun_turn_holds_its_idempotency_key,
            an_interrupted_turn_frees_its_idempotency_key,
            a_begun_turn_keeps_its_reply,
            a_stale_end_leaves_a_begun_turn_running,
            a_begun_turn_is_neither_purged_nor_forgotten,
        }
        claims {
            a_claim_is_exclusive,
            a_claim_ends_with_its_time,
            a_node_may_claim_anew_what_it_holds,
            the_counter_of_claims_grows,
            a_commit_ends_its_claim,
            a_stale_commit_leaves_the_claim,
            a_commit_under_an_older_claim_is_stale,
            a_commit_after_its_claim_has_ended_is_written_unless_somebody_claimed,
            a_release_ends_its_own_claim_only,
            renewing_reaches_own_claims_only,
            a_claimed_new_session_is_not_seen_until_it_is_committed,
            an_expired_session_is_opened_anew_by_a_claim,
            a_session_that_expires_during_its_turn_is_committed,
            a_claimed_session_that_was_deleted_is_stale,
            purging_spares_what_is_claimed,
            of_16_nodes_that_claim_a_session_one_gets_it,
        }
        batches {
            an_empty_batch_is_nothing,
            a_bad_turn_keeps_no_other_from_being_written,
            a_turn_twice_in_a_batch_is_written_once,
            an_idempotency_key_twice_in_a_batch_is_used_once,
            two_turns_of_one_session_in_a_batch_keep_their_order,
            a_session_opened_twice_in_a_batch_is_opened_once,
            a_large_batch_is_written_whole,
            a_batch_of_begins_has_an_outcome_for_each,
            a_large_batch_begins_is_renewed_and_ends,
            begun_turns_and_others_are_committed_in_one_batch,
            what_two_kinds_of_keys_used_of_one_bucket_is_written_together,
        }
        races {
            one_turn_of_16_tasks_is_written_once,
            one_idempotency_key_of_16_turns_is_used_once,
            one_session_of_16_tasks_is_opened_once,
            of_16_turns_on_one_version_one_is_written,
            what_64_tasks_append_is_all_there_in_order,
            sums_hold_what_many_tasks_wrote,
            of_two_that_end_a_begun_turn_one_does,
            of_16_that_begin_under_one_idempotency_key_one_does,
        }
        quota {
            a_block_is_what_is_waited_for_or_a_share_of_what_is_left,
            a_used_up_quota_grants_nothing,
            a_quota_of_zero_grants_nothing,
            nodes_share_a_quota,
            scopes_and_periods_are_counted_apart,
            what_is_given_back_can_be_leased_again,
            no_more_is_given_back_than_was_leased,
            a_spent_request_moves_from_leased_to_used,
            use_without_a_quota_is_counted_too,
            a_block_goes_back_when_its_time_is_over,
            a_renewed_block_stays,
            a_request_of_a_reclaimed_block_is_counted,
            use_leaves_the_window_bucket_by_bucket,
            purging_forgets_only_what_left_the_window,
            purging_keeps_a_bucket_that_is_still_leased,
            what_was_leased_before_a_purge_can_be_settled_after_it,
        }
        quota_races {
            of_64_tasks_none_leases_beyond_the_quota,
            leases_spends_and_returns_at_once_never_exceed_the_quota,
            reclaiming_at_once_gives_back_once,
        }
        usage {
            records_are_read_as_they_were_written,
            records_are_paged_newest_first,
            records_keep_to_their_filter,
            hours_are_the_sums_of_their_records,
            hours_are_told_apart_by_what_they_sum_up,
            hours_are_told_from_first_to_last,
        }
        endpoints {
            an_endpoint_is_found_as_it_was_made,
            an_endpoint_becomes_what_its_change_says,
            a_replaced_secret_is_kept_beside_the_new_one,
            what_callers_carry_of_an_endpoint_is_what_is_switched_on,
            an_endpoint_that_does_not_change_writes_nothing,
            an_endpoint_belongs_to_a_team_that_there_is,
            nobody_changes_another_teams_endpoint,
            of_16_endpoints_made_at_once_for_one_team_one_is,
            of_16_that_replace_one_secret_one_does,
        }
        sealing {
            a_sealing_key_is_registered_once,
            a_sealing_key_is_registered_only_by_who_has_all_others,
            of_8_first_starts_one_registers_its_key,
            what_an_unregistered_key_sealed_is_not_stored,
            what_another_key_sealed_is_found_page_by_page,
            a_secret_is_sealed_anew_where_it_is_still_the_same,
            a_key_is_forgotten_when_it_seals_nothing,
        }
        outbox {
            an_event_is_claimed_as_it_was_written,
            events_wait_until_they_are_due,
            events_are_claimed_in_order_of_time,
            a_claimed_event_is_nobody_elses_until_its_lease_ends,
            what_was_delivered_is_not_claimed_again,
            what_failed_is_claimed_again_when_it_is_due,
            events_of_a_session_go_one_after_the_other,
            a_session_is_no_other_teams,
            an_endpoint_gets_as_many_as_it_has_places,
            a_failing_endpoint_has_places_of_its_own,
            a_backlog_of_one_team_delays_no_other,
            events_of_an_endpoint_that_is_switched_off_are_held,
            of_8_nodes_that_claim_at_once_each_event_goes_to_one,
            claims_and_settlements_at_once_deliver_each_event_once,
        }
        event_order {
            what_is_told_of_a_key_goes_one_after_the_other,
            what_is_told_of_a_quota_goes_one_after_the_other,
            completions_wait_for_nothing,
        }
        settling {
            an_attempt_is_found_as_it_was_settled,
            what_is_settled_twice_counts_once,
            an_event_that_is_given_back_was_never_claimed,
            a_late_failure_changes_nothing,
            a_late_success_delivers,
            one_batch_settles_an_event_twice_in_its_order,
            another_teams_event_is_not_settled,
            failures_and_successes_are_noted_of_the_endpoint,
            an_endpoint_is_switched_off_with_a_reason,
            what_is_learnt_of_an_endpoint_tells_nothing_of_a_changed_one,
            a_test_is_in_the_log_and_waits_for_nothing,
            what_is_settled_of_a_deleted_session_leaves_nothing,
            an_endpoint_is_told_of_what_it_wants,
        }
        deliveries {
            deliveries_are_paged_newest_first,
            a_team_sees_its_own_deliveries_only,
            an_event_is_sent_again_under_its_id,
            an_event_on_its_way_stays_there_when_it_is_asked_for_again,
            a_range_is_sent_again,
            what_was_asked_for_again_is_in_the_audit_log,
            of_16_that_ask_for_one_event_again_it_is_sent_once,
        }
        event_retention {
            events_whose_time_is_over_are_forgotten,
            events_are_kept_from_their_end_on,
            a_backlog_that_is_given_up_is_kept_as_long_as_others,
            what_was_asked_for_again_waits_anew,
            what_is_given_up_on_its_way_stays_so_unless_it_is_delivered,
        }
        mended_endpoints {
            what_waits_for_an_endpoint_is_due_when_it_gets_another_address,
            what_waits_for_an_endpoint_is_due_when_it_is_switched_on_again,
            what_is_on_its_way_stays_there_when_its_endpoint_is_mended,
        }
        asked_again {
            what_is_asked_for_amid_an_attempt_that_fails_is_sent_at_once_after_it,
            what_is_asked_for_amid_an_attempt_that_delivers_it_is_delivered,
            what_is_asked_for_amid_an_attempt_that_tells_nothing_is_sent_after_its_lease,
        }
        told {
            a_team_is_told_of_its_keys,
            what_is_refused_or_repeated_is_not_told,
            of_16_that_revoke_a_key_at_once_one_is_told,
            a_team_is_told_when_much_of_its_quota_is_used,
            of_two_thresholds_at_once_the_higher_is_told,
            a_threshold_is_told_once_a_window,
            a_changed_quota_is_judged_anew,
            a_team_is_told_of_the_quota_of_its_key,
            who_does_not_want_to_be_told_of_quotas_is_not,
            of_16_that_reach_a_threshold_at_once_it_is_told_once,
        }
        inbox {
            an_update_is_received_once,
            of_several_updates_with_one_number_the_first_counts,
            an_update_is_claimed_as_it_was_received,
            updates_of_bots_are_kept_apart,
            an_update_is_nobody_elses_until_its_lease_ends,
            updates_are_claimed_in_order_of_their_numbers,
            a_renewed_update_stays_with_who_has_it,
            a_released_update_is_free_at_once,
            the_progress_of_an_update_is_told_to_who_claims_it,
            what_is_done_does_not_come_again,
            updates_are_forgotten_when_their_time_is_over,
            as_many_updates_are_forgotten_as_may_be,
            of_8_that_receive_one_update_one_has_it,
            of_8_that_claim_at_once_each_update_goes_to_one,
        }
        values {
            texts_survive_in_messages,
            texts_survive_in_teams_and_keys,
            texts_survive_in_turns_and_events,
            session_names_that_look_alike_stay_apart,
            attachments_and_roles_survive,
            large_numbers_survive,
            page_sizes_have_no_trap,
        }
    } };
}
