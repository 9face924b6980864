"""An e-mail's HTML as a document of its own, for a frame on one of our pages; who may see it is decided there."""

from fastapi.responses import HTMLResponse

from web.http.pages import PRIVATE

# It may style itself, and nothing else: no script, no image, no form, no link that leads the window elsewhere.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


def render_mail(html: str, language: str) -> HTMLResponse:
    """The HTML part of a mail, as it was sent."""
    headers = {"Content-Security-Policy": POLICY, "X-Frame-Options": "SAMEORIGIN", "Content-Language": language}
    return HTMLResponse(html, headers={**PRIVATE, **headers})
