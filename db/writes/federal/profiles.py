"""A registration's profile: kept first, saved or refused once the registry was asked, completed by Next (B7–B10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows, load_case, profile_of, snapshot_case, state_of
from db.reads.npn.claims import has_proven, keeps_npn
from db.tables import SYSTEM, Assister, Case, CommandRow
from db.writes.commands import keep_refusal
from db.writes.effects import keep_evidence
from db.writes.facts import lock_case, lower_flag, raise_flag, record_audit
from db.writes.federal.steps import RecordedStep, append_fact, lock_open_registration, record_step, require_step
from db.writes.npn.claims import claim_changed_npn, take_registry_answer
from db.writes.own.addresses import keep_former_address
from db.writes.persons import has_claimant, remember_words, rename_person, select_accounts
from domain.federal.facts import ProfileSavedData
from domain.federal.markets import NpnStatus
from domain.federal.profile import (
    DRAFT_FIELDS,
    StoredProfile,
    find_account_fault,
    list_changed_fields,
    parse_profile,
)
from domain.federal.registration import RegistrationState
from domain.federal.steps import build_npn_verdict, find_next_refusal, is_confirmed, needs_npn_verdict
from domain.programs.commands import plan_profile
from domain.shared.applicant import Applicant
from domain.shared.assister import is_same_name
from domain.shared.cases.authors import StepAuthor
from domain.shared.cases.commands import OWN_REASONS, CommandState, SaveProfile
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import ProfileSaved, RegistrationSnapshot
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.claims import RegisteredOwner
from domain.shared.documents.faults import Fault, dump_faults
from domain.shared.ids import make_person_key
from domain.shared.programs import FEDERAL_PROGRAM

NPN_REFUSED, NAME_ALIKE = "npn_refused", "name_alike"
Evidence = Mapping[str, bytes]  # the registry's raw answers, by their SHA-256


@dataclass(frozen=True)
class ProfileToSave:
    """A profile that a stored command would save now.

    ``fault`` names the field by which it is another person's; ``is_verified`` says that the registry has confirmed
    its NPNs for this person before.
    """

    profile: StoredProfile
    fault: Fault | None
    is_verified: bool


def keep_profile(
    session: Session,
    identity_key: bytes,
    command_id: str,
    case_id: str,
    changes: object,
    author: StepAuthor,
    now: datetime,
) -> CommandRow:
    """Keeps a profile under the caller's id before its workflow is told; a repeat of the id finds the first.

    Raises `Invalid` with every field at fault, and `Refusal` when the case can't take one now, or when the id was
    used for something else.
    """
    case = load_case(session, case_id)
    command = plan_profile(identity_key, case.request, changes, state_of(session, case), author)
    row = session.get(CommandRow, command_id)
    if row is None:
        row = CommandRow(
            id=command_id,
            case_id=case_id,
            kind=command.kind,
            actor=author.actor,
            reason=author.reason or OWN_REASONS[command.kind].sentence(),
            data=command.to_json(),
            created_at=now,
        )
        session.add(row)
    elif (row.case_id, row.kind, row.actor, row.data.get("digest")) != (
        case_id,
        command.kind,
        author.actor,
        command.digest,
    ):
        raise Refusal(Reason("id_used"))
    return row


def load_profile_to_save(session: Session, identity_key: bytes, command_id: str) -> ProfileToSave | None:
    """The profile a stored command would save; None when it is done already, or gone with a restored database.

    Raises `Invalid` where it can't be saved any more, since another one was saved meanwhile.
    """
    row = session.get(CommandRow, command_id)
    if row is None or row.state != CommandState.PENDING:
        return None
    case = session.get_one(Case, row.case_id)
    profile = StoredProfile.model_validate(_merge_profile(case, row))
    state = snapshot_case(session, case).registration
    fault = find_other_account(session, identity_key, case, profile)
    return ProfileToSave(profile, fault, is_confirmed(profile, profile_of(case), state))


def find_other_account(session: Session, identity_key: bytes, case: Case, profile: Applicant) -> Fault | None:
    """The field by which a profile is another person's, if it is: one account a person (B3).

    An NPN that nobody has proven is nobody's (D3).
    """
    npn = profile.npn or _find_kept_npn(session, case)
    key = make_person_key(identity_key, npn, profile.email)
    others = col(Assister.assister_id) != case.assister_id
    by_key = list_rows(session, select(Assister).where(col(Assister.person_key) == key, others))
    if npn is not None:
        by_key = [one for one in by_key if has_proven(session, one.assister_id, npn)]
    by_email = list_rows(session, select_accounts(FEDERAL_PROGRAM, profile.email).where(others).limit(1))
    has_email = bool(by_email) or has_claimant(session, identity_key, npn, profile.email, case.assister_id)
    return find_account_fault(profile, has_key=bool(by_key), has_email=has_email)


def save_profile(
    session: Session,
    identity_key: bytes,
    command_id: str,
    npn: NpnStatus,
    faults: Sequence[Fault],
    evidence: Evidence,
    now: datetime,
    owner: RegisteredOwner | None = None,
) -> ProfileSaved:
    """Saves the profile of a stored command, or refuses it with the fields at fault, once (B7–B10).

    A refused one leaves nothing of itself behind but the fields' names, and of what the registry said nothing. One that
    isn't stored, since the database was restored, is refused. ``owner`` is whom the registry has for the
    profile's own NPN, None where it did not answer (D2).
    """
    row = session.get(CommandRow, command_id)
    if row is None:
        return ProfileSaved(outcome="refused")
    case = lock_case(session, row.case_id)
    session.refresh(row)
    state = snapshot_case(session, case).registration
    if row.state == CommandState.PENDING:
        if faults or state.ended:
            _refuse_profile(session, case, row, state, faults, now)
        else:
            _store_profile(session, identity_key, case, row, state, npn, now)
            _take_owner(session, identity_key, case, owner, now)
            state = snapshot_case(session, case).registration
            _keep_answers(session, case, evidence, now)
    return ProfileSaved(outcome=row.state, standing=state.take_snapshot())


def _refuse_profile(
    session: Session, case: Case, row: CommandRow, state: RegistrationState, faults: Sequence[Fault], now: datetime
) -> None:
    named = dump_faults(faults)
    row.state, row.data = "refused", {**_keep_origin(row), "faults": named}
    if state.ended:
        keep_refusal(row, Reason("case_ended", {"stage": state.stage.value}))
    session.add(row)
    reason, said = _read_word(row)
    record_audit(session, now, row.actor, "profile.refused", case, reason, faults=named, **said)


def _store_profile(
    session: Session,
    identity_key: bytes,
    case: Case,
    row: CommandRow,
    state: RegistrationState,
    npn: NpnStatus,
    now: datetime,
) -> None:
    document = _merge_profile(case, row)
    profile, version = StoredProfile.model_validate(document), state.profile.version + 1
    changed = list_changed_fields(document, case.request)
    person, npn_before = session.get_one(Assister, case.assister_id), profile_of(case).npn
    person.language = profile.language
    before = {person.email, profile_of(case).email}
    npn_of_owner = profile.npn or _find_kept_npn(session, case)
    rename_person(session, identity_key, person, npn_of_owner, document, DRAFT_FIELDS)
    case.request, case.kind = document, profile.role.value
    keep_former_address(session, case, before, now)
    claim_changed_npn(session, case, npn_before, now)
    lower_flag(case, NPN_REFUSED)  # it was put right
    row.state = "applied"
    reason, said = _read_word(row)
    row.data = {**_keep_origin(row), "version": version, "npn": npn.value, "changed": changed}
    session.add_all([case, row])
    data = ProfileSavedData(version=version, role=profile.role, npn=npn).to_json()
    remember_words(session, case.assister_id)
    fact = Fact(id=f"{case.case_id}:profile:{version}", kind=FactKind.PROFILE_SAVED, at=now, data=data)
    record_audit(session, now, row.actor, "profile.saved", case, reason, changed=changed, **data, **said)
    append_fact(session, case, fact, now)


def _read_word(row: CommandRow) -> tuple[str | None, dict[str, str]]:
    """Why staff saved a profile for the assister, and how they have their word; or by which pass a portal did (D6)."""
    command = SaveProfile.model_validate(row.data)
    shown = {"portal_pass": command.portal_pass} if command.portal_pass else {}
    said = command.on_behalf
    return (said.reason, shown | said.list_details()) if said else (None, shown)


def _keep_origin(row: CommandRow) -> dict[str, Any]:
    """What is kept of a stored profile whatever becomes of it."""
    return {name: row.data[name] for name in ("digest", "on_behalf", "portal_pass") if row.data.get(name)}


def _find_kept_npn(session: Session, case: Case) -> str | None:
    """The NPN that a profile without one leaves its owner (A10, B3); a mere claim is dropped."""
    person = session.get_one(Assister, case.assister_id)
    return person.npn if person.npn and keeps_npn(session, case, person.npn) else None


def record_npn_verdict(
    session: Session,
    identity_key: bytes,
    case_id: str,
    version: int,
    faults: Sequence[Fault],
    evidence: Evidence,
    now: datetime,
    owner: RegisteredOwner | None = None,
) -> RegistrationSnapshot:
    """Records what the registry said of a profile saved as unverified (B9); no verdict, if a newer one was saved."""
    case = lock_case(session, case_id)
    _keep_answers(session, case, evidence, now)
    state = snapshot_case(session, case).registration
    if not needs_npn_verdict(state, version):
        return state.take_snapshot()
    fact = build_npn_verdict(case_id, version, faults, now)
    state = append_fact(session, case, fact, now)
    if faults:
        raise_flag(case, NPN_REFUSED, now)
        session.add(case)
    record_audit(session, now, SYSTEM, fact.kind.value.replace("_", "."), case, **fact.data)
    if not faults:
        _take_owner(session, identity_key, case, owner, now)
        state = snapshot_case(session, case).registration
    return state.take_snapshot()


def _take_owner(
    session: Session, identity_key: bytes, case: Case, owner: RegisteredOwner | None, now: datetime
) -> None:
    """Whom the registry has for the profile's own NPN; where the name is but alike, a person looks at it (P19)."""
    profile = profile_of(case)
    if owner is not None and owner.last_name:
        if not is_same_name(profile.first_name, profile.last_name, owner.first_name, owner.last_name):
            raise_flag(case, NAME_ALIKE, now)
        else:
            lower_flag(case, NAME_ALIKE)
        session.add(case)
    take_registry_answer(session, identity_key, case, owner, now)


def complete_profile(session: Session, case_id: str, author: StepAuthor, now: datetime) -> RecordedStep:
    """Next, after Save/Update (B7). Raises `Refusal` before a valid save."""
    case, state = lock_open_registration(session, case_id)
    require_step(find_next_refusal(state))
    fact = Fact(id=f"{case_id}:next", kind=FactKind.PROFILE_COMPLETED, at=now)
    return record_step(session, case, fact, author, "profile.completed", now)


def _merge_profile(case: Case, row: CommandRow) -> dict[str, Any]:
    """The profile as a command would save it now: what was not sent with it is as the last save left it (B7)."""
    return parse_profile(case.request, SaveProfile.model_validate(row.data).changes)


def _keep_answers(session: Session, case: Case, evidence: Evidence, now: datetime) -> None:
    for digest, raw in evidence.items():
        keep_evidence(session, f"{case.case_id}:registry:{digest}", case.case_id, "registry", raw, digest, now)
