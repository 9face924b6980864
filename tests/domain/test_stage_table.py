"""The table of every stage against every fact and command is whole, and says what the guides and the rules say."""

import pytest

from domain.programs.commands import COMMANDS
from domain.programs.stage_table.federal_rows import list_registrations
from domain.programs.stage_table.state_rows import list_certifications
from domain.programs.stage_table.table import Entry, Journey, Place, Reception
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import FactKind
from domain.shared.cases.stages import ENDED, Stage

CERTIFICATIONS, REGISTRATIONS = list_certifications(), list_registrations()
JOURNEYS = [*CERTIFICATIONS, *REGISTRATIONS]
BROKER, COUNSELOR = CERTIFICATIONS[:2]


def find_entry(journey: Journey, stage: Stage, name: str) -> Entry:
    """What becomes of this at the first place of a stage, as the way has it."""
    places = [place for place in journey.standings if place.shown_stage is stage and not place.marks]
    entry = journey.find_entry(places[-1], name)
    assert entry is not None
    return entry


def test_every_kind_of_fact_and_command_and_every_stage_is_in_the_table() -> None:
    facts = {kind for journey in JOURNEYS for kind in journey.list_fact_kinds()}
    assert facts == set(FactKind), "a new kind of fact needs its row in domain/programs/stage_table"
    commands = {one.kind for one in CERTIFICATIONS[0].arrivals if isinstance(one.kind, CommandKind)}
    assert commands == set(CommandKind) == set(COMMANDS), "a new command needs its row in domain/programs/stage_table"
    assert {place.shown_stage for journey in JOURNEYS for place in journey.standings} == set(Stage)


@pytest.mark.parametrize("journey", CERTIFICATIONS[:3], ids=lambda journey: journey.holder)
def test_what_is_taken_leads_to_a_place_of_the_table(journey: Journey) -> None:
    for place in _list_plain_places(journey):
        for arrival in journey.arrivals:
            entry = journey.find_entry(place, arrival.name)
            if entry is None:
                continue
            assert (entry.reason is not None) == (entry.reception is Reception.REFUSED)
            assert entry.leads_to in journey.standings, (place, arrival.name)


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.holder)
def test_c8_after_an_end_all_but_appeals_and_what_is_nobodys_is_refused_for_it(journey: Journey) -> None:
    for place in journey.standings:
        if place.stage not in ENDED:
            continue
        for arrival in journey.arrivals:
            entry = journey.find_entry(place, arrival.name)
            if entry is None:
                assert arrival.sender == "us", "nothing of ours is done after an end"
            else:
                assert entry.reception is Reception.REFUSED or arrival.kind.value.startswith("appeal_")


@pytest.mark.parametrize(
    ("journey", "stage", "name", "said"),
    [
        (BROKER, Stage.SCREENING, "course_completed", "in_training"),
        (BROKER, Stage.IN_TRAINING, "course_completed", Reception.TAKEN),
        (BROKER, Stage.IN_TRAINING, "exam_attempted (passed)", "awaiting_exam_pass"),
        (BROKER, Stage.AWAITING_EXAM_PASS, "exam_attempted (failed)", Reception.KEPT),
        (BROKER, Stage.IN_TRAINING, "portal_registered", "before_certificate"),
        (BROKER, Stage.CERTIFIED, "portal_registered", Reception.TAKEN),
        (COUNSELOR, Stage.CERTIFIED, "portal_registered", "account_not_set_up"),
        (COUNSELOR, Stage.AWAITING_BACKGROUND_CHECK, "decide (approve, override)", "awaiting_background_check"),
        (BROKER, Stage.ACTIVE, "decide (deny)", "already_decided"),
        (BROKER, Stage.AWAITING_DECISION, "suspend (agreement)", "no_authority"),
        (BROKER, Stage.SUSPENDED, "lift (every suspension ordered)", Reception.TAKEN),
        (BROKER, Stage.SUSPENDED, "appeal_filed (in time)", Reception.TAKEN),
        (BROKER, Stage.DENIED, "appeal_filed (late)", "appeal_late"),
        (BROKER, Stage.UNDER_APPEAL, "withdraw", "case_ended"),
        (REGISTRATIONS[0], Stage.IN_TRAINING, "enrolled (short)", "short_course_is_for_returning"),
        (REGISTRATIONS[0], Stage.AWAITING_AGREEMENTS, "agreement_accepted", "agreement_not_opened"),
        (REGISTRATIONS[0], Stage.ACTIVE, "decide", "not_in_program"),
        (REGISTRATIONS[0], Stage.IN_TRAINING, "move_rules", Reception.TAKEN),
    ],
)
def test_c3_the_table_says_what_the_guides_say(journey: Journey, stage: Stage, name: str, said: str) -> None:
    """Taken and kept, the stage until which it is held, or the code of the reason why not."""
    if stage is Stage.UNDER_APPEAL or stage is Stage.AWAITING_BACKGROUND_CHECK:
        place = next(one for one in journey.standings if one.stage is stage)
        entry = journey.find_entry(place, name)
    else:
        entry = find_entry(journey, stage, name)
    assert entry is not None
    found = entry.held_until.stage if entry.held_until else entry.reason.code if entry.reason else entry.reception
    assert found == said


def _list_plain_places(journey: Journey) -> list[Place]:
    """Those at which one cause suspends at most, with those that wait, and no termination is to come."""

    def count_causes(place: Place) -> int:
        return len(place.suspended_by) + sum(mark.endswith(" waits") for mark in place.marks)

    return [one for one in journey.standings if count_causes(one) < 2 and "notice" not in "".join(one.marks)]
