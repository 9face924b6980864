"""What a case waits for, as operators see it: search attributes of its workflow, and its current details."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.shared.cases.messages import CaseProgress
    from domain.shared.cases.stages import ENDED, OWNER, Stage, WaitingFor
    from workflows.patches import WAITS_SEARCHABLE
    from workflows.search_attributes import STAGE, WAITING_FOR, WAITING_SINCE, WAITS_ON


def show_wait(progress: CaseProgress) -> None:
    """Says who waits for what since when."""
    _upsert_wait(progress)
    _describe_wait(progress)


def show_wait_as_before(progress: CaseProgress, entered: bool) -> None:
    """As runs of before the patches show each wait; ``entered`` says that it is of another stage."""
    if workflow.patched(WAITS_SEARCHABLE):
        _upsert_wait(progress)
    elif entered:
        workflow.upsert_search_attributes([STAGE.value_set(progress.stage)])
    _describe_wait(progress)


def _lay_over(progress: CaseProgress) -> CaseProgress:
    """What is said of a case that has lapsed, or whose authority is suspended, wherever its journey stands."""
    since = progress.authority.suspended_since
    if progress.stage in ENDED:
        return progress
    if since is None:
        return progress.model_copy(update={"stage": Stage.LAPSED.value}) if progress.lapsed else progress
    said = {"stage": Stage.SUSPENDED.value, "waiting_for": WaitingFor.RESTORATION.value, "waiting_since": since}
    return progress.model_copy(update=said)


def _upsert_wait(progress: CaseProgress) -> None:
    """Makes the wait a search attribute, by which workflows are listed."""
    progress = _lay_over(progress)
    assert progress.waiting_since is not None
    workflow.upsert_search_attributes(
        [
            STAGE.value_set(progress.stage),
            WAITING_FOR.value_set(progress.waiting_for or "nothing"),
            WAITS_ON.value_set(_find_owner(progress)),
            WAITING_SINCE.value_set(progress.waiting_since),
        ]
    )


def _describe_wait(progress: CaseProgress) -> None:
    """Says on the workflow's page who waits for what, since when."""
    progress = _lay_over(progress)
    workflow.set_current_details(
        f"**{progress.stage}**, waiting for **{progress.waiting_for or 'nothing'}** ({_find_owner(progress)}) since"
        f" {progress.waiting_since:%Y-%m-%d %H:%M} UTC"
    )


def _find_owner(progress: CaseProgress) -> str:
    """Whose move it is."""
    return OWNER[WaitingFor(progress.waiting_for)] if progress.waiting_for else "nobody"
