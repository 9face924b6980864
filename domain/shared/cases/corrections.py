"""The form by which staff correct the name of who is certified (E11)."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from domain.shared.cases.authors import ProofMethod
from domain.shared.cases.commands import CorrectName
from domain.shared.documents.faults import Invalid, list_faults
from domain.shared.documents.fields import LastName, PersonName, StrictForm, check_plain
from domain.shared.documents.texts import LONGEST_DOCUMENT


class CorrectionForm(StrictForm):
    """The name as it is to be, and how staff have seen that it is theirs."""

    first_name: PersonName
    last_name: LastName
    method: ProofMethod = Field(strict=False)
    document: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_DOCUMENT),
        AfterValidator(check_plain),
    ]

    def build_command(self) -> CorrectName:
        """The command that corrects it."""
        return CorrectName(
            first_name=self.first_name, last_name=self.last_name, method=self.method, document=self.document
        )


def parse_correction(document: Any) -> CorrectName:
    """The command of a form, parsed JSON. Raises `Invalid` naming every field at fault."""
    try:
        return CorrectionForm.model_validate(document).build_command()
    except ValidationError as error:
        raise Invalid(list_faults(error)) from None
