"""`salted scorecard`: a day's scorecard or the page of one agent as a file, and whom a name stands for."""

import csv
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from salted_assets.cli import main
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.rolling_rows import END, Engagements
from salted_assets_tests.support.scorecard_rows import write_scored_day

pytestmark = pytest.mark.slow


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory whose demo has one scored day, with two namesakes and a machine."""
    folder = tmp_path_factory.mktemp("scored")
    agents = [
        Engagements(agent="a0", name="Grace Hopper"),
        Engagements(agent="a1", name="Ada Byron", team="North"),
        Engagements(agent="a2", name="Ada Byron", team="South"),
        Engagements(agent="a3", name="Menu", is_bot=True),
    ]
    write_scored_day(Warehouse(str(folder / "data" / "demo"), simulated=True), agents)
    return folder


@pytest.fixture(autouse=True)
def _in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def scorecard(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["scorecard", *arguments])


@pytest.mark.parametrize("who", ["grace hopper", "a0"])
@pytest.mark.parametrize("day", [[], ["--day", f"{END}"], [f"{END}"]])
def test_the_page_of_an_agent_is_a_file_for_its_owner_alone(folder: Path, who: str, day: list[str]) -> None:
    result = scorecard("--agent", who, *day, "--output", "grace.html")

    assert (result.exit_code, result.output) == (0, f"grace.html: the page of one agent of {END}, personal data\n")
    page = (folder / "grace.html").read_text(encoding="utf-8")
    assert "<h1>Grace Hopper</h1>" in page
    assert "Ada Byron" not in page
    assert "<a " not in page, "there is no server beside the file"
    assert stat.S_IMODE((folder / "grace.html").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_without_an_agent_the_scorecard_is_written_over_what_is_there(folder: Path) -> None:
    (folder / "card.html").write_text("an older one", encoding="utf-8")
    result = scorecard(f"{END}", "--output", "card.html")

    assert (result.exit_code, result.output) == (0, f"card.html: the scorecard of {END}, personal data\n")
    card = (folder / "card.html").read_text(encoding="utf-8")
    assert card.startswith("<!doctype html>")
    assert "Grace Hopper" in card
    assert 'href="../' not in card, "there is no server beside the file"


def test_a_card_without_single_people_is_not_called_personal_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALTED_AGENT_LEVEL", "team")
    result = scorecard("--output", "teams.html", "--csv", "teams")

    assert (result.exit_code, "personal data" in result.output) == (0, False)
    assert result.output.count(f"of {END}, without single people") == 2


def test_each_table_is_a_csv_file_beside_or_without_the_page(folder: Path) -> None:
    result = scorecard("--csv", "tables")

    assert result.exit_code == 0, result.output
    assert result.output.startswith(
        f"tables: 18 tables of the scorecard of {END}, personal data: agents.csv, news.csv, restated.csv, "
    )
    files = sorted((folder / "tables").iterdir())
    assert len(files) == 18
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    with (folder / "tables" / "agents.csv").open(encoding="utf-8-sig", newline="") as file:
        agents = list(csv.DictReader(file))
    assert [row["Agent"] for row in agents][-1] == "Grace Hopper"
    assert len(agents) == 3
    assert scorecard("--csv", "tables", "--output", "card.html").output.count("personal data") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--agent", "Ada Byron"], "2 agents are called 'Ada Byron'; name one by the ID:\n  Ada Byron (North)  a1\n"),
        (
            ["--agent", "Grase"],
            f"nobody called 'Grase' has an engagement in the 91 days to {END}; the nearest names:\n",
        ),
        (["--agent", "Grase"], "\n  Grace Hopper (North)  a0\n"),
        (["--agent", "Menu"], "nobody called 'Menu'"),
        (["--agent", "../a0"], "nobody called '../a0'"),
        (["2024-01-01", "--agent", "a0"], "2024-01-01 is not scored; `salted backfill 2024-01-01 2024-01-01` does it"),
        (["2024-01-01"], "2024-01-01 is not scored"),
        (["2024-01-01", "--day", "2024-01-02"], "write either DAY or --day DAY"),
        (["2024-01-01", "--csv", "tables"], "2024-01-01 is not scored"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_is(folder: Path, arguments: list[str], said: str) -> None:
    result = scorecard(*arguments, "--output", "none.html")

    assert result.exit_code != 0
    assert said in result.output
    assert not (folder / "none.html").exists()


def test_where_nothing_is_scored_the_newest_day_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = scorecard("--agent", "a0", "--output", "none.html")

    assert result.exit_code == 1
    assert "no day is scored" in result.output


def test_a_folder_that_is_not_there_is_said() -> None:
    result = scorecard("--agent", "a0", "--output", "nowhere/page.html")

    assert result.exit_code == 1
    assert "nowhere" in result.output
