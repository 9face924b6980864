"""The federal marketplace's rules for one plan year (B), as versioned, dated data."""

from datetime import date
from typing import Annotated

from pydantic import Field

from domain.federal.markets import Curriculum, FederalList
from domain.shared.policy import Link, PolicyData, ProgramPolicy

CODE = r"^[A-Z0-9]{1,4}$"


class MlmsIds(PolicyData):
    """The IRIs by which the MLMS reports: its home page, and an activity for each course (B13)."""

    home_page: str
    courses: dict[Curriculum, str]


class Vendor(PolicyData):
    """A training vendor approved by HHS, and what it may train (B13)."""

    name: str
    curricula: tuple[Curriculum, ...]


class ListCodes(PolicyData):
    """The digits that the lists' status column has after its letter, by what happened; what they mean is not ours."""

    revoked: str = Field(default="4", pattern=CODE)
    terminated: str = Field(default="4", pattern=CODE)
    suspended_by_staff: str = Field(default="4", pattern=CODE)
    system_suspension: str = Field(default="4", pattern=CODE)
    license_lapsed: str = Field(default="1", pattern=CODE)


class FederalPolicy(ProgramPolicy):
    """The federal marketplace's rules for one plan year (B)."""

    mlms: MlmsIds
    vendors: dict[str, Vendor] = Field(description="the approved ones, by their ids (B13)")
    launch_ticket_minutes: int = Field(default=30, ge=1, description="life of a launch ticket (B14)")
    launch_tickets_at_once: int = Field(default=20, ge=1, description="unused ones a registration may have (B14)")
    lags: dict[FederalList, Annotated[int, Field(ge=1)]] = Field(
        description="business days until a registration must be listed (B18–B20)"
    )
    look_at_hour: int = Field(
        default=12, ge=0, le=23, description="the hour of a business day at which the lists are read"
    )
    list_codes: ListCodes = ListCodes()
    help_desk: str = Field(description="where a missing entry is asked about (B21)")
    closed_days: tuple[date, ...] = Field(
        default=(),
        exclude=True,
        description="on which offices were closed by executive order, beside the holidays; of every case",
    )
    links: dict[str, Link] = Field(description="the portal's links by what they are for (B3, B4, B18–B20)")
    resources: tuple[Link, ...]
