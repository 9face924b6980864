"""E-mails to assisters: rendered in their language from what the database knows, sent once per key."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from temporalio import activity

from activities import contracts
from activities.effects import make_once, read_clock
from activities.letter_values import LetterPlaces, LetterValues, find_market_certificate, list_corrected
from activities.sent_mail import build_sent_mail
from adapters.http import Refused
from adapters.mail import Email as Mail, Mailer
from db.case_state import CaseSnapshot, load_snapshot
from db.engine import Database
from db.writes.cases import flag_case
from db.writes.effects import EffectResult, Intent
from db.writes.facts import MAIL_REFUSED
from db.writes.letters import intend_letter
from db.writes.links import ACTIVATION
from domain.shared.business_days import DaysOff
from domain.shared.cases.facts import Fact
from domain.shared.cases.messages import Effect, Letter
from domain.shared.cases.notices import SENT_AFTER_END, Notice
from domain.shared.cases.stages import Certificate
from domain.shared.ids import make_message_id
from domain.shared.policy import find_local_date
from domain.state.adverse_actions import build_notice_facts
from templates.letters import NoticeRenderer


class NoticesActivities(contracts.Notices):
    """Sends the notices of `domain.shared.cases.notices`."""

    def __init__(
        self,
        mailer: Mailer,
        letters: NoticeRenderer,
        database: Database,
        certificates: Path,
        web_url: str,
        portal_url: str,
        lms_url: str,
        mlms_url: str,
        days_off: DaysOff,
    ) -> None:
        self._mailer = mailer
        self._letters = letters
        self._database = database
        self._certificates = certificates
        self._values = LetterValues(database, LetterPlaces(web_url, portal_url, lms_url, mlms_url), days_off)
        self._days_off = days_off

    @activity.defn(name="notices.send")
    async def send_notice(self, letter: Letter) -> Effect:
        """See the contract. A letter the mail server refuses for good is flagged to staff, and the case goes on."""
        notice, key, now = Notice(letter.notice), letter.key, read_clock(letter.at)
        tokens = {purpose: secrets.token_urlsafe(32) for purpose in _list_links(notice)}
        intent = await self._database.write(intend_letter, letter, tokens, now)
        if intent is None:
            return Effect()

        async def make(intent: Intent) -> EffectResult:
            mail = await self._compose_email(notice, letter, tokens, intent.snapshot, now)
            try:
                await self._mailer.send_email(mail)
            except Refused as refused:
                await self._database.write(flag_case, letter.case_id, MAIL_REFUSED, read_clock(letter.at))
                return EffectResult({"notice": notice, "refused": refused.code})
            sent_at = read_clock(letter.at)
            kept = build_sent_mail(mail, notice, letter.case_id, key, sent_at, tokens.values())
            facts = self._begin_days(intent.snapshot, sent_at) if notice is Notice.ADVERSE_ACTION_BEGUN else ()
            result = {"notice": notice, "subject": mail.subject, "message_id": mail.message_id}
            return EffectResult(result, tuple(facts), mail=kept)

        effect = await make_once(
            self._database,
            letter,
            f"notice.{notice}",
            make,
            intent=intent,
            key=key,
            after_end=notice in SENT_AFTER_END,
        )
        if notice is not Notice.ADVERSE_ACTION_BEGUN:
            return effect
        told = (await self._database.read(load_snapshot, letter.case_id)).take_adverse_snapshot()
        return effect.model_copy(update={"adverse_action": told})

    def _begin_days(self, snapshot: CaseSnapshot, sent_at: datetime) -> list[Fact]:
        """The days before a denial run from when the notice went out, however long the mail server was down (E8)."""
        action, today = snapshot.certification.adverse_action, find_local_date(snapshot.policy, sent_at)
        if action is None:
            return []
        rules, holidays = snapshot.state_policy.adverse_action, self._days_off((today.year, today.year + 1))
        return build_notice_facts(snapshot.case.case_id, action, rules, holidays, today, sent_at)

    async def _compose_email(
        self, notice: Notice, letter: Letter, tokens: Mapping[str, str], snapshot: CaseSnapshot, now: datetime
    ) -> Mail:
        who = snapshot.applicant
        values = await self._values.gather(notice, letter, tokens, snapshot, now)
        rendered = self._letters.render_notice(notice, who.language, values, who.addressed_as)
        return Mail(
            to=who.email,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            language=who.language,
            message_id=make_message_id(letter.key),
            attachments=self._load_attachments(notice, letter, snapshot),
        )

    def _load_attachments(
        self, notice: Notice, letter: Letter, snapshot: CaseSnapshot
    ) -> tuple[tuple[str, str, bytes], ...]:
        if notice is Notice.CERTIFICATE_CORRECTED:
            return tuple(map(self._attach_certificate, list_corrected(snapshot).values()))
        certificate = None
        if notice is Notice.CERTIFICATE_ISSUED:
            certificate = snapshot.certification.certificate
        elif notice is Notice.MARKETPLACE_CERTIFICATE:
            _, certificate = find_market_certificate(snapshot, letter)
        return (self._attach_certificate(certificate),) if certificate else ()

    def _attach_certificate(self, certificate: Certificate) -> tuple[str, str, bytes]:
        pdf = (self._certificates / f"{certificate.sha256}.pdf").read_bytes()
        return f"certificate-{certificate.number}.pdf", "application/pdf", pdf


def _list_links(notice: Notice) -> list[str]:
    """What the links that a notice carries are for."""
    return [ACTIVATION] if notice is Notice.PORTAL_ACTIVATION else []
