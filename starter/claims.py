"""The door to claims on NPNs: proven by staff or by a code, and decided where two claim one (D2, D3)."""

from contextlib import suppress

from db.engine import Database
from db.writes.npn.claims import note_refused_identity, prove_by_identity, prove_npn
from db.writes.npn.rivals import settle_same_person, settle_someone_else
from domain.shared.cases.reasons import Refusal
from domain.shared.claims import IdentityFault, NpnProof
from starter.cases import Cases, now


class Claims:
    """What staff and assisters do about whose an NPN is; what waited for it is told to its workflow."""

    def __init__(self, cases: Cases, database: Database, identity_key: bytes) -> None:
        self._cases = cases
        self._database = database
        self._identity_key = identity_key

    async def prove_identity(self, case_id: str, proof: NpnProof) -> None:
        """Staff say that an NPN is proven to be who claims it in this case (D2).

        Raises `Refusal` where somebody else has proven it, where there is none, or where the case can't take it.
        """
        told = await self._database.write(prove_npn, self._identity_key, case_id, proof, now())
        await self._cases.deliver_events(told)

    async def prove_by_identity(self, case_id: str, first: str, last: str, identity: str) -> bool:
        """An identity provider vouches for this name; whether it proves the NPN: else staff are told (D2).

        ``identity`` is the digest of whom the provider knows. Raises `Refusal` where it can't be proven here any more.
        """
        told = await self._database.write(prove_by_identity, self._identity_key, case_id, first, last, identity, now())
        if told:
            await self._cases.deliver_events(told)
        return told is not None

    async def note_refused_identity(self, case_id: str, fault: IdentityFault) -> None:
        """Staff are told of an identity provider's word that proved nothing."""
        await self._database.write(note_refused_identity, case_id, fault, now())

    async def settle_same_person(
        self, number: int, proof: NpnProof, *, takes_second_email: bool, takes_second_name: bool = False
    ) -> None:
        """Staff say that two who claim one NPN are one person; the second one's cases are withdrawn (D3).

        Raises `UnknownRivals`, and `Refusal` where that can't be decided any more.
        """
        settled = await self._database.write(
            settle_same_person,
            self._identity_key,
            number,
            takes_second_email=takes_second_email,
            takes_second_name=takes_second_name,
            proof=proof,
            now=now(),
        )
        await self._cases.deliver_events(settled.told)
        for row in (*settled.corrections, *settled.withdrawals):
            with suppress(Refusal):  # it has ended meanwhile
                await self._cases.send_command(row)

    async def settle_someone_else(self, number: int, actor: str, reason: str) -> None:
        """Staff say that two who claim one NPN are two people; each is written to (D3). Raises as the one above."""
        await self._database.write(settle_someone_else, number, actor, reason, now())
