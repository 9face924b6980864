"""JSON bodies of the API: read into models that take no field they don't know, and described for OpenAPI."""

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from domain.shared.documents.faults import Invalid, list_faults
from domain.shared.documents.parsing import read_json


class StrictBody(BaseModel):
    """A body; a field that it doesn't know is a fault, since it may be one that was misspelled."""

    model_config = ConfigDict(extra="forbid")


Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, model: type[Model]) -> Model:
    """The body as this model; raises `Invalid` naming every field at fault."""
    document = read_json(await request.body())
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise Invalid(list_faults(error)) from None


def describe_body(model: Any, **beside: Any) -> dict[str, Any]:
    """The OpenAPI entry of a body that `read_body` reads; ``beside`` are models of fields that may stand in it too."""
    schema = _inline_references(TypeAdapter(model).json_schema())
    extra = {name: _inline_references(TypeAdapter(each).json_schema()) for name, each in beside.items()}
    _add_properties(schema, extra)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _add_properties(schema: dict[str, Any], extra: Mapping[str, Any]) -> None:
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        _add_properties(choice, extra)
    if "properties" in schema:
        schema["properties"] |= extra


def _inline_references(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without references, each put in its place."""
    kept = schema.pop("$defs", {})

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            name = str(value.get("$ref", "")).rsplit("/", 1)[-1]
            return put(kept[name]) if name in kept else {key: put(item) for key, item in value.items()}
        return [put(item) for item in value] if isinstance(value, list) else value

    inlined: dict[str, Any] = put(schema)
    return inlined
