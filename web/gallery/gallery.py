"""Every notice and certificate to look at, in the embedded stack only: samples, rendered as the worker renders them."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from domain.shared.cases.notices import Notice, Topic
from domain.shared.policy import describe_contact
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from templates.catalogs import LANGUAGES
from templates.certificates import Typesetter
from templates.letters import NoticeRenderer
from web.gallery.samples import CERTIFICATES, NOTICES, CertificateSample, NoticeSample, find_sample_policy
from web.http.auth import PUBLIC
from web.http.negotiation import choose_language
from web.http.pages import build_page_router, render_mail, render_page
from web.services import ServicesDep

PREFIX = "/gallery"
PROGRAMS = (STATE_PROGRAM, FEDERAL_PROGRAM)
MEDIA_TYPES = {"pdf": "application/pdf", "png": "image/png"}

Name = Annotated[str, Path(max_length=80)]
Language = Annotated[str, Path(pattern="^(en|es)$")]


class Gallery:
    """The pages under /gallery. What they show is made up, so that anybody may see them."""

    def __init__(self, letters: NoticeRenderer, typesetter: Typesetter) -> None:
        self._letters = letters
        self._typesetter = typesetter

    @property
    def router(self) -> APIRouter:
        """The routes, to be added where `settings.gallery` says so and nowhere else."""
        router = build_page_router(PUBLIC, prefix=PREFIX)
        router.add_api_route("", self.show_samples)
        router.add_api_route("/notices/{notice}/{name}/{language}", self.show_notice)
        router.add_api_route("/notices/{notice}/{name}/{language}/html", self.show_notice_html)
        router.add_api_route("/certificates/{program}/{name}/{language}.{ending}", self.show_certificate)
        return router

    async def show_samples(self, request: Request, services: ServicesDep) -> HTMLResponse:
        """Everything there is, by program."""
        language = choose_language(request)
        programs = [
            {
                "program": program,
                "notices": [
                    {"notice": notice, "samples": [_describe_notice(sample, language) for sample in samples]}
                    for notice in Notice
                    if (samples := [one for one in NOTICES if (one.notice, one.program) == (notice, program)])
                ],
                "certificates": [
                    _describe_certificate(one, language) for one in CERTIFICATES if one.program == program
                ],
            }
            for program in PROGRAMS
        ]
        return _render_page(request, services, "gallery.html", language, programs=programs)

    async def show_notice(
        self, request: Request, services: ServicesDep, notice: Name, name: Name, language: Language
    ) -> Response:
        """A notice as HTML on a narrow and on a wide screen, and as text."""
        sample = _require_sample(notice, name, language)
        here = NOTICES.index(sample)
        letter = self._letters.render_notice(sample.notice, language, sample.build_values(language))
        reader = choose_language(request)
        return _render_page(
            request,
            services,
            "gallery_notice.html",
            reader,
            notice=sample.notice,
            label=sample.describe(reader),
            letter=letter,
            written_in=language,
            frame_url=f"{_build_address(sample, language)}/html",
            others=[
                {"language": one, "url": _build_address(sample, one)} for one in sample.languages if one != language
            ],
            previous=_describe_neighbour(NOTICES[here - 1 : here], reader, language),
            next=_describe_neighbour(NOTICES[here + 1 : here + 2], reader, language),
        )

    async def show_notice_html(self, notice: Name, name: Name, language: Language) -> Response:
        """The HTML part alone, for a frame."""
        sample = _require_sample(notice, name, language)
        return render_mail(
            self._letters.render_notice(sample.notice, language, sample.build_values(language)).html, language
        )

    def show_certificate(
        self, program: Name, name: Name, language: Language, ending: Literal["pdf", "png"]
    ) -> Response:  # not async: setting a page takes its time, in a thread of its own
        """A certificate as it is printed, but not signed."""
        sample = next((one for one in CERTIFICATES if (one.program, one.name) == (program, name)), None)
        if sample is None:
            raise HTTPException(404, "There is no such sample.")
        make = self._typesetter.set_pdf if ending == "pdf" else self._typesetter.set_png
        return Response(make(sample.build_text(language)), media_type=MEDIA_TYPES[ending])


def _render_page(request: Request, services: ServicesDep, template: str, language: str, **values: Any) -> HTMLResponse:
    contact = describe_contact(find_sample_policy(), Topic.GENERAL, language)
    return render_page(services, template, language, contact, here=request.url.path, **values)


def _require_sample(notice: str, name: str, language: str) -> NoticeSample:
    for sample in NOTICES:
        if (sample.notice, sample.name) == (notice, name) and language in sample.languages:
            return sample
    raise HTTPException(404, "There is no such sample.")


def _build_address(sample: NoticeSample, language: str) -> str:
    return f"{PREFIX}/notices/{sample.notice}/{sample.name}/{language}"


def _describe_notice(sample: NoticeSample, language: str) -> dict[str, Any]:
    links = [{"language": one, "url": _build_address(sample, one)} for one in sample.languages]
    return {"label": sample.describe(language), "links": links}


def _describe_certificate(sample: CertificateSample, language: str) -> dict[str, Any]:
    address = f"{PREFIX}/certificates/{sample.program}/{sample.name}"
    links = [{"language": one, "pdf": f"{address}/{one}.pdf", "png": f"{address}/{one}.png"} for one in LANGUAGES]
    return {"label": sample.describe(language), "links": links}


def _describe_neighbour(samples: Iterable[NoticeSample], reader: str, language: str) -> dict[str, str] | None:
    """The sample before or after, in the same language where it is written in it."""
    for one in samples:
        written_in = language if language in one.languages else one.languages[0]
        return {"notice": one.notice, "label": one.describe(reader), "url": _build_address(one, written_in)}
    return None
