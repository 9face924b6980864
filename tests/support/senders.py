"""The senders of the tests, as the embedded stack has them."""

from domain.shared.senders import ReportKind, Sender

LMS = Sender("lms", "bewellnm", frozenset({ReportKind.TRAINING, ReportKind.EXAM}))
MLMS = Sender("mlms", "ffm", frozenset({ReportKind.TRAINING}))
PORTAL = Sender("portal", "bewellnm", frozenset({ReportKind.PORTAL}))
CHECKS = Sender("background-checks", "bewellnm", frozenset({ReportKind.BACKGROUND_CHECKS}))


def build_vendor(name: str) -> Sender:
    """A training vendor of the federal program."""
    return Sender(name, "ffm", frozenset({ReportKind.VENDOR}))


SENDERS = {one.id: one for one in (LMS, MLMS, PORTAL, CHECKS, build_vendor("vendor-a"))}
