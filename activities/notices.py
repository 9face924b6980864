"""E-mails to assisters: rendered in their language from what the database knows, sent once per key."""

import base64
import hmac
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from temporalio import activity

from activities import contracts
from activities.effects import Made, once
from activities.letters import Letters
from adapters.http import Refused
from adapters.mail import Letter as Mail, Mailer
from db.records import ACTIVATION, STATUS, CaseView, Intent, Records, effect_key
from domain.assister import AssisterType
from domain.messages import Effect, Letter
from domain.notices import Notice, topic_of
from domain.policy import Contact, Policy, local_date
from domain.stages import PortalAccount

FAREWELLS = frozenset({Notice.DENIED, Notice.WITHDRAWN, Notice.REVOKED, Notice.CLOSED})
_WITH_STATUS_LINK = frozenset(
    {Notice.REQUEST_RECEIVED, Notice.INFORMATION_NEEDED, Notice.REMINDER, Notice.LMS_ENROLLED}
)
_WITH_LMS_LINK = frozenset({Notice.LMS_INVITATION, Notice.LMS_ENROLLED})


class NoticesActivities(contracts.Notices):
    """Sends the notices of `domain.notices`."""

    def __init__(
        self,
        mailer: Mailer,
        letters: Letters,
        records: Records,
        certificates: Path,
        web_url: str,
        portal_url: str,
        lms_url: str,
        key: bytes,
    ) -> None:
        self._mailer = mailer
        self._letters = letters
        self._records = records
        self._certificates = certificates
        self._web_url = web_url
        self._portal_url = portal_url
        self._lms_url = lms_url
        self._key = key

    @activity.defn(name="notices.send")
    async def send(self, letter: Letter) -> Effect:
        """See the contract. A letter the mail server refuses for good is flagged to staff, and the case goes on."""
        notice = Notice(letter.notice)
        key = effect_key(letter)
        if notice is Notice.REMINDER and await self._is_done(letter):
            return Effect()

        async def make(intent: Intent) -> Made:
            mail = await self._mail(notice, letter, key, intent.view)
            try:
                await self._mailer.send(mail)
            except Refused as refused:
                await self._records.flag(letter.case_id, "mail_refused", letter.at)
                return Made({"notice": notice, "refused": refused.code})
            return Made({"notice": notice, "subject": mail.subject, "message_id": mail.message_id})

        return await once(self._records, letter, f"notice.{notice}", make, key=key, after_end=notice in FAREWELLS)

    async def _is_done(self, letter: Letter) -> bool:
        """Whether what a reminder is about was done meanwhile, while the mail server was down perhaps."""
        return (await self._records.view(letter.case_id)).case.waiting_for != _waited_for(letter)

    async def _mail(self, notice: Notice, letter: Letter, key: str, view: CaseView) -> Mail:
        request = view.case.request
        values = await self._values(notice, letter, key, view)
        rendered = self._letters.render(notice, request["language"], values)
        return Mail(
            to=request["email"],
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            language=request["language"],
            message_id=f"<{sha256(key.encode()).hexdigest()[:40]}@certification.bewellnm.example>",
            attachments=self._attachments(notice, view),
        )

    def _attachments(self, notice: Notice, view: CaseView) -> tuple[tuple[str, str, bytes], ...]:
        certificate = view.state.certificate
        if notice is not Notice.CERTIFICATE_ISSUED or certificate is None:
            return ()
        pdf = (self._certificates / f"{certificate.sha256}.pdf").read_bytes()
        return ((f"certificate-{certificate.number}.pdf", "application/pdf", pdf),)

    async def _values(self, notice: Notice, letter: Letter, key: str, view: CaseView) -> dict[str, Any]:
        """Everything the notice's template says; see templates/notices."""
        request, policy, state = view.case.request, view.policy, view.state
        language = request["language"]
        waiting_for = _waited_for(letter) if notice is Notice.REMINDER else view.case.waiting_for
        values: dict[str, Any] = {
            "first_name": request["first_name"],
            "last_name": request["last_name"],
            "kind": view.case.kind,
            "plan_year": view.case.plan_year,
            "language": language,
            "contact": _contact(policy, notice, waiting_for, language),
            "resources": [
                {"label": link.label[language], "url": link.url} for link in policy.resources[state.opening.kind]
            ],
            "referrals": [] if state.opening.kind.is_licensed else list(policy.referrals[language]),
            "status_url": await self._status_url(notice, letter, key, policy),
            "question": state.decision.reason if state.decision else "",
            "reason": await self._reason(notice, view),
            "certificate": self._certificate(view),
            "portal_url": f"{self._portal_url}/register",
            "waiting_for": waiting_for or "",
            "is_returning": state.opening.assister_type is AssisterType.RETURNING,
            "has_portal_account": state.portal_account in (PortalAccount.REGISTERED, PortalAccount.ACTIVE),
            "portal_ready": state.portal_ready,
        }
        if notice in _WITH_LMS_LINK:
            values["lms_url"] = await self._records.lms_url(view.case.case_id) or self._lms_url
        if notice is Notice.PORTAL_ACTIVATION:
            values |= await self._activation(letter, key, policy)
        return values

    async def _status_url(self, notice: Notice, letter: Letter, key: str, policy: Policy) -> str:
        token = self._token("status", key)
        expires = letter.at + timedelta(days=policy.status_link_days)
        if notice in _WITH_STATUS_LINK:
            await self._records.keep_link(token, letter.case_id, STATUS, letter.at, expires)
        return f"{self._web_url}/status/{token}"

    async def _activation(self, letter: Letter, key: str, policy: Policy) -> dict[str, Any]:
        """A single-use link; keeping it voids the one before (A28)."""
        token = self._token("activation", key)
        expires = letter.at + timedelta(days=policy.activation_link_days)
        await self._records.keep_link(token, letter.case_id, ACTIVATION, letter.at, expires)
        return {"activation_url": f"{self._web_url}/activate/{token}", "activation_expires": expires}

    def _token(self, purpose: str, key: str) -> str:
        """The link's secret follows from the letter's key: the same letter sent twice carries the same link."""
        mac = hmac.new(self._key, f"{purpose}:{key}".encode(), sha256).digest()
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    async def _reason(self, notice: Notice, view: CaseView) -> str:
        if notice is Notice.DENIED:
            return view.state.decision.reason if view.state.decision else ""
        return await self._records.ending_reason(view.case.case_id) if notice in FAREWELLS else ""

    def _certificate(self, view: CaseView) -> Mapping[str, Any] | None:
        certificate = view.state.certificate
        if certificate is None:
            return None
        return {
            "number": certificate.number,
            "issued_on": local_date(view.policy, certificate.issued_at),
            "valid_until": certificate.valid_until,
            "verify_url": f"{self._web_url}/certificates/{certificate.number}",
        }


def _waited_for(letter: Letter) -> str:
    """What a reminder is about: its `about` is the wait and its due date."""
    return letter.about.partition(":")[0]


def _contact(policy: Policy, notice: Notice, waiting_for: str | None, language: str) -> dict[str, str | None]:
    contact: Contact = getattr(policy.contacts, topic_of(notice, waiting_for))
    return {"label": contact.label[language], "phone": contact.phone, "email": contact.email}
