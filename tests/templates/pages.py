"""Every page in every state worth reading, by what it shows, with the contexts it is rendered with."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from itertools import product

from domain.shared.cases.facts import ToldReason
from domain.shared.cases.stages import Stage
from tests.templates import contexts
from tests.templates.contexts import KINDS, STATE_WAITS
from tests.templates.gallery import GALLERY_PAGES
from tests.templates.own import OWN_PAGES
from tests.templates.portal import PORTAL_PAGES
from tests.templates.public import PUBLIC_PAGES
from tests.templates.request import REQUEST_PAGES

CERTIFICATE = {
    "number": "NM24",
    "url": "/certificates/NM24",
    "file_url": "/me/0a1b2c/certificate",
    "valid_until": date(2024, 12, 31),
}

Build = Callable[..., dict[str, object]]

EVERY_PAGE: dict[str, tuple[str, Build]] = {
    **REQUEST_PAGES,
    **{
        f"certificate, {status}": ("certificate.html", partial(contexts.certificate, status=status))
        for status in ("valid", "superseded", "withdrawn", "revoked", "expired", "unproven", None)
    },
    "certificate of one who may not assist": ("certificate.html", partial(contexts.certificate, may_assist=False)),
    "certificate of one whose portal account isn't ready": (
        "certificate.html",
        partial(contexts.certificate, may_assist=False, awaits_portal=True),
    ),
    "certificate for trying": (
        "certificate.html",
        partial(contexts.certificate, valid_until=None, plan_year_ended=True),
    ),
    "certificate without an end": ("certificate.html", partial(contexts.certificate, valid_until=None)),
    **{
        f"status, waiting for {waiting_for}, {kind}": (
            "status.html",
            partial(contexts.status, kind=kind, stage="in_training", waiting_for=waiting_for),
        )
        for waiting_for, kind in product((*STATE_WAITS, None), KINDS)
    },
    **{f"status, {stage}": ("status.html", partial(contexts.status, stage=stage, waiting_for=None)) for stage in Stage},
    **{
        f"status, NPN {how}": ("status.html", partial(contexts.status, waiting_for="npn_proof", npn_proof=proof))
        for how, proof in contexts.NPN_PROOFS.items()
    },
    **{
        f"status, suspended, {how}": (
            "status.html",
            partial(contexts.status, stage="suspended", waiting_for="restoration", authority=authority),
        )
        for how, authority in contexts.AUTHORITIES.items()
    },
    "status, suspension waits": (
        "status.html",
        partial(contexts.status, stage="active", waiting_for="next_plan_year", authority=contexts.STAYED),
    ),
    **{
        f"status, deadline {how}": (
            "status.html",
            partial(contexts.status, stage=stage, waiting_for=waiting_for, deadline=deadline),
        )
        for how, (stage, waiting_for, deadline) in contexts.DEADLINES.items()
    },
    **{
        f"status, report {how}": (
            "status.html",
            partial(
                contexts.status,
                kind="enrollment_counselor",
                stage="awaiting_decision",
                waiting_for="decision",
                adverse=adverse,
            ),
        )
        for how, adverse in contexts.ADVERSE_ACTIONS.items()
    },
    **{
        f"status, {stage}, {how}": (
            "status.html",
            partial(
                contexts.status,
                stage=stage,
                waiting_for=None,
                appeal={"url": "/me/0a1b2c/appeal", "last_day": day, "is_open": day is None},
            ),
        )
        for stage, how, day in (
            ("denied", "may appeal", date(2024, 12, 2)),
            ("under_appeal", "appeal open", None),
        )
    },
    "status, to be terminated": (
        "status.html",
        partial(contexts.status, stage="active", waiting_for="next_plan_year", authority=contexts.TO_BE_TERMINATED),
    ),
    "status, may assist": (
        "status.html",
        partial(
            contexts.status,
            kind="enrollment_counselor",
            stage="active",
            waiting_for=None,
            may_assist=True,
            missing=[],
            certificate=CERTIFICATE,
        ),
    ),
    "status, certificate without an end": (
        "status.html",
        partial(contexts.status, stage="active", waiting_for=None, certificate={**CERTIFICATE, "valid_until": None}),
    ),
    "status, certificate before the portal": (
        "status.html",
        partial(contexts.status, stage="certified", waiting_for="portal_account", certificate=CERTIFICATE),
    ),
    "status, attempts at the exam": (
        "status.html",
        partial(contexts.status, stage="awaiting_exam_pass", waiting_for="exam_pass", attempts=contexts.ATTEMPTS),
    ),
    "status, review late": (
        "status.html",
        partial(contexts.status, stage="awaiting_decision", waiting_for="decision", review=None, corrected=True),
    ),
    "status, agreement accepted": ("status.html", partial(contexts.status, waiting_for="decision", accepted=True)),
    **{
        f"agreement, {faulty}": ("status.html", partial(contexts.agreement_asked, answered=faulty))
        for faulty in (False, True)
    },
    "status, agreement in force": ("status.html", partial(contexts.status, agreed=contexts.in_force("en"))),
    "status, no consent": ("status.html", partial(contexts.status, kind="enrollment_counselor", consented=False)),
    "status, answered": ("status.html", partial(contexts.status, waiting_for="decision", answered=True)),
    "status, answers": (
        "status.html",
        partial(contexts.status, waiting_for="decision", answers=contexts.given_answers()),
    ),
    "status, question taken back": ("status.html", partial(contexts.status, waiting_for="decision", taken_back=True)),
    "status, answer too late": (
        "status.html",
        partial(contexts.status, waiting_for="decision", taken_back=True, unsent="The second one."),
    ),
    "status, withdrawn by oneself": (
        "status.html",
        partial(
            contexts.status,
            stage="withdrawn",
            waiting_for=None,
            reason=ToldReason("Another job."),
            withdrawn_at=datetime(2024, 3, 6, 1, 0, tzinfo=UTC),
        ),
    ),
    "status, denied with a reason": (
        "status.html",
        partial(contexts.status, stage="denied", waiting_for=None, reason=ToldReason("The license is not active.")),
    ),
    **{
        f"question, {kind}, {faulty}": ("status.html", partial(contexts.question, kind=kind, answered=faulty))
        for kind, faulty in product(KINDS, (False, True))
    },
    "question, broker, narrow": ("status.html", partial(contexts.question, named=("phone", "business_address"))),
    **{
        f"activate, {state}": ("activate.html", partial(contexts.activate, state=state))
        for state in ("ready", "done", "used", "expired", "void")
    },
    **{f"resources, {kind}": ("resources.html", partial(contexts.resources, kind=kind)) for kind in KINDS},
    "problem": ("problem.html", contexts.problem),
    "problem with faults": ("problem.html", partial(contexts.problem, errors=True)),
    **PORTAL_PAGES,
    **OWN_PAGES,
    **PUBLIC_PAGES,
    **GALLERY_PAGES,
}
