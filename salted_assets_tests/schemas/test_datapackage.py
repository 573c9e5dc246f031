"""The dictionaries that are generated are those in `docs/`, and the one for machines keeps to its standard."""

from collections.abc import Callable
from typing import Any

import frictionless
import pytest

from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import columns_of
from salted_assets.schemas.docs.datapackage import build_datapackage
from salted_assets.schemas.docs.pages import render_pages
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets_tests.support.checkout import ROOT

pytestmark = pytest.mark.slow

MODELS = {
    **{f"tables.{name}": model for name, model in DATASET_MODELS.items()},
    **{f"scores.{name}": model for name, model in SCORE_MODELS.items()},
}
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = render_pages(README)


def resources() -> dict[str, dict[str, Any]]:
    return {resource["name"]: resource for resource in build_datapackage()["resources"]}


def fields_of(resource: str) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in resources()[resource]["schema"]["fields"]}


def complaints(package: dict[str, Any]) -> list[str]:
    return [note for (note,) in frictionless.Package.validate_descriptor(package).flatten(["note"])]


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_is_as_the_models_and_settings_are(page: str) -> None:
    assert (ROOT / page).read_text(encoding="utf-8") == PAGES[page], "run `make docs`"


def test_the_datapackage_is_valid() -> None:
    assert complaints(build_datapackage()) == []


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda schema: schema["fields"][0].update(type="texxt"), '"texxt" is not supported'),
        (lambda schema: schema.update(primaryKey=["nobody"]), "primary key"),
        (lambda schema: schema["fields"][1].update(name="pid"), "names of the fields are not unique"),
    ],
)
def test_the_validator_finds_what_is_wrong(spoil: Callable[[dict[str, Any]], None], expected: str) -> None:
    package = build_datapackage()
    spoil(package["resources"][0]["schema"])
    (complaint,) = complaints(package)
    assert expected in complaint


def test_every_column_of_every_table_is_described() -> None:
    described = {name: list(fields_of(name)) for name in resources()}
    assert described == {name: [facts.name for facts in columns_of(model)] for name, model in MODELS.items()}


def test_what_a_field_says_is_what_its_column_is() -> None:
    engagement = fields_of("tables.engagement")
    assert engagement["pid"]["constraints"] == {"required": True}
    assert engagement["agent_name"]["personalData"] == "direct"
    assert engagement["hold_time"] | {"description": ""} == {
        "name": "hold_time",
        "type": "integer",
        "description": "",
        "constraints": {"minimum": 0},
        "unit": "ms",
    }
    assert "Voice" in engagement["channel_type"]["knownValues"]
    assert engagement["updated_at"]["documented"] is False
    assert fields_of("scores.queue_daily")["agent_count"]["madeFrom"] == ["scores/engagement.agent_pid"]


def test_foreign_keys_point_at_keys_that_are_there() -> None:
    found = resources()
    pairs = [(source, key) for source in found.values() for key in source["schema"].get("foreignKeys", [])]
    assert len(pairs) == 6
    for source, key in pairs:
        target = found[key["reference"]["resource"]]
        assert set(key["fields"]) <= fields_of(source["name"]).keys()
        assert key["reference"]["fields"] == target["schema"]["primaryKey"]


def test_a_key_with_columns_that_can_be_null_is_no_primary_key() -> None:
    schemas = {name: resource["schema"] for name, resource in resources().items()}
    assert schemas["scores.agent_daily"]["primaryKey"] == ["start_date", "agent_pid"]
    assert schemas["scores.queue_daily"]["uniqueKeys"] == [["start_date", "queue", "channel_type"]]
    assert "primaryKey" not in schemas["scores.queue_daily"]
