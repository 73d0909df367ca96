"""What users of other products suffer, line by line, and the test that it does not happen here."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INBOX, ROBOTS = "tests/plugins/test_inbox.py", "tests/plugins/test_inbox_robots.py"
MERGES, DRAFTS = "tests/desk/test_merges.py", "tests/web/test_drafts.py"
ESCALATION = "tests/desk/test_escalation.py"
RECKONING = "tests/desk/test_clock_reckoning.py"
MAIL = "plugins/email/tests/test_parsing.py"

PAINS = {
    "an answer opens another case": [
        (INBOX, "test_an_answer_joins_by_any_id_of_its_chain"),
        (INBOX, "test_an_answer_joins_by_the_signed_token_of_its_address_and_by_no_other"),
    ],
    "strangers are put into one case": [
        (INBOX, "test_a_stranger_who_quotes_a_reference_or_answers_a_forwarded_mail_joins_nothing"),
        (INBOX, "test_many_people_who_answer_one_newsletter_stay_apart"),
    ],
    "a prefix of the subject decides": [
        (INBOX, "test_a_reference_that_is_not_said_joins_nothing"),
        (MAIL, "test_people_are_no_machines_whatever_their_subject_says"),
    ],
    "a colour is taken for a case number": [(INBOX, "test_a_reference_that_is_not_said_joins_nothing")],
    "one bad mail stops the others": [
        (INBOX, "test_a_mail_that_cannot_be_read_waits_with_its_sender_and_is_taken_when_it_is_tried_again"),
        (MAIL, "test_mails_made_to_harm_are_read_within_bounds"),
    ],
    "loops and bounces flood the desk": [
        (ROBOTS, "test_a_flood_of_one_sender_is_held_back_shown_and_let_in_by_a_person"),
        (ROBOTS, "test_what_names_no_sender_and_what_comes_from_ourselves_is_no_persons"),
    ],
    "a shared mailbox puts cases into wrong queues": [
        (INBOX, "test_the_case_is_found_first_and_the_queue_after_it")
    ],
    "one bad mail slows every page": [
        (INBOX, "test_a_message_is_read_once_when_it_comes_and_never_again_to_show_it")
    ],
    "two people become one because an address matches": [
        ("tests/web/test_admin_people.py", "test_a_likeness_is_a_hint_with_its_evidence_and_tells_no_hidden_address")
    ],
    "cases cannot be merged": [
        ("tests/web/test_merge_pages.py", "test_an_agent_sees_what_a_merge_would_do_does_it_and_takes_it_back")
    ],
    "a merge cannot be undone": [
        (MERGES, "test_a_merge_moves_everything_and_undoing_it_brings_everything_back")
    ],
    "two merge in opposite directions and both cases vanish": [
        (MERGES, "test_two_people_who_merge_in_opposite_directions_lose_neither_case")
    ],
    "a split loses the customer or the files": [
        (MERGES, "test_a_split_keeps_the_customer_the_clock_and_every_word_and_file")
    ],
    "a case closes before its parts": [
        ("tests/desk/test_treatment.py", "test_a_case_closes_only_when_each_aspect_has_an_outcome_and_a_reason")
    ],
    "timers ignore working hours and lunch": [
        ("tests/desk/test_working_time.py", "test_lunch_is_no_working_time"),
        ("tests/web/test_calendar_pages.py",
         "test_an_administrator_gives_a_unit_hours_with_a_break_and_the_holidays_of_its_country"),
    ],
    "timers overrule one another or miscount pauses": [
        (RECKONING, "test_by_the_end_exactly_the_time_allowed_was_worked_outside_pauses"),
        (RECKONING, "test_friday_afternoon_and_monday_morning_are_added_up_line_by_line"),
    ],
    "a changed service level rewrites history": [
        (RECKONING, "test_a_policy_changed_half_way_counts_from_the_start_once_migrated_and_not_before"),
        ("plugins/sla/tests/test_contract.py",
         "test_a_line_that_is_edited_leaves_running_clocks_until_somebody_lets_one_go_over"),
    ],
    "nothing climbs when nobody answers": [
        (ESCALATION, "test_each_step_is_taken_once_and_after_a_silence_they_follow_with_their_waits"),
        (ESCALATION, "test_it_ends_when_answered_and_climbs_no_more"),
    ],
    "unsent text goes when a colleague changes the owner": [
        (DRAFTS, "test_a_draft_survives_a_new_owner_a_closed_case_its_reopening_and_the_end_of_the_session")
    ],
    "text for one customer goes to the next": [
        (DRAFTS, "test_text_for_one_customer_is_not_in_the_box_of_the_next_and_does_not_go_to_them")
    ],
    "nobody can say that they work on a case": [
        ("tests/web/test_live_case.py", "test_a_claim_warns_others_blocks_nobody_and_ends_by_itself")
    ],
    "a change of many stops at the first bad row": [
        ("tests/web/test_bulk.py", "test_the_result_is_a_table_of_every_case_and_no_spreadsheet_runs_a_title")
    ],
    "agents have no views of their own": [
        ("tests/web/test_views.py", "test_the_filters_of_a_list_become_a_view_beside_it_that_shows_the_same")
    ],
    "what was sent cannot be taken back": [
        ("tests/web/test_outgoing.py", "test_a_message_taken_back_does_not_leave_and_its_text_is_in_the_box_again")
    ],
    "nothing can be sent later": [
        ("tests/web/test_outgoing.py", "test_a_message_for_later_leaves_at_its_time_in_the_units_zone")
    ],
}  # fmt: skip


@pytest.mark.parametrize("pain", sorted(PAINS))
def test_each_pain_of_other_products_has_a_test_here(pain: str) -> None:
    for path, name in PAINS[pain]:
        assert re.search(rf"def {name}\(", (ROOT / path).read_text("utf-8")), f"{pain}: {path} has no {name}"
