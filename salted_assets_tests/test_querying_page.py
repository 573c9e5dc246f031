"""What the page on querying shows works: every query and snippet is run on simulated days."""

import contextlib
import importlib.util
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from salted_assets.catalog import build_views, open_catalog, write_catalog
from salted_assets.tables import DATASET_MODELS
from salted_assets.tables.scores import SCORE_MODELS
from salted_assets_tests.running_platform import KNOWN_WARNINGS, Platform, running_platform

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

PAGE = (Path(__file__).parent.parent / "docs" / "querying.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
MAY_BE_EMPTY = {"FROM agent_history AS now", "FROM review_exports", "FROM rejects_engagement", "HAVING count(*) >= 20"}
"""What two small days need not have: moves between teams, late changes, refused cells, many answers to one question."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Two days of simulated data with their catalog, in a folder of the name that the page uses."""
    folder = tmp_path_factory.mktemp("querying")
    with running_platform(folder) as platform:
        daily = '+key:"scores/agent_daily" or group:"tables"'
        assert platform.materialize_range("2024-01-10", "2024-01-11", daily).success
        write_catalog(platform.warehouse)
        (folder / "data").mkdir()
        (folder / "data" / "demo").symlink_to(platform.folder)
        yield platform


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: " ".join(query.split())[:50])
def test_a_query_answers(platform: Platform, query: str) -> None:
    with open_catalog(platform.warehouse) as catalog:
        rows = catalog.sql(query).fetchall()
    assert rows or any(words in query for words in MAY_BE_EMPTY)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.split("\n")[0])
def test_a_snippet_runs(platform: Platform, snippet: str) -> None:
    program = compile(snippet, "docs/querying.md", "exec")
    if "polars" in snippet and importlib.util.find_spec("polars") is None:
        return
    said = io.StringIO()
    with contextlib.chdir(platform.folder.parent), contextlib.redirect_stdout(said):
        exec(program, {})
    assert len(said.getvalue().splitlines()) > 2


def test_ten_questions_are_asked_and_every_view_of_the_vendors_data_is_named() -> None:
    questions = PAGE.partition("## Ten questions")[2].partition("## pandas")[0]
    assert questions.count("```sql") == 10
    scores = {"engagement_scores" if name == "engagement" else name for name in SCORE_MODELS}
    views = {view.name for view in build_views("/lake", DATASET_MODELS)} - scores
    assert [name for name in sorted(views) if f"`{name}`" not in PAGE] == []
