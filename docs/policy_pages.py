"""The page and the JSON schemas of policies, from their models and the files shipped."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from domain.programs.exchange_files import EXCHANGE_MODELS
from domain.programs.kept_rules import is_rule
from domain.programs.policy_files import CARRIED_OVER, NAMED_BY_FILE, POLICY_MODELS
from starter.policies import SHIPPED, read_policy_folder

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def write_schema(program: str) -> str:
    """The JSON schema of a program's files, for editors; one that carries a year over may leave anything out."""
    whole = _describe_file(program)
    parts = _leave_out_required(whole)
    parts["required"] = ["windows"]
    definitions = {
        **whole.pop("$defs"),
        **{f"{name}Part": one for name, one in parts.pop("$defs").items()},
        "Whole": whole,
        "CarriedOver": parts,
    }
    schema = {
        "$schema": DIALECT,
        "title": f"The policy of a plan year, program {program}",
        "if": {"required": [CARRIED_OVER]},
        "then": {"$ref": "#/$defs/CarriedOver"},
        "else": {"$ref": "#/$defs/Whole"},
        "$defs": definitions,
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def write_exchange_schema(program: str) -> str:
    """The JSON schema of a program's `exchange.toml`."""
    schema = EXCHANGE_MODELS[program].model_json_schema()
    document = {"$schema": DIALECT, **schema, "title": f"Whose the program {program} is"}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def list_exchange_fields(program: str) -> list[list[str]]:
    """What an `exchange.toml` says: field, type, default, what it is."""
    schema = EXCHANGE_MODELS[program].model_json_schema()
    return [[row[0], *row[2:]] for row in _walk(schema, schema["$defs"], "")]


def _describe_file(program: str) -> Schema:
    """The schema of a policy without what the file's folder and name say."""
    schema = POLICY_MODELS[program].model_json_schema()
    for field in NAMED_BY_FILE:
        del schema["properties"][field]
    schema["required"] = [field for field in schema["required"] if field not in NAMED_BY_FILE]
    return schema


def _leave_out_required(schema: Schema) -> Schema:
    """The same with nothing required, its definitions known by names of their own."""

    def change(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: change(one) for name, one in value.items() if name != "required" or not isinstance(one, list)}
        if isinstance(value, list):
            return [change(one) for one in value]
        return f"{value}Part" if isinstance(value, str) and value.startswith("#/$defs/") else value

    return dict(change(deepcopy(schema)))


def list_years() -> list[list[str]]:
    """The files shipped: program, plan year, whose rules they are, and between which days one may begin."""
    return [
        [
            f"`{one.program}`",
            str(one.plan_year),
            f"those of {one.carried_over_from}" if one.carried_over_from else "as published",
            str(one.windows.opens_on or "always"),
            str(one.windows.closes_on or "always"),
        ]
        for one in read_policy_folder(SHIPPED)
    ]


def list_fields(program: str) -> list[list[str]]:
    """Every field of a program's files: its name with dots, its type, its default, what it is."""
    schema = _describe_file(program)
    return list(_walk(schema, schema["$defs"], ""))


def _walk(schema: Schema, definitions: Mapping[str, Schema], before: str) -> Iterator[list[str]]:
    for name, field in schema["properties"].items():
        path, kind = f"{before}{name}", _name_type(field, definitions)
        default = "required" if name in schema.get("required", []) else _format_default(field.get("default"))
        inner = _find_model(field, definitions)
        description = field.get("description") or (inner or {}).get("description", "")
        kept = "" if before else "yes" if is_rule(name) else "no"
        yield [f"`{path}`", kept, kind, default, description.split("\n")[0].replace("``", "`")]
        if inner:
            yield from _walk(inner, definitions, f"{path}{_step_into(field)}.")


def _format_default(value: object) -> str:
    return "none" if value in (None, []) else f"`{value}`"


def _find_model(field: Schema, definitions: Mapping[str, Schema]) -> Schema | None:
    """The table that a field, or each of its entries, is; None where it is a plain value."""
    field = _leave_out_none(field)
    inner = _list_entries(field)
    if "$ref" in field:
        found = definitions[field["$ref"].rsplit("/", 1)[1]]
        return found if "properties" in found else None
    return _find_model(inner, definitions) if inner else None


def _leave_out_none(field: Schema) -> Schema:
    """A field that may be missing as it is where it is there; one of several types as it is."""
    kinds = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
    return kinds[0] if len(kinds) == 1 else field


def _list_entries(field: Schema) -> Schema:
    """The schema of each entry of a list or of a table of entries; empty where a field is neither."""
    return field.get("items") or field.get("additionalProperties") or {}


def _step_into(field: Schema) -> str:
    field = _leave_out_none(field)
    if "$ref" in field:
        return ""
    return ("[]" if field["type"] == "array" else ".*") + _step_into(_list_entries(field))


def _name_type(field: Schema, definitions: Mapping[str, Schema]) -> str:
    if "$ref" in field:
        found = definitions[field["$ref"].rsplit("/", 1)[1]]
        return ", ".join(f"`{value}`" for value in found["enum"]) if "enum" in found else "table"
    if "anyOf" in field:
        kinds = [_name_type(one, definitions) for one in field["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if field.get("type") == "array":
        return f"list of {_name_type(field['items'], definitions)}"
    if field.get("type") == "object":
        return f"table of {_name_type(field['additionalProperties'], definitions)}"
    return str(field.get("format") or field.get("type"))
