"""`salted sql`: answers in three shapes, at a prompt or at once; nothing is changed, what is wrong is said plainly."""

import csv
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import chdir, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from salted_assets.cli import main
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS
from salted_assets_tests.support.scoring_rows import DAY, at, engagement, write

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

ODD = "SELECT pid, date, 'NaN'::DOUBLE AS nothing, [1, 2] AS several, 7::HUGEINT AS whole FROM engagement_exports"


def write_demo(folder: Path) -> None:
    """One day of engagements in the folder's demo, and no catalog yet."""
    write(Warehouse(str(folder / "data" / "demo")), "engagement", DAY, at(3), [engagement()])


@pytest.fixture(autouse=True, scope="module")
def _the_catalog_has_one_score() -> Iterator[None]:
    """A view of each table takes its time to write."""
    views = {"agent_question": SCORE_MODELS["agent_question"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("salted_assets.output.catalog.views.SCORE_MODELS", views)
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory whose demo has one day of engagements, and no catalog yet."""
    write_demo(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, _the_catalog_has_one_score: None) -> Path:
    """Such a directory whose catalog is there."""
    folder = tmp_path_factory.mktemp("written")
    write_demo(folder)
    with chdir(folder):
        assert ask("FROM engagement").exit_code == 0
    return folder


@pytest.fixture
def shared(written: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one that the tests share which change nothing there."""
    monkeypatch.chdir(written)
    return written


def ask(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(main, ["sql", *arguments], input=given)


def test_rows_come_as_a_table_as_csv_and_as_json(folder: Path) -> None:
    table, as_csv, as_json = ask(ODD), ask(ODD, "--format", "csv"), ask("-", "--format", "json", given=ODD)
    assert (folder / "data/demo/catalog.duckdb").exists(), "it is written where there is none"
    assert "│ e1      │" in table.stdout
    (row,) = csv.DictReader(io.StringIO(as_csv.stdout))
    assert row == {"pid": "e1", "date": f"{DAY}", "nothing": "", "several": "[1, 2]", "whole": "7"}
    assert json.loads(as_json.stdout) == [
        {"pid": "e1", "date": f"{DAY}", "nothing": None, "several": [1, 2], "whole": 7}
    ]
    assert json.loads(ask("FROM turn", "--format", "json").stdout) == []


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("shape", ["table", "csv", "json"])
def test_it_ends_without_a_word_when_its_reader_has_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shape: str
) -> None:
    read, write_end = os.pipe()
    os.close(read)
    # what is left unwritten cannot be written when it is closed, either
    with suppress(BrokenPipeError), os.fdopen(write_end, "w", encoding="utf-8") as left:
        monkeypatch.setattr(sys, "stdout", left)
        with pytest.raises(SystemExit) as ended:
            main.main(["sql", ODD, "--format", shape])
    assert ended.value.code == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("FROM engagemnt", 'Did you mean "engagement"?\nSHOW TABLES lists the views.'),
        ("SELECT pdi FROM engagement", "DESCRIBE and the name of a view list its columns."),
        ("FORM engagement", "It is not SQL that DuckDB understands."),
        ("COPY engagement TO 'stolen.csv'", "only what reads is run here, and this is COPY"),
        ("EXPLAIN ANALYZE COPY engagement TO 'stolen.csv'", "only what reads is run here, and this is EXPLAIN"),
        ("FROM engagement; DROP VIEW engagement", "only what reads is run here, and this is DROP"),
        ("SELECT pid::INT FROM engagement", "Could not convert string"),
        ("SET log_query_path = 'stolen.csv'; FROM engagement", "the configuration has been locked"),
        ("SET profiling_output = 'stolen.csv'; FROM engagement", "the configuration has been locked"),
        ("FROM enable_logging('QueryLog', storage_path = 'stolen.csv')", "the configuration has been locked"),
    ],
)
def test_what_cannot_be_answered_is_said_in_words_and_changes_nothing(shared: Path, query: str, expected: str) -> None:
    result = ask(query)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert expected in result.stderr
    assert "Exception" not in result.stderr
    assert not (shared / "stolen.csv").exists()
    assert ask("FROM engagement", "--format", "csv").exit_code == 0


def test_an_empty_warehouse_has_no_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert "Run `salted backfill` first" in ask("SHOW TABLES").stderr


@pytest.mark.usefixtures("shared")
def test_at_the_prompt_a_query_ends_with_its_semicolon_and_a_wrong_one_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person, terminal = os.openpty()
    os.write(person, b"FROM nowhere;\nSET TimeZone = 'Asia/Tokyo';\nSELECT pid\n\nFROM engagement;\n\x04")
    with os.fdopen(terminal, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        main(["sql", "--format", "csv"], standalone_mode=False)
    os.close(person)
    said = capsys.readouterr()
    assert said.out.startswith("The catalog of ")
    assert "pid\ne1\n" in said.out
    assert said.err.startswith("Error: Table with name nowhere does not exist!")
