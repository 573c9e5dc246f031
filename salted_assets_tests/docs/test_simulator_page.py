"""docs/simulator.md has every option of `salted simulate` and every fault, and the body that it shows is one."""

import json
import re
from dataclasses import fields

import click
import pytest

from salted_assets.simulator import DataFaults, Faults, Refusal
from salted_assets.simulator.__main__ import main
from salted_assets_tests.support.checkout import ROOT

PAGE = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")


def rows(first_cell: str) -> list[str]:
    """The names in the first cells of the table whose head begins so."""
    table = PAGE.partition(f"\n| {first_cell} |")[2].partition("\n\n")[0]
    return [name for line in table.splitlines()[2:] for name in re.findall(r"`([\w-]+)", line.split("|")[1])]


def test_every_option_is_documented_with_its_default() -> None:
    assert rows("option") == [*(option.opts[0] for option in main.params), "-h", "--help"]
    for option in main.params:
        shown = next(line for line in PAGE.splitlines() if line.startswith(f"| `{option.opts[0]}")).split("|")[-2]
        assert isinstance(option, click.Option)
        expected = "off" if option.is_flag else str(option.default).removesuffix(".0")
        assert shown.strip().strip("`") == expected


@pytest.mark.parametrize(
    ("head", "kind"), [("switch | value | what happens", Faults), ("switch | value | what is wrong", DataFaults)]
)
def test_every_switch_is_documented(head: str, kind: type[Faults] | type[DataFaults]) -> None:
    assert rows(head) == [each.name for each in fields(kind)]


def test_every_field_of_a_refusal_is_documented() -> None:
    assert set(rows("field | value | meaning")) == {each.name for each in fields(Refusal)}


def test_the_body_that_is_shown_is_what_it_says() -> None:
    (body,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    faults = Faults.from_json(json.loads(body))
    assert faults == Faults(
        refusals=(Refusal("post", 429, times=2, retry_after="3"),),
        failed_exports=1,
        data=DataFaults(bad_cells={"engagement": 0.1}),
    )
