"""The portal's accounts: by case, by e-mail, by SCIM id. Who may have one is not decided here."""

import json
from typing import Any
from uuid import uuid4

from sandbox.http.webhooks import WebhookSender
from sandbox.store import Document, DocumentStore
from sandbox.timestamps import format_now

ACCOUNT, EMAIL_OWNER, SCIM_OWNER = "account", "account:email", "account:scim"


class AccountExists(Exception):
    """Another account has this e-mail or this case."""


class PortalAccounts:
    """The accounts, whether created over SCIM or by their owners, and what is reported of them."""

    def __init__(self, store: DocumentStore, sender: WebhookSender) -> None:
        self._store = store
        self._sender = sender

    def list_accounts(self) -> list[Document]:
        """Every account, oldest first."""
        return self._store.list_documents(ACCOUNT)

    def find_by_case(self, case_id: str) -> Document | None:
        """The account of a case."""
        return self._store.find_document(ACCOUNT, case_id)

    def find_by_scim_id(self, scim_id: str) -> Document | None:
        """The account SCIM knows by this id."""
        owner = self._store.find_document(SCIM_OWNER, scim_id)
        return self.find_by_case(owner["case_id"]) if owner else None

    def is_taken(self, case_id: str, email: str) -> bool:
        """Whether an account has this case or this e-mail."""
        return any(self._store.find_document(kind, key) for kind, key in _unique_keys(case_id, email).items())

    def create_account(self, case_id: str, email: str, made_by: str, **values: Any) -> Document:
        """A new account with these values. Raises `AccountExists`.

        Over SCIM an account may be created before its case is known: until then it goes by its SCIM id.
        """
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
            "created_at": format_now(),
            **values,
        }
        if self.is_taken(case_id, email):
            raise AccountExists
        self._save_account(account)
        return account

    def change_account(self, account: Document, **values: Any) -> None:
        """Sets these values; that an account became active is reported. Raises `AccountExists`.

        An account may be handed to another case of its owner: what it reports from then on is about that one.
        """
        changed = {**account, **values}
        changed["case_id"] = changed["case_id"] or account["scim_id"]
        before, after = (_unique_keys(each["case_id"], each["email"]) for each in (account, changed))
        moved = [kind for kind in after if after[kind] != before[kind]]
        if any(self._store.find_document(kind, after[kind]) for kind in moved):
            raise AccountExists
        becomes_active = changed["active"] and not account["active"]
        account.update(changed)
        self._save_account(account)
        for kind in moved:
            self._store.delete_document(kind, before[kind])
        if becomes_active and account["case_id"] != account["scim_id"]:
            self.report_event("account.activated", account["case_id"])

    def delete_account(self, account: Document) -> None:
        """Deletes an account; its e-mail and its case may have another one then."""
        for kind, key in _unique_keys(account["case_id"], account["email"]).items():
            self._store.delete_document(kind, key)
        self._store.delete_document(SCIM_OWNER, account["scim_id"])

    def report_event(self, event: str, case_id: str, reason: str | None = None) -> None:
        """Sends the exchange an event about a case."""
        body = {"type": event, "case_id": case_id, "occurred_at": format_now()}
        if reason:
            body["reason"] = reason
        self._sender.queue_event(case_id, str(uuid4()), event, json.dumps(body))

    def _save_account(self, account: Document) -> None:
        account["changed_at"] = format_now()
        owner = {"case_id": account["case_id"]}
        self._store.save_document(ACCOUNT, account["case_id"], account)
        self._store.save_document(EMAIL_OWNER, account["email"].casefold(), owner)
        self._store.save_document(SCIM_OWNER, account["scim_id"], owner)


def _unique_keys(case_id: str, email: str) -> dict[str, str]:
    """The keys that no two accounts share, by the kind of document they are kept under."""
    return {ACCOUNT: case_id, EMAIL_OWNER: email.casefold()}
