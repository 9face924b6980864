"""Every notice and certificate as a sample, about made-up people: for the gallery and the tests of templates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from domain.federal.markets import Market, Role
from domain.federal.policies import FEDERAL_POLICIES
from domain.federal.policy import FederalPolicy
from domain.shared.assister import Kind
from domain.shared.cases.appeals import AppealOutcome
from domain.shared.cases.notices import ABOUT_ADVERSE_ACTIONS, ABOUT_APPEALS, Notice, find_topic
from domain.shared.cases.review_times import ReviewTime
from domain.shared.cases.stages import OWNER, WaitingFor
from domain.shared.documents.faults import Fault
from domain.shared.policy import DayKind, ProgramPolicy, describe_contact
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from domain.state.policies import POLICIES
from domain.state.policy import Policy
from templates.catalogs import N_, translate
from templates.certificates import CertificateText
from templates.labels import KINDS, MARKETS, WAITING_FOR, Labels
from web.http.sentences import explain_reason

OWN_URL = "https://certify.example.org/me"
LMS_URL = "https://lms.example.org/learners/3f1c"
REFERENCE = "7K2QX-9M4T3"
NUMBER = "NM24-7Q4K2-M2XDA-9RTWB-B6HCD"
VERIFY_URL = f"https://certify.example.org/certificates/{NUMBER}"
PORTAL_URL = "https://portal.example.org/register"
ACTIVATION_URL = "https://certify.example.org/activate/0a1b2c3d4e5f60718293a4b5c6d7e8f9"
RECOVERY_URL = "https://certify.example.org/portal"
RCL_URL = "https://certify.example.org/registry/rcl.csv"
LISTED_URL = "https://certify.example.org/registry/listed"
TRACKER_URL = "https://certify.example.org/portal/tracker"
FIND_LOCAL_HELP_URL = "https://certify.example.org/registry/find-local-help"

LONG_NAME = ("Maximiliana Ejemplo Concepción de los Ángeles", "Montoya-Archuleta y Baca de la Cruz Sample III")
ROLES = frozenset(Role)
OTHERWISE = "otherwise"
# What tells the samples of one notice apart, besides the reader and what a reminder is about.
VARIANTS: Labels = {
    "with_reason": N_("With a reason"),
    "without_reason": N_("Without a reason"),
    OTHERWISE: N_("Written in the other language"),
    "confirmed": N_("Eligibility confirmed"),
    "with_account": N_("With a portal account"),
    "portal_ready": N_("Everything in the portal is ready"),
    "without_end": N_("Without a last day"),
    "long_name": N_("A long name"),
    "automatic": N_("Enrolled automatically"),
    "chosen": N_("Enrolled as asked for"),
    "license_lapsed": N_("License not in force"),
    "system_suspension": N_("Access to systems suspended"),
    "still_suspended": N_("Another suspension is open"),
    "upheld": N_("Upheld"),
    "reversed": N_("Reversed"),
    "sent_back": N_("Sent back"),
    "overdue": N_("Not answered in time"),
    "both_markets": N_("In both markets"),
    "without_appeal": N_("Without an appeal"),
    "stands": N_("It stands while it is appealed"),
    "waits": N_("It waits for the appeal"),
    "goes_on": N_("It goes on after the appeal"),
    "goes_on_without_end": N_("It goes on without a term"),
    "late": N_("The time to expect is over"),
    "deadline": N_("With a training deadline"),
    "lapsed": N_("Training lapsed"),
    "by_oneself": N_("Withdrawn by oneself"),
    "fields_named": N_("With the fields it is about"),
}
CERTIFICATE: dict[str, object] = {
    "number": NUMBER,
    "issued_on": date(2024, 3, 5),
    "valid_until": date(2024, 12, 31),
    "verify_url": VERIFY_URL,
}
ADVERSE_ACTION: dict[str, object] = {
    "notice_date": date(2024, 3, 5),
    "last_day": date(2024, 3, 12),
    "agency": {
        "name": "Sample Reports, Inc.",
        "address": "1 Sample Street, Sampletown",
        "phone": "1-800-555-0100",
        "report_url": "https://reports.example.org",
    },
    "rights": "",
}
DEADLINE: dict[str, object] = {
    "day": date(2024, 6, 3),
    "last_day": date(2024, 6, 3),
    "reactivate_until": date(2026, 6, 3),
    "lapsed": False,
}
LAPSED: dict[str, object] = {**DEADLINE, "day": date(2026, 6, 3), "lapsed": True}
APPEAL: dict[str, object] = {
    "appealed": "denied",
    "filed_on": date(2024, 3, 5),
    "due_on": date(2024, 4, 19),
    "overdue": False,
    "outcome": "",
    "reason": "",
    "effective_on": date(2024, 4, 2),
    "stayed": False,
    "until": None,
    "written_in": "",
}
APPEAL_BY: dict[str, object] = {"appeal_by": date(2024, 5, 4), "appeal_waits": False}

# What staff wrote.
_QUESTION = {
    "en": "Which clinic & where?\nPlease send its name.",
    "es": "¿Qué clínica es y dónde está?\nEnvíenos su nombre & dirección.",
}
_REASONS: dict[Notice, dict[str, str]] = {
    Notice.DENIED: {"en": "The license is not active.", "es": "La licencia no está activa."},
    Notice.ADVERSE_ACTION_BEGUN: {"en": "An entry of 2022.", "es": "Una anotación de 2022."},
    Notice.ADVERSE_ACTION_FINAL: {"en": "An entry of 2022.", "es": "Una anotación de 2022."},
    Notice.WITHDRAWN: {"en": "Asked for by the assister.", "es": "A petición de la persona."},
    Notice.REVOKED: {"en": "The agreement was not kept.", "es": "No se cumplió el acuerdo."},
    Notice.AUTHORITY_SUSPENDED: {"en": "A complaint is looked into.", "es": "Se investiga una queja."},
    Notice.AUTHORITY_RESTORED: {"en": "The complaint was unfounded.", "es": "La queja no tenía fundamento."},
    Notice.TERMINATION_NOTICED: {"en": "The agreement was not kept.", "es": "No se cumplió el acuerdo."},
    Notice.TERMINATION_TAKEN_BACK: {"en": "It has been put right.", "es": "Se ha corregido."},
    Notice.TERMINATED: {"en": "The agreement was not kept.", "es": "No se cumplió el acuerdo."},
    Notice.CLOSED: {"en": "The request was made twice.", "es": "La solicitud se hizo dos veces."},
}
_REASON_OF_APPEAL = {"en": "What you sent has been looked at anew.", "es": "Se revisó de nuevo lo que envió."}
# What each notice says beyond the person, whoever reads it.
_VALUES: dict[Notice, Mapping[str, object]] = {
    Notice.REQUEST_RECEIVED: {},
    Notice.INFORMATION_NEEDED: {"asked": ()},
    Notice.QUESTION_TAKEN_BACK: {},
    Notice.LMS_INVITATION: {"lms_url": LMS_URL},
    Notice.LMS_ENROLLED: {"lms_url": LMS_URL, "is_returning": True},
    Notice.DENIED: APPEAL_BY,
    Notice.CERTIFICATE_ISSUED: {
        "certificate": CERTIFICATE,
        "portal_url": PORTAL_URL,
        "has_portal_account": False,
        "portal_ready": False,
    },
    Notice.CERTIFICATE_CORRECTED: {},
    Notice.PORTAL_ACTIVATION: {
        "activation_url": ACTIVATION_URL,
        "activation_expires": datetime(2024, 3, 12, 23, 30, tzinfo=UTC),
    },
    Notice.ACTIVE: {},
    Notice.REMINDER: {},
    Notice.TRAINING_DUE: {"deadline": DEADLINE},
    Notice.TRAINING_LAPSED: {"deadline": LAPSED},
    Notice.TRAINING_REACTIVATED: {},
    Notice.WITHDRAWN: {"withdrawn_on": None},
    Notice.REVOKED: APPEAL_BY,
    Notice.AUTHORITY_SUSPENDED: {
        "cause": "suspended_by_staff",
        "notice_date": date(2024, 3, 5),
        "until": date(2024, 6, 3),
        "appeal_by": date(2024, 5, 4),
        "appeal_waits": True,
    },
    Notice.AUTHORITY_RESTORED: {"suspended": False},
    Notice.TERMINATION_NOTICED: {"notice_date": date(2024, 3, 5), "last_day": date(2024, 4, 4)},
    Notice.TERMINATION_TAKEN_BACK: {},
    Notice.TERMINATED: APPEAL_BY,
    Notice.CLOSED: {},
    Notice.MARKETPLACE_WELCOME: {
        "portal_url": OWN_URL,
        "recovery_url": RECOVERY_URL,
        "user_id": "ast_0190a1b20000700080000001",
    },
    Notice.MARKETPLACE_PROFILE_NPN: {
        "fields": ["npn", "business_npn"],
        "portal_url": OWN_URL,
    },
    Notice.MARKETPLACE_ENROLLED: {"curriculum": "individual_returning", "automatic": True, "mlms_url": LMS_URL},
    Notice.MARKETPLACE_CERTIFICATE: {"market": "individual", "certificate": CERTIFICATE},
    Notice.MARKETPLACE_ACTIVE: {
        "tracker_url": TRACKER_URL,
        "listed_url": LISTED_URL,
        "find_local_help_url": FIND_LOCAL_HELP_URL,
    },
    Notice.ADVERSE_ACTION_BEGUN: {"adverse": ADVERSE_ACTION},
    Notice.ADVERSE_ACTION_CANCELED: {"adverse": ADVERSE_ACTION},
    Notice.ADVERSE_ACTION_FINAL: {"adverse": ADVERSE_ACTION, **APPEAL_BY},
    Notice.APPEAL_FILED: {},
    Notice.APPEAL_ESCALATED: {},
    Notice.APPEAL_DECIDED: {},
    Notice.PORTAL_RECOVERY: {"user_id": "ast_0190a1b20000700080000001", "portal_url": OWN_URL},
    Notice.LICENSE_EXPIRING: {"expires_on": date(2024, 4, 30)},
    Notice.HELP_DESK: {
        "npn": "1234567",
        "markets": [
            {"market": "individual", "completed_on": date(2024, 3, 5)},
            {"market": "shop", "completed_on": date(2024, 3, 6)},
        ],
        "rcl_url": RCL_URL,
        "due_on": date(2024, 3, 8),
        "looked_at": datetime(2024, 3, 11, 16, 0, tzinfo=UTC),
    },
}


@dataclass(frozen=True)
class NoticeSample:
    """A notice to one kind of reader; ``variant`` is of `VARIANTS`, or of `WAITING_FOR` for a reminder."""

    notice: Notice
    kind: str
    variant: str = ""
    changes: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How it is called in an address; no other sample of its notice is called so."""
        return f"{self.kind}-{self.variant}" if self.variant else self.kind

    @property
    def program(self) -> str:
        """The program of the person it is written to."""
        return _find_policy(self.kind).program

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it is written in: the federal help desk reads English."""
        return ("en",) if self.notice is Notice.HELP_DESK else ("en", "es")

    def describe(self, language: str) -> str:
        """What it is a sample of, for people."""
        about = {**VARIANTS, **WAITING_FOR}.get(self.variant)
        return ": ".join(translate(one, language) for one in (KINDS[self.kind], about) if one)

    def build_values(self, language: str) -> dict[str, object]:
        """What its templates need."""
        changes = {**self.changes, **(_write_otherwise(self.notice, language) if self.variant == OTHERWISE else {})}
        return build_notice_values(self.notice, language, self.kind, **changes)


@dataclass(frozen=True)
class CertificateSample:
    """A certificate of a kind of assister, or in the federal program of a market."""

    program: str
    kind: str
    variant: str = ""

    @property
    def name(self) -> str:
        """How it is called in an address."""
        return f"{self.kind}-{self.variant}" if self.variant else self.kind

    def describe(self, language: str) -> str:
        """What it is a sample of, for people."""
        parts = ({**KINDS, **MARKETS}[self.kind], VARIANTS.get(self.variant))
        return ": ".join(translate(one, language) for one in parts if one)

    def build_text(self, language: str) -> CertificateText:
        """Everything it shows."""
        first_name, last_name = LONG_NAME if self.variant == "long_name" else _choose_name(self.kind)
        return CertificateText(
            number=NUMBER,
            holder=f"{first_name} {last_name}",
            kind=self.kind,
            program=self.program,
            plan_year=2024,
            issued_on=date(2024, 3, 5),
            valid_until=None if self.variant == "without_end" else date(2024, 12, 31),
            verify_url=VERIFY_URL,
            language=language,
        )


def build_notice_values(notice: Notice, language: str, kind: str, **changes: object) -> dict[str, object]:
    """Everything the notice's templates need and nothing more; a role as kind makes it the federal program's.

    Changes of a notice about an appeal may be to what it says of the appeal.
    """
    policy = _find_policy(kind)
    waiting_for = str(changes.get("waiting_for") or ("marketplace_profile" if kind in ROLES else "lms_account"))
    first_name, last_name = _choose_name(kind)
    if notice in ABOUT_APPEALS:
        of_appeal = {name: changes.pop(name) for name in (*APPEAL, "label") if name in changes}
        changes = {"appeal": {**_build_appeal(notice, language, policy), **of_appeal}, **changes}
    return {
        "first_name": first_name,
        "last_name": last_name,
        "kind": kind,
        "plan_year": policy.plan_year,
        "reference": REFERENCE,
        "program": policy.program,
        "contact": describe_contact(policy, find_topic(notice, waiting_for), language),
        "waiting_for": waiting_for,
        "own_url": OWN_URL,
        "deadline": None,
        **_VALUES[notice],
        **_build_reader_values(notice, language, kind),
        **changes,
    }


def find_sample_policy() -> Policy:
    """The rules that samples of the exchange's letters go by: the oldest that were published as they are."""
    return min(POLICIES.values(), key=lambda one: (one.carried_over_from is not None, one.plan_year))


def find_sample_federal_policy() -> FederalPolicy:
    """The rules that samples of the marketplace's letters go by, chosen as the exchange's."""
    return min(FEDERAL_POLICIES.values(), key=lambda one: (one.carried_over_from is not None, one.plan_year))


def _find_policy(kind: str) -> ProgramPolicy:
    return find_sample_federal_policy() if kind in ROLES else find_sample_policy()


def _choose_name(kind: str) -> tuple[str, str]:
    return ("Ejemplo", "Consejera") if kind == Kind.ENROLLMENT_COUNSELOR else ("Testa", "Broker")


def _build_appeal(notice: Notice, language: str, policy: ProgramPolicy) -> dict[str, object]:
    """What a notice says of an appeal by its program's rules."""
    phases = policy.appeal.phases if policy.appeal else ()
    phase = phases[-1 if notice is Notice.APPEAL_ESCALATED else 0] if phases else None
    decided = {"outcome": "reversed", "reason": _REASON_OF_APPEAL[language]}
    return {
        **APPEAL,
        "phase": phases.index(phase) + 1 if phase else 1,
        "phases": len(phases),
        "label": phase.label[language] if phase else "",
        **(decided if notice is Notice.APPEAL_DECIDED else {}),
    }


def _build_reader_values(notice: Notice, language: str, kind: str) -> Mapping[str, object]:
    """What a notice says by kind and language of its reader."""
    if notice is Notice.REQUEST_RECEIVED:
        is_licensed = kind != Kind.ENROLLMENT_COUNSELOR
        return {"review": ReviewTime(5, DayKind.BUSINESS, date(2024, 3, 12) if is_licensed else None)}
    if notice is Notice.ACTIVE:
        policy = find_sample_policy()
        links = policy.resources[Kind(kind)]
        return {
            "resources": [{"label": link.label[language], "url": link.url} for link in links],
            "referrals": policy.referrals[language] if kind == Kind.ENROLLMENT_COUNSELOR else (),
        }
    if notice is Notice.MARKETPLACE_PROFILE_NPN:
        return {
            "problems": [
                explain_reason(Fault("npn", code), language) for code in ("npn_other_name", "npn_of_individual")
            ]
        }
    if notice is Notice.INFORMATION_NEEDED:
        return {"question": _QUESTION[language], "written_in": ""}
    if notice is Notice.CERTIFICATE_CORRECTED:
        return {"certificates": _correct_certificates("individual" if kind in ROLES else "")}
    reason = {"reason": _REASONS[notice][language], "written_in": ""} if notice in _REASONS else {}
    if notice in ABOUT_ADVERSE_ACTIONS:
        agency = find_sample_policy().report_agency
        return {"adverse": {**ADVERSE_ACTION, "rights": agency.summary_of_rights[language] if agency else ""}, **reason}
    return reason


def _write_otherwise(notice: Notice, language: str) -> dict[str, object]:
    """Words of staff that are in the other language than their reader's."""
    other = "en" if language == "es" else "es"
    if notice is Notice.INFORMATION_NEEDED:
        return {"question": _QUESTION[other], "written_in": other}
    return {"reason": _REASONS[notice][other], "written_in": other}


def _correct_certificates(*markets: str) -> list[dict[str, object]]:
    """A corrected certificate by market; the exchange's is of none."""
    return [
        {**CERTIFICATE, "market": market, "supersedes": "FM24-0000-0000" if market else "NM24-0000-0000"}
        for market in markets
    ]


def _make_notices() -> Iterator[NoticeSample]:
    """Every wording of every notice, once."""
    broker, counselor = Kind.BROKER.value, Kind.ENROLLMENT_COUNSELOR.value
    agent_broker, nobody = Role.MARKETPLACE_AGENT_BROKER.value, Role.NOT_AN_AGENT_BROKER.value
    unlike: dict[Notice, tuple[str, ...]] = {
        Notice.REQUEST_RECEIVED: (broker, counselor),
        Notice.INFORMATION_NEEDED: (broker,),
        Notice.QUESTION_TAKEN_BACK: (broker,),
        Notice.LMS_INVITATION: (broker,),
        Notice.LMS_ENROLLED: (broker,),
        Notice.CERTIFICATE_ISSUED: (broker, counselor),
        Notice.CERTIFICATE_CORRECTED: (broker, agent_broker),
        Notice.TRAINING_DUE: (broker,),
        Notice.TRAINING_LAPSED: (broker,),
        Notice.TRAINING_REACTIVATED: (broker,),
        Notice.PORTAL_ACTIVATION: (counselor,),
        Notice.ACTIVE: (broker, counselor),
        Notice.MARKETPLACE_WELCOME: (agent_broker,),
        Notice.MARKETPLACE_PROFILE_NPN: (agent_broker,),
        Notice.MARKETPLACE_CERTIFICATE: (agent_broker, nobody),
        Notice.MARKETPLACE_ACTIVE: (agent_broker, nobody),
        Notice.PORTAL_RECOVERY: (agent_broker,),
        Notice.LICENSE_EXPIRING: (broker, agent_broker),
        Notice.HELP_DESK: (agent_broker,),
        Notice.ADVERSE_ACTION_CANCELED: (counselor,),
        Notice.APPEAL_FILED: (broker, agent_broker),
    }
    yield NoticeSample(Notice.INFORMATION_NEEDED, broker, OTHERWISE)
    yield NoticeSample(Notice.DENIED, broker, OTHERWISE)
    long_name = dict(zip(("first_name", "last_name"), LONG_NAME, strict=True))
    for notice, kinds in unlike.items():
        yield from (NoticeSample(notice, kind) for kind in kinds)
    yield NoticeSample(Notice.REQUEST_RECEIVED, broker, "late", {"review": None})
    named = {"asked": ("license_number", "insurers", "business_address")}
    yield NoticeSample(Notice.INFORMATION_NEEDED, broker, "fields_named", named)
    yield NoticeSample(Notice.LMS_ENROLLED, broker, "confirmed", {"is_returning": False})
    yield from _make_deadlines(broker)
    yield NoticeSample(Notice.CERTIFICATE_ISSUED, broker, "with_account", {"has_portal_account": True})
    ready = {"has_portal_account": True, "portal_ready": True}
    yield NoticeSample(Notice.CERTIFICATE_ISSUED, broker, "portal_ready", ready)
    yield NoticeSample(
        Notice.CERTIFICATE_ISSUED, broker, "without_end", {"certificate": {**CERTIFICATE, "valid_until": None}}
    )
    yield NoticeSample(Notice.CERTIFICATE_ISSUED, broker, "long_name", long_name)
    both = {"certificates": _correct_certificates("individual", "shop")}
    yield NoticeSample(Notice.CERTIFICATE_CORRECTED, agent_broker, "both_markets", both)
    yield NoticeSample(Notice.MARKETPLACE_ENROLLED, agent_broker, "automatic")
    yield NoticeSample(Notice.MARKETPLACE_ENROLLED, agent_broker, "chosen", {"automatic": False, "curriculum": "shop"})
    yield from _make_endings((broker,), Notice.DENIED)
    yield from _make_endings((broker, agent_broker), Notice.WITHDRAWN, Notice.REVOKED, Notice.CLOSED)
    yield from _make_endings((broker, agent_broker), Notice.AUTHORITY_SUSPENDED, Notice.TERMINATED)
    yield from _make_endings((broker,), Notice.AUTHORITY_RESTORED, Notice.TERMINATION_NOTICED)
    yield from _make_endings((broker,), Notice.TERMINATION_TAKEN_BACK)
    for kind in (broker, agent_broker):
        yield NoticeSample(Notice.WITHDRAWN, kind, "by_oneself", {"withdrawn_on": date(2024, 3, 5)})
    without_appeal = {"appeal_by": None, "appeal_waits": False}
    for notice in (Notice.DENIED, Notice.REVOKED, Notice.TERMINATED):
        yield NoticeSample(notice, broker, "without_appeal", without_appeal)
    yield NoticeSample(Notice.ADVERSE_ACTION_FINAL, counselor, "without_appeal", without_appeal)
    yield NoticeSample(Notice.AUTHORITY_SUSPENDED, broker, "stands", {"appeal_waits": False})
    lapsed = {"cause": "license_lapsed", "until": None, "reason": "", **without_appeal}
    yield NoticeSample(Notice.AUTHORITY_SUSPENDED, broker, "license_lapsed", lapsed)
    without_term = {"cause": "system_suspension", "until": None, "appeal_waits": False}
    yield NoticeSample(Notice.AUTHORITY_SUSPENDED, agent_broker, "system_suspension", without_term)
    yield NoticeSample(Notice.AUTHORITY_RESTORED, broker, "still_suspended", {"suspended": True, "reason": ""})
    yield from _make_endings((counselor,), Notice.ADVERSE_ACTION_BEGUN, Notice.ADVERSE_ACTION_FINAL)
    of_suspension = {"appealed": "suspended", "stayed": True}
    yield NoticeSample(Notice.APPEAL_FILED, broker, "waits", of_suspension)
    goes_on = {**of_suspension, "outcome": "upheld", "until": date(2024, 7, 20)}
    yield NoticeSample(Notice.APPEAL_DECIDED, broker, "goes_on", goes_on)
    yield NoticeSample(Notice.APPEAL_DECIDED, broker, "goes_on_without_end", {**goes_on, "until": None})
    for kind in (broker, agent_broker):
        yield NoticeSample(Notice.APPEAL_ESCALATED, kind, "upheld")
        yield NoticeSample(Notice.APPEAL_ESCALATED, kind, "overdue", {"overdue": True})
        for outcome in AppealOutcome:
            yield NoticeSample(Notice.APPEAL_DECIDED, kind, outcome, {"outcome": outcome.value})
    yield from (
        _make_reminder(waited) for waited, owner in OWNER.items() if owner not in ("us", "nobody", "appeals reviewer")
    )


def _make_deadlines(kind: str) -> Iterator[NoticeSample]:
    """What letters say otherwise where the rules have a training deadline (E14)."""
    to_run = {**DEADLINE, "day": None, "last_day": None, "reactivate_until": None}
    yield NoticeSample(Notice.LMS_INVITATION, kind, "deadline", {"deadline": DEADLINE})
    yield NoticeSample(Notice.LMS_ENROLLED, kind, "deadline", {"deadline": to_run})
    yield NoticeSample(Notice.REMINDER, kind, "deadline", {"deadline": DEADLINE})
    yield NoticeSample(Notice.REMINDER, kind, "lapsed", {"deadline": LAPSED})
    yield NoticeSample(Notice.TRAINING_DUE, kind, "lapsed", {"deadline": LAPSED})
    yield NoticeSample(Notice.CLOSED, kind, "lapsed", {"deadline": {**LAPSED, "day": None}, "reason": ""})


def _make_endings(kinds: tuple[str, ...], *notices: Notice) -> Iterator[NoticeSample]:
    for notice in notices:
        for kind in kinds:
            yield NoticeSample(notice, kind, "with_reason")
            yield NoticeSample(notice, kind, "without_reason", {"reason": ""})


def _make_reminder(waited: WaitingFor) -> NoticeSample:
    kind: str = Kind.BROKER
    if waited.startswith("marketplace_"):
        kind = Role.MARKETPLACE_AGENT_BROKER
    elif waited in (WaitingFor.BACKGROUND_CHECK, WaitingFor.PORTAL_ACTIVATION):
        kind = Kind.ENROLLMENT_COUNSELOR
    return NoticeSample(Notice.REMINDER, kind, waited, {"waiting_for": waited})


def _make_certificates() -> Iterator[CertificateSample]:
    yield from (CertificateSample(STATE_PROGRAM, kind) for kind in Kind)
    yield from (CertificateSample(FEDERAL_PROGRAM, market) for market in Market)
    yield CertificateSample(STATE_PROGRAM, Kind.BROKER, "without_end")
    yield CertificateSample(STATE_PROGRAM, Kind.BROKER, "long_name")


NOTICES = tuple(sorted(_make_notices(), key=lambda sample: list(Notice).index(sample.notice)))
CERTIFICATES = tuple(_make_certificates())
