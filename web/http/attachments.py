"""Files of others are handed out to be saved and never shown: a browser must not run what somebody sent (E5)."""

from fastapi.responses import Response

from db.appeal_tables import AppealFile
from db.own_tables import AnswerFile
from domain.shared.documents.evidence import EXTENSIONS
from web.http.pages import PRIVATE

_NOTHING = "default-src 'none'; sandbox"


def build_attachment(found: AppealFile | AnswerFile) -> Response:
    """The file to be saved, under a name of ours: what its sender calls it is shown on pages only."""
    name = f"evidence-{found.number}.{EXTENSIONS[found.media_type]}"
    headers = {
        **PRIVATE,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": _NOTHING,
        "X-Content-Type-Options": "nosniff",
    }
    return Response(found.content, media_type=found.media_type, headers=headers)
