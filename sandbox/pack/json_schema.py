"""The JSON Schema (2020-12) that the JSON face keeps to, written beside it."""

import json
from typing import Any

VERSION = 1
"""Version of the format."""


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}

_FLAG = {"type": "boolean"}

_TEXTS = {"type": "array", "items": _TEXT}

_NAMED = {"type": "object", "additionalProperties": _TEXT}


def _kind(kind: str, **properties: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    return _object({"kind": {"const": kind}, **properties})


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": f"Evidence pack, schema {VERSION}",
    **_object(
        {
            "schema": {"const": VERSION},
            "title": _TEXT,
            "marking": {"type": "string", "minLength": 1},
            "public": _FLAG,
            "notices": {"type": "array", "items": _object({"word": _TEXT, "meaning": _TEXT})},
            "provenance": _object(
                {
                    "plan": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                    "use_case": _TEXT,
                    "data": _NAMED,
                    "data_status": {"enum": ["demo", "public", "protected"]},
                    "snapshots": _NAMED,
                    "versions": _NAMED,
                    "seeds": {"enum": ["published", "held by the forces"]},
                    "noise": _TEXT,
                    "fixed": {"type": "string", "format": "date-time"},
                }
            ),
            "sections": {
                "type": "array",
                "minItems": 1,
                "items": _object(
                    {
                        "number": _TEXT,
                        "title": _TEXT,
                        "blocks": {
                            "type": "array",
                            "items": {
                                "oneOf": [
                                    _kind("text", tone=_TEXT, text=_TEXT, anchor=_TEXT),
                                    _kind("list", items=_TEXTS, anchor=_TEXT),
                                    _kind("heading", text=_TEXT),
                                    _kind(
                                        "figure",
                                        file=_TEXT,
                                        finding=_TEXT,
                                        alternative=_TEXT,
                                        anchor=_TEXT,
                                    ),
                                    _kind(
                                        "blank",
                                        key=_TEXT,
                                        number={"type": "integer", "minimum": 1},
                                        question=_TEXT,
                                        by=_TEXT,
                                        answer=_TEXT,
                                    ),
                                    _kind(
                                        "table",
                                        slug=_TEXT,
                                        caption=_TEXT,
                                        headings=_TEXTS,
                                        rows={"type": "array", "items": _TEXTS},
                                        note=_TEXT,
                                        controlled=_FLAG,
                                        file=_TEXT,
                                        anchor=_TEXT,
                                    ),
                                ]
                            },
                        },
                    }
                ),
            },
            "numbers": {
                "type": "array",
                "items": _object(
                    {
                        "anchor": _TEXT,
                        "text": {"type": "string", "pattern": "[0-9⁰¹²³⁴⁵⁶⁷⁸⁹]"},
                        "section": _TEXT,
                        "from": _TEXT,
                        "table": _TEXT,
                        "row": _TEXT,
                        "column": _TEXT,
                        "option": _TEXT,
                        "runs": _TEXTS,
                        "seed": {"enum": ["operating system", "as stated"]},
                    },
                    "table",
                    "row",
                    "column",
                    "option",
                    "runs",
                    "seed",
                ),
            },
        }
    ),
}
"""JSON Schema (2020-12) of the JSON face, written beside it."""


def schema() -> bytes:
    """The schema as a file."""
    return (json.dumps(SCHEMA, indent=1) + "\n").encode()
