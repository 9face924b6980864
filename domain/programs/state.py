"""Where a case stands, in whichever program: what the facts of each come to."""

from domain.federal.registration import RegistrationState
from domain.state.certification import CertificationState

CaseState = CertificationState | RegistrationState
