"""Contexts for the gallery's pages; what is in its frames are samples of web/gallery/samples.py."""

from collections.abc import Callable
from functools import partial

from tests.templates.contexts import frame

Build = Callable[..., dict[str, object]]

ADDRESS = "/gallery/notices/reminder/broker-exam_pass"


def front(language: str) -> dict[str, object]:
    links = [{"language": one, "url": f"{ADDRESS}/{one}"} for one in ("en", "es")]
    files = [{"language": one, "pdf": f"/gallery/{one}.pdf", "png": f"/gallery/{one}.png"} for one in ("en", "es")]
    notices = [{"notice": "reminder", "samples": [{"label": "Said of a sample", "links": links}]}]
    certificates = [{"label": "Said of a certificate", "links": files}]
    programs = [
        {"program": program, "notices": notices, "certificates": certificates} for program in ("bewellnm", "ffm")
    ]
    return {**frame(language, "/gallery"), "programs": programs}


def notice(language: str, alone: bool = False) -> dict[str, object]:
    neighbour = {"notice": "denied", "label": "Said of another", "url": "/gallery/notices/denied/broker/es"}
    return {
        **frame(language, f"{ADDRESS}/es"),
        "notice": "reminder",
        "label": "Said of a sample",
        "letter": {"subject": "Said in a subject", "text": "Said in\n\na letter <b>\n"},
        "written_in": "es",
        "frame_url": f"{ADDRESS}/es/html",
        "others": [] if alone else [{"language": "en", "url": f"{ADDRESS}/en"}],
        "previous": None if alone else neighbour,
        "next": None if alone else neighbour,
    }


GALLERY_PAGES: dict[str, tuple[str, Build]] = {
    "gallery": ("gallery.html", front),
    "gallery, notice": ("gallery_notice.html", notice),
    "gallery, notice alone": ("gallery_notice.html", partial(notice, alone=True)),
}
