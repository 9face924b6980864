"""An e-mail as it is kept for staff: what was sent, without the secrets of its links; it sends nothing."""

from collections.abc import Iterable
from datetime import datetime

from adapters.mail import Email as Mail
from db.tables import SentMail
from domain.shared.cases.notices import Notice

LEFT_OUT = "…"


def build_sent_mail(
    mail: Mail, notice: Notice, case_id: str, key: str, sent_at: datetime, secrets: Iterable[str] = ()
) -> SentMail:
    """The row of a mail that was sent. `secrets` are the tokens of the links in it: whoever has one has its page."""
    subject, text, html = mail.subject, mail.text, mail.html
    for secret in secrets:
        subject, text, html = (part.replace(secret, LEFT_OUT) for part in (subject, text, html))
    return SentMail(
        key=key,
        case_id=case_id,
        notice=notice,
        language=mail.language,
        recipient=mail.to,
        subject=subject,
        text=text,
        html=html,
        attachments=[name for name, _, _ in mail.attachments],
        message_id=mail.message_id,
        sent_at=sent_at,
    )
