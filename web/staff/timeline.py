"""The timeline of a case in words: what happened, when, who did it and why; it reads no database."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from db.reads.timeline import EntryKind, TimelineEntry
from domain.federal.markets import MLMS
from domain.shared.cases.facts import FactKind
from domain.shared.documents.faults import load_faults
from domain.shared.staff_names import name_people
from templates.catalogs import N_, translate
from web.http.environments import format_share
from web.http.sentences import explain_reason, name_actor, name_code

Details = list[str]

# The fields of a fact's data that say what it is about, and the labels that show them.
_ABOUT = {
    "curriculum": "curriculum",
    "agreement": "marketplace_agreement",
    "list": "federal_list",
    "market": "market",
    "outcome": "appeal_outcome",
    "result": "report",
    "role": "kind",
}
_TONES = {"approve": "good", "deny": "fault", "ask": "warn", "refused": "fault", "pending": "warn", "raised": "warn"}
_FLAGS = {
    "raised": N_("Flag raised: {flag}"),
    "lowered": N_("Flag taken down by itself: {flag}"),
    "cleared": N_("Flag attended to: {flag}"),
}
_WEBHOOKS = {
    "without_effect": N_("Webhook without effect"),
    "altered": N_("Webhook repeated with other content, kept aside"),
    "released": N_("Webhook delivered again"),
    "release_refused": N_("Webhook not delivered again"),
    "uncounted": N_("Report that can't be counted, kept aside"),
    "counted": N_("Report counted"),
    "dismissed": N_("Report dismissed"),
}
_NOTICES = {
    "sent": N_("E-mail sent: {notice}"),
    "pending": N_("E-mail to be sent: {notice}"),
    "refused": N_("E-mail refused: {notice}"),
    "overtaken": N_("E-mail not sent, since a newer one was: {notice}"),
}
# On whose desk a case is put, and from whose it is taken.
_DESKS = {"to": N_("Whose desk: {name}"), "had": N_("Whose desk it was on: {name}")}
_ABOUT_DESKS = frozenset({"case.assigned", "case.released"})


@dataclass(frozen=True)
class Line:
    """An entry as it is read; ``tone`` is good, warn, fault or empty, ``mail`` the number of the e-mail it is about."""

    at: datetime
    what: str
    details: Details
    who: str
    why: str | None
    tone: str = ""
    mail: int | None = None


def describe_entries(entries: Iterable[TimelineEntry], names: Mapping[str, str], language: str) -> list[Line]:
    """Every entry in words, in the order they come; ``names`` is what staff are called, by who the audit names."""
    return [_describe_entry(entry, names, language) for entry in entries]


def _describe_entry(entry: TimelineEntry, names: Mapping[str, str], language: str) -> Line:
    coded = {name: name_people(reason, names) for name, reason in entry.coded.items()}
    desks = {name: name_actor(str(entry.data[name]), names, language) for name in _DESKS if entry.data.get(name)}
    entry = replace(entry, coded=coded, data={**entry.data, **desks} if entry.name in _ABOUT_DESKS else entry.data)
    what, details = _WORDS[entry.kind](entry, language)
    told_by = str(entry.data.get("verdict") or entry.data.get("state") or entry.name)
    return Line(
        at=entry.at,
        what=what,
        details=details,
        who=name_actor(entry.actor, names, language),
        why=_explain_answer(entry, "reason", entry.reason, language) if entry.reason else None,
        tone=_TONES.get(told_by, ""),
        mail=entry.data.get("mail") if entry.kind is EntryKind.NOTICE else None,
    )


def _describe_fact(entry: TimelineEntry, language: str) -> tuple[str, Details]:
    data = entry.data
    name = "verdict" if entry.name == FactKind.DECIDED else "fact"
    what = name_code(name, str(data["verdict"]) if name == "verdict" else entry.name, language)
    about = [name_code(label, str(data[field]), language) for field, label in _ABOUT.items() if data.get(field)]
    return what, [*about, *_describe_more(entry.name, data, language)]


def _describe_more(name: str, data: Mapping[str, Any], language: str) -> Details:
    """What a fact says besides what it is about."""
    found: Details = []
    if data.get("channel"):
        place = "MLMS" if data["channel"] == MLMS else str(data["channel"])
        found.append(_phrase(N_("At: {place}"), language, place=place))
    if name == FactKind.SCREENED and data["findings"]:  # of a counselor the registry is not asked
        passed = sum(1 for one in data["findings"] if one["result"] == "pass")
        numbers = {"passed": str(passed), "all": str(len(data["findings"]))}
        found.append(_phrase(N_("Registry checks passed: {passed} of {all}"), language, **numbers))
    if name == FactKind.EXAM_ATTEMPTED:
        result = N_("Score {score}, passed") if data["passed"] else N_("Score {score}, not passed")
        found.append(_phrase(result, language, score=format_share(language, data["score"])))
    if name == FactKind.CERTIFICATE_ISSUED and data.get("number"):
        found.append(_phrase(N_("Certificate number: {number}"), language, number=str(data["number"])))
    if data.get("source"):
        found.append(name_code("agreed_on", str(data["source"]), language))
    if data.get("in_bulk"):
        found.append(translate(N_("In bulk, with other cases"), language))
    if data.get("override"):
        found.append(_phrase(N_("Override: {reason}"), language, reason=str(data["override"])))
    if data.get("told"):
        found.append(_phrase(N_("Told in their language: {words}"), language, words=str(data["told"])))
    found += _describe_word(data, language)
    found += _describe_method(name, data, language)
    found += _describe_asked(data, language)
    return [*found, *_describe_changed(data, language), *_describe_faults(data, language)]


def _describe_word(data: Mapping[str, Any], language: str) -> Details:
    """How staff have the word of the assister whose step they took, and why they took it (D6)."""
    if not data.get("on_behalf"):
        return []
    method = name_code("word_method", str(data["on_behalf"]["method"]), language)
    reason = str(data["on_behalf"]["reason"])
    return [_phrase(N_("{method}, for the assister. {reason}"), language, method=method, reason=reason)]


def _describe_method(name: str, data: Mapping[str, Any], language: str) -> Details:
    """Which way an appeal came, and what staff have seen of a name or an NPN."""
    if not data.get("method"):
        return []
    if name == FactKind.APPEAL_FILED:
        return [name_code("appeal_method", str(data["method"]), language)]
    if not data.get("document"):
        return []
    method = name_code("proof_method", str(data["method"]), language)
    return [_phrase(N_("Seen: {document}. {method}"), language, document=str(data["document"]), method=method)]


def _describe_changed(data: Mapping[str, Any], language: str) -> Details:
    fields = [name_code("field", str(field), language) for field in data.get("changed") or ()]
    return [_phrase(N_("Changed: {fields}"), language, fields=", ".join(fields))] if fields else []


def _describe_asked(data: Mapping[str, Any], language: str) -> Details:
    """The fields that a question names."""
    fields = [name_code("field", str(field), language) for field in data.get("fields") or ()]
    return [_phrase(N_("Asked about: {fields}"), language, fields=", ".join(fields))] if fields else []


def _describe_faults(data: Mapping[str, Any], language: str) -> Details:
    """The fields of a profile at fault, each with what is wrong."""
    faults = load_faults(data.get("faults") or ())
    return [f"{name_code('field', one.field, language)}: {explain_reason(one, language)}" for one in faults]


def _describe_notice(entry: TimelineEntry, language: str) -> tuple[str, Details]:
    notice = name_code("notice", entry.name, language)
    subject = entry.data.get("subject")
    return _phrase(_NOTICES[entry.data["state"]], language, notice=notice), [str(subject)] if subject else []


def _describe_command(entry: TimelineEntry, language: str) -> tuple[str, Details]:
    data = entry.data
    what = f"{name_code('command', entry.name, language)}: {name_code('command_state', str(data['state']), language)}"
    details = [name_code(name, str(data[name]), language) for name in ("verdict", "notice") if data.get(name)]
    if data.get("override"):
        details.append(_phrase(N_("Override: {reason}"), language, reason=str(data["override"])))
    answer = [_explain_answer(entry, "answer", str(data["answer"]), language)] if data.get("answer") else []
    asked = _describe_asked(data, language)
    more = [*_describe_word(data, language), *_describe_changed(data, language), *_describe_faults(data, language)]
    return what, [*details, *answer, *asked, *more]


def _describe_flag(entry: TimelineEntry, language: str) -> tuple[str, Details]:
    flag = name_code("reason_to_look", str(entry.data.get("flag") or ""), language)
    return _phrase(_FLAGS[entry.name], language, flag=flag), []


def _describe_webhook(entry: TimelineEntry, language: str) -> tuple[str, Details]:
    note, what = entry.data.get("note"), entry.data.get("what")
    details = [_explain_answer(entry, "note", str(note), language)] if note else []
    return _phrase(_WEBHOOKS[entry.name], language), [*([str(what)] if what else []), *details]


def _describe_audited(entry: TimelineEntry, language: str) -> tuple[str, Details]:
    action = entry.name.removesuffix(".after_end")
    late = [_phrase(N_("It was done although the case had ended meanwhile."), language)] if action != entry.name else []
    repeated = ", ".join(map(str, entry.data.get("may_repeat") or ()))
    named = [_phrase(N_("May be done twice: {steps}"), language, steps=repeated)] if repeated else []
    answer = [_explain_answer(entry, "answer", str(entry.data["answer"]), language)] if entry.data.get("answer") else []
    desks = [
        _phrase(sentence, language, name=str(entry.data[name]))
        for name, sentence in _DESKS.items()
        if entry.name in _ABOUT_DESKS and entry.data.get(name)
    ]
    return name_code("action", action, language), [*desks, *late, *named, *answer]


_WORDS: Mapping[EntryKind, Callable[[TimelineEntry, str], tuple[str, Details]]] = {
    EntryKind.FACT: _describe_fact,
    EntryKind.NOTICE: _describe_notice,
    EntryKind.COMMAND: _describe_command,
    EntryKind.FLAG: _describe_flag,
    EntryKind.WEBHOOK: _describe_webhook,
    EntryKind.AUDIT: _describe_audited,
}


def _explain_answer(entry: TimelineEntry, name: str, text: str, language: str) -> str:
    """The entry's reason, answer or note: a sentence of ours in the reader's language, a person's words as they are."""
    return explain_reason(entry.coded[name], language) if name in entry.coded else text


def _phrase(sentence: str, language: str, **details: str) -> str:
    return translate(sentence, language, **details)
