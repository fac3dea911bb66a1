"""docs/reference/json.md: the schema of the JSON report as tables, one for each kind of object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pat_check.docs.markdown import code, page, table

SCHEMA: Path = Path(__file__).parent.parent / "report.schema.json"

_INTRO = """
{description}
The schema itself is `pat_check/report.schema.json` (JSON Schema 2020-12) and comes with the
package. Keys are always all there, but those called *optional*. `version` grows when a program that reads the report
must change."""


def schema_page() -> str:
    """The page."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    parts = ["## report", _object(schema)]
    for name, definition in schema["$defs"].items():
        parts.append(f"## {name}")
        parts.append(definition.get("description", ""))
        parts.append(_definition(definition))
    return page("JSON report", _INTRO.format(description=schema["description"]), *parts)


def _definition(schema: dict[str, Any]) -> str:
    if "properties" in schema:
        return _object(schema)
    if any("properties" in one for one in schema.get("oneOf", ())):
        return "\n".join(f"- {_keys(one)}" for one in schema["oneOf"])
    return _kind(schema) + "."


def _keys(schema: dict[str, Any]) -> str:
    return ", ".join(f"{code(name)}: {_kind(value)}" for name, value in schema["properties"].items())


def _object(schema: dict[str, Any]) -> str:
    return table(("Key", "Is", ""), _rows(schema, ""))


def _rows(schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    """The keys of an object, and those of objects that have no name of their own as ``outer.inner``."""
    for name, value in schema["properties"].items():
        optional = "" if name in schema.get("required", ()) else "*optional*; "
        yield code(prefix + name), optional + _kind(value), value.get("description", "")
        for inner in (value, *value.get("oneOf", ()), value.get("items", {})):
            if "properties" in inner:
                yield from _rows(inner, f"{prefix}{name}.")


def _kind(schema: dict[str, Any]) -> str:
    """What a value is, in words."""
    if "$ref" in schema:
        _, where, name = schema["$ref"].split("/")
        return f"[{name}](#{name})" if where == "$defs" else f"`{name}` of a [report](#report)"
    if "oneOf" in schema:
        return " or ".join(map(_kind, schema["oneOf"]))
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "enum" in schema:
        return " or ".join(code(json.dumps(one)) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_kind(schema['items'])}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_kind(schema['additionalProperties'])} by name"
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    bound = f" from {schema['minimum']}" if "minimum" in schema else ""
    pattern = f" like {code(schema['pattern'])}" if "pattern" in schema else ""
    return " or ".join(one if one == "null" else one + bound + pattern for one in types)
