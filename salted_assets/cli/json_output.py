"""The one JSON document that `--json` puts on standard output; docs/commands.md has its fields."""

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import Any

import click


def echo_json(document: Mapping[str, Any]) -> None:
    """Print the document: days as YYYY-MM-DD, instants in UTC, dataclasses by their fields."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=_to_plain))


def _to_plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
