"""The dictionary of all tables for machines: a descriptor of version 2 of the Data Package standard.

Beside the standard's own properties a field has ours: `unit`, `personalData`, `knownValues` (compared without regard to
case, others land too: hence no `enum`), `madeFrom`, and `documented` where the vendor's page does not list the column.
"""

import json
from collections.abc import Sequence
from typing import Any

from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import ColumnFacts, Table, columns_of, facts_of, type_names_of
from salted_assets.schemas.references import REFERENCES
from salted_assets.schemas.scores import SCORE_MODELS, score_facts_of

_DESCRIPTION = (
    "What the platform stores, as Parquet in hive folders, one file a day: `path` names the file of one day as an "
    "example, and every partition has the same columns. Keys hold within a file. A foreign key says where a column "
    "points: the row may have been delivered on another day."
)
_EXAMPLE_DAY = "date=2024-01-31"


def render_datapackage() -> str:
    """The descriptor as indented JSON with a line break at its end."""
    return json.dumps(build_datapackage(), indent=1, ensure_ascii=False) + "\n"


def build_datapackage() -> dict[str, Any]:
    """The descriptor: a resource for each dataset, then each score table, in their documented order."""
    tables = [_describe_dataset(dataset, model) for dataset, model in DATASET_MODELS.items()]
    scores = [_describe_score(name, model) for name, model in SCORE_MODELS.items()]
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "salted-assets",
        "title": "Contact-centre data exported from Salted CX, and scores made from them",
        "description": _DESCRIPTION,
        "resources": [*tables, *scores],
    }


def _describe_dataset(dataset: str, model: type[Table]) -> dict[str, Any]:
    schema = {**_describe_fields(model), **_describe_key(model, ("pid",))}
    references = [
        {"fields": [reference.column], "reference": {"resource": f"tables.{reference.target}", "fields": ["pid"]}}
        for reference in REFERENCES.get(dataset, ())
    ]
    if references:
        schema["foreignKeys"] = references
    return _describe_resource("tables", dataset, model, facts_of(model).grain, schema)


def _describe_score(name: str, model: type[Table]) -> dict[str, Any]:
    facts = score_facts_of(model)
    return _describe_resource(
        "scores", name, model, facts.grain, {**_describe_fields(model), **_describe_key(model, facts.key)}
    )


def _describe_resource(layer: str, name: str, model: type[Table], grain: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{layer}.{name}",
        "type": "table",
        "path": f"{layer}/{name}/{_EXAMPLE_DAY}/part-0.parquet",
        "format": "parquet",
        "description": f"One row per {grain}. {model.__doc__}",
        "schema": schema,
    }


def _describe_fields(model: type[Table]) -> dict[str, Any]:
    return {"fields": [_describe_field(facts) for facts in columns_of(model)]}


def _describe_key(model: type[Table], key: Sequence[str]) -> dict[str, Any]:
    """A primary key, or a unique one where a column of it can be null, which no primary key may be."""
    nullable = {facts.name for facts in columns_of(model) if facts.nullable}
    return {"uniqueKeys": [list(key)]} if nullable & set(key) else {"primaryKey": list(key)}


def _describe_field(facts: ColumnFacts) -> dict[str, Any]:
    limits = {"minimum": facts.minimum, "maximum": facts.maximum}
    constraints = {
        **({} if facts.nullable else {"required": True}),
        **{word: limit for word, limit in limits.items() if limit is not None},
    }
    described = {
        "name": facts.name,
        "type": type_names_of(facts.arrow_type).data_package,
        "description": facts.description,
        "constraints": constraints,
        "unit": facts.unit,
        "personalData": facts.personal,
        "knownValues": list(facts.known_values),
        "madeFrom": list(facts.sources),
    }
    kept = {word: value for word, value in described.items() if value}
    return kept if facts.documented else {**kept, "documented": False}
