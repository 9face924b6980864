"""The portal's accounts, as it keeps them: by case, by e-mail, by SCIM id; who may have one is not decided here."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sandbox.http.webhooks import Deliveries
from sandbox.store import Document, Shelf

ACCOUNT, EMAIL_OWNER, SCIM_OWNER = "account", "account:email", "account:scim"


class Taken(Exception):
    """Another account has this e-mail or this case."""


class Accounts:
    """The accounts, whether made over SCIM or by their owners, and what is told of them."""

    def __init__(self, shelf: Shelf, deliveries: Deliveries) -> None:
        self._shelf = shelf
        self.deliveries = deliveries

    def all(self) -> list[Document]:
        """Every account, oldest first."""
        return self._shelf.all(ACCOUNT)

    def of_case(self, case_id: str) -> Document | None:
        """The account of a case."""
        return self._shelf.get(ACCOUNT, case_id)

    def of_scim(self, scim_id: str) -> Document | None:
        """The account SCIM knows by this id."""
        owner = self._shelf.get(SCIM_OWNER, scim_id)
        return self.of_case(owner["case_id"]) if owner else None

    def taken(self, case_id: str, email: str) -> bool:
        """Whether an account has this case or this e-mail."""
        return any(self._shelf.get(kind, key) for kind, key in _keys(case_id, email).items())

    def open(self, case_id: str, email: str, made_by: str, **values: Any) -> Document:
        """A new account with these values; one of no case goes by its SCIM id. Raises `Taken`."""
        scim_id = str(uuid4())
        account: Document = {
            "case_id": case_id or scim_id,
            "scim_id": scim_id,
            "email": email,
            "first_name": "",
            "last_name": "",
            "made_by": made_by,
            "active": None,
            "profile": "incomplete",
            "scheduling_tool": "not_ready",
            "created_at": _now(),
            **values,
        }
        if self.taken(case_id, email):
            raise Taken
        self._keep(account)
        return account

    def change(self, account: Document, **values: Any) -> None:
        """Sets these values; becoming active is told. Raises `Taken`.

        Handed to another case of its owner, what the account reports from now on is about that one.
        """
        changed = {**account, **values}
        changed["case_id"] = changed["case_id"] or account["scim_id"]
        before, after = (_keys(each["case_id"], each["email"]) for each in (account, changed))
        moved = [kind for kind in after if after[kind] != before[kind]]
        if any(self._shelf.get(kind, after[kind]) for kind in moved):
            raise Taken
        becomes_active = changed["active"] and not account["active"]
        account.update(changed)
        self._keep(account)
        for kind in moved:
            self._shelf.remove(kind, before[kind])
        if becomes_active and account["case_id"] != account["scim_id"]:
            self.tell("account.activated", account["case_id"])

    def forget(self, account: Document) -> None:
        """Removes an account."""
        for kind, key in _keys(account["case_id"], account["email"]).items():
            self._shelf.remove(kind, key)
        self._shelf.remove(SCIM_OWNER, account["scim_id"])

    def tell(self, event: str, case_id: str, reason: str | None = None) -> None:
        """Sends the exchange an event about a case."""
        body = {"type": event, "case_id": case_id, "occurred_at": _now(), **({"reason": reason} if reason else {})}
        self.deliveries.send(case_id, str(uuid4()), event, json.dumps(body))

    def _keep(self, account: Document) -> None:
        account["changed_at"] = _now()
        owner = {"case_id": account["case_id"]}
        self._shelf.put(ACCOUNT, account["case_id"], account)
        self._shelf.put(EMAIL_OWNER, account["email"].casefold(), owner)
        self._shelf.put(SCIM_OWNER, account["scim_id"], owner)


def _keys(case_id: str, email: str) -> dict[str, str]:
    """What an account is unique by."""
    return {ACCOUNT: case_id, EMAIL_OWNER: email.casefold()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
