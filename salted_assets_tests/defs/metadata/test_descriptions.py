"""What an analyst reads of each asset: warnings, owners, links, the lineage of every column, and a preview of rows."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.metadata.descriptions import WARNING_TAG, page_of
from salted_assets.defs.metadata.previews import COLUMNS_SHOWN, ROWS_SHOWN, build_preview, read_preview
from salted_assets.schemas import DATASET_MODELS, FILE_NAMES
from salted_assets.schemas.base import ColumnFacts, Table, arrow_schema, columns_of, csv_header
from salted_assets.schemas.docs.pages import render_pages
from salted_assets.schemas.engagement import AI_SCORES, ENGAGEMENT_TYPES
from salted_assets.schemas.lineage import list_sources
from salted_assets.schemas.review import REVIEW_TYPES
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.schemas.usage import USAGE_WARNINGS, list_warnings
from salted_assets.settings import Settings, SettingsError
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.support.platform import KNOWN_WARNINGS, build_defs

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

MODELS: dict[str, type[Table]] = {
    **{f"tables/{name}": model for name, model in DATASET_MODELS.items()},
    **{f"scores/{name}": model for name, model in SCORE_MODELS.items()},
}
CONSTANTS = {"unit", "unit_of_count"}
"""Columns that say the same in every deployment, of no source."""

REAL = Settings(api_url="https://api.example.test", start_date=date(2024, 3, 1), owners=("team:quality", "a@b.example"))
SIMULATED = Settings.load({})
SENTINEL = "Ada Lovelace +420 555 0100"


def specs_of(settings: Settings) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in build_defs(settings).resolve_all_asset_specs()}


def lineage_of(spec: dg.AssetSpec) -> dict[str, list[tuple[str, str]]]:
    lineage = spec.metadata["dagster/column_lineage"]
    assert isinstance(lineage, dg.TableColumnLineage)
    return {
        column: [(dep.asset_key.to_user_string(), dep.column_name) for dep in deps]
        for column, deps in lineage.deps_by_column.items()
    }


def columns_known() -> dict[str, set[str]]:
    """The columns of each asset, those of the delivered files for the raw export."""
    known = {path: {facts.name for facts in columns_of(model)} for path, model in MODELS.items()}
    known["raw/export"] = {
        f"{FILE_NAMES[dataset]}:{name}"
        for dataset, model in DATASET_MODELS.items()
        for name in [*csv_header(model), "updated_at"]
    }
    return known


def test_every_computed_column_has_sources_and_every_delivered_one_its_csv_column() -> None:
    for path, spec in specs_of(SIMULATED).items():
        if path in MODELS:
            missing = {facts.name for facts in columns_of(MODELS[path])} - lineage_of(spec).keys()
            assert missing <= CONSTANTS, path
            assert path.startswith("scores/") or not missing


def test_every_source_is_a_column_of_an_asset_that_is_upstream() -> None:
    known, specs = columns_known(), specs_of(SIMULATED)
    for path, spec in specs.items():
        if path in MODELS:
            upstream = {dep.asset_key.to_user_string() for dep in spec.deps}
            for column, sources in lineage_of(spec).items():
                for table, source in sources:
                    assert table in upstream, (path, column, table)
                    assert source in known[table], (path, column, table, source)


def test_the_sources_of_an_accounts_columns_are_its_own_assets() -> None:
    specs = specs_of(Settings.load({"SALTED_ACCOUNT": "north"}))
    checked = 0
    for path in MODELS:
        spec = specs[f"north/{path}"]
        tables = {table for sources in lineage_of(spec).values() for table, _ in sources}
        assert tables <= {dep.asset_key.to_user_string() for dep in spec.deps}, path
        assert tables <= specs.keys(), path
        checked += len(tables)
    assert checked > len(MODELS)


def test_a_delivered_column_comes_from_the_column_of_its_file() -> None:
    assert list_sources("tables", "engagement")["empathy"] == (("raw/export", "engagements.csv:empathy"),)


def test_sources_of_all_measures_of_a_window_are_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "salted_assets.schemas.lineage.columns_of",
        lambda _: [
            ColumnFacts("mean", "", pa.float64(), nullable=True, sources=("scores/agent_daily.<measure>_count",)),
        ],
    )
    found = dict.fromkeys(column for _, column in list_sources("scores", "agent_daily")["mean"])
    assert {"empathy_count", "service_level_judged_count", "engagement_count"} <= found.keys()
    assert found.keys() <= columns_known()["scores/agent_daily"]


def test_what_is_neither_table_nor_score_has_no_lineage() -> None:
    with pytest.raises(KeyError):
        list_sources("raw", "export")
    with pytest.raises(KeyError):
        list_sources("scores", "nobody")


def test_column_descriptions_end_with_what_the_column_is_made_from() -> None:
    schema = specs_of(SIMULATED)["scores/engagement"].metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    described = {column.name: str(column.description) for column in schema.columns}
    expected = "From tables/engagement: preparation_time, engagement_time, wrap_up_time, refused_columns."
    assert described["handle_time_ms"].endswith(expected)
    assert described["turn_count"].endswith("From tables/turn: engagement_pid.")


def constraints_of(path: str) -> dict[str, list[str]]:
    schema = specs_of(SIMULATED)[path].metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    return {column.name: list(column.constraints.other) for column in schema.columns}


def test_columns_show_the_bounds_that_their_checks_hold_values_to() -> None:
    delivered, scored = constraints_of("tables/engagement"), constraints_of("scores/agent_daily")
    assert delivered["engagement_time"] == ["≥ 0"]
    assert delivered["empathy"] == []
    assert scored["engagement_count"] == ["≥ 1"]
    assert constraints_of("scores/answer")["score"] == ["0 to 1"]


@pytest.mark.parametrize("path", MODELS)
def test_every_numeric_check_of_a_model_is_a_bound_in_the_ui(path: str) -> None:
    shown = constraints_of(path)
    for name, column in MODELS[path].to_schema().columns.items():
        numbers = [value for check in column.checks for value in check.statistics.values() if isinstance(value, int)]
        bounds = [each for each in shown[name] if each not in {"key", "part of the key"}]
        assert re.findall(r"-?\d+", " ".join(bounds)) == [str(number) for number in numbers]


def test_the_key_of_a_table_is_marked_and_not_called_unique() -> None:
    assert constraints_of("tables/turn")["pid"] == ["key"]
    assert constraints_of("scores/agent_daily")["agent_pid"] == ["part of the key"]
    schema = specs_of(SIMULATED)["tables/turn"].metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert not any(column.constraints.unique for column in schema.columns)


def implied(path: str, model: type[Table]) -> set[str]:
    """The warnings that the columns of a table call for."""
    columns = {facts.name: facts for facts in columns_of(model)}
    layer = path.partition("/")[0]
    engagement_types = {facts.known_values for facts in columns.values()} & {tuple(ENGAGEMENT_TYPES)}
    review_types = {facts.known_values for facts in columns.values()} & {tuple(REVIEW_TYPES)}
    names_a_scale = any("scale" in facts.description and "publish" in facts.description for facts in columns.values())
    shows_scores = any(name.startswith((*AI_SCORES, "sentiment")) for name in columns) or "measure" in columns
    checks = {
        "several_versions": layer == "tables",
        "not_only_agents": bool(engagement_types),
        "current_attributes": path == "tables/agent",
        "several_sources": bool(review_types) or (layer == "scores" and "source" in columns),
        "unpublished_scale": shows_scores or (path == "tables/turn" and names_a_scale),
        "personal_data": any(facts.personal in {"direct", "indirect"} for facts in columns.values()),
        "free_text": any(facts.personal == "content" for facts in columns.values()),
        "restated": layer == "scores" and "start_date" in columns,
        "overlapping_windows": "end_date" in columns,
    }
    assert checks.keys() == USAGE_WARNINGS.keys() - {"simulated"}
    return {name for name, holds in checks.items() if holds}


@pytest.mark.parametrize("path", MODELS)
def test_each_table_has_the_warnings_that_its_columns_call_for(path: str) -> None:
    assert set(list_warnings(path, simulated=False)) == implied(path, MODELS[path])


def test_warnings_are_shown_after_the_grain_and_as_tags() -> None:
    for settings in (SIMULATED, REAL):
        for path, spec in specs_of(settings).items():
            held = {tag.removeprefix(WARNING_TAG) for tag in spec.tags if tag.startswith(WARNING_TAG)}
            assert held == set(list_warnings(path, simulated=False))
            text = str(spec.description)
            assert text.startswith("One ")
            shown = {name for name, words in USAGE_WARNINGS.items() if f"- {words}" in text}
            assert shown == held | ({"simulated"} if settings.simulated else set())
            assert not shown or text.split("\n\n")[1] == "Before you use it:"


def test_owners_of_the_settings_are_those_of_every_asset() -> None:
    assert all(spec.owners == ["team:quality", "a@b.example"] for spec in specs_of(REAL).values())
    assert all(spec.owners == [] for spec in specs_of(SIMULATED).values())
    assert Settings.load({"SALTED_OWNERS": " team:quality, a@b.example "}).owners == REAL.owners


@pytest.mark.parametrize("owners", ["quality", "team:", "a@b", "a b@c.example"])
def test_an_owner_that_dagster_would_not_take_is_refused(owners: str) -> None:
    with pytest.raises(SettingsError, match="SALTED_OWNERS: write e-mail addresses or team:name"):
        Settings.load({"SALTED_OWNERS": owners})


def headings_of(page: str) -> set[str]:
    """The anchors of a page's headings, as code hosts make them; of a generated page as it is generated now."""
    text = render_pages("").get(page) or (ROOT / page).read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_asset_links_to_a_page_and_heading_that_are_there() -> None:
    for path, spec in specs_of(SIMULATED).items():
        page, _, heading = str(spec.metadata["docs"]).partition("#")
        assert spec.metadata["docs"] == page_of(dg.AssetKey(path.split("/")))
        assert not heading or heading in headings_of(page), path
        assert (spec.description or "").endswith(f"\n\nMore: `{page_of(spec.key)}`\n"), path


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        (
            {"docs_url": "https://git.example.test/main", "reports_url": "http://127.0.0.1:3010"},
            "https://git.example.test/main",
        ),
        ({"reports_url": "http://127.0.0.1:3010"}, "http://127.0.0.1:3010"),
    ],
)
def test_where_the_docs_can_be_read_both_mentions_are_links(settings: dict[str, str], base: str) -> None:
    for path, spec in specs_of(SIMULATED.model_copy(update=settings)).items():
        address = f"{base}/{page_of(spec.key)}"
        assert spec.metadata["docs"] == dg.MetadataValue.url(address), path
        assert (spec.description or "").endswith(f"\n\nMore: [{page_of(spec.key)}]({address})\n"), path


def test_every_asset_links_to_its_code() -> None:
    for path, spec in specs_of(SIMULATED).items():
        references = spec.metadata["dagster/code_references"]
        assert isinstance(references, dg.CodeReferencesMetadataValue)
        (reference,) = references.code_references
        assert isinstance(reference, dg.LocalFileCodeReference)
        assert Path(reference.file_path).parent == ROOT / "salted_assets" / "defs" / "assets", path


def rows_of(model: type[Table], count: int) -> pa.Table:
    """Rows with the sentinel in each text column that has a personal-data class, and plain text in the others."""
    samples = {
        pa.string(): "plain",
        pa.int64(): 7,
        pa.float64(): 0.123456789,
        pa.bool_(): True,
        pa.date32(): date(2024, 1, 10),
        pa.list_(pa.string()): ["length"],
        pa.timestamp("us", tz="UTC"): datetime(2024, 1, 10, 8, 30, tzinfo=UTC),
    }
    row = {
        facts.name: SENTINEL if facts.personal and facts.arrow_type == pa.string() else samples[facts.arrow_type]
        for facts in columns_of(model)
    }
    return pa.Table.from_pylist([row] * count, schema=arrow_schema(model))


@pytest.mark.parametrize("path", MODELS)
def test_no_preview_shows_a_column_of_a_personal_class(path: str) -> None:
    model = MODELS[path]
    personal = {facts.name for facts in columns_of(model) if facts.personal}
    preview = str(build_preview(rows_of(model, 9), columns_of(model))["preview"].value)
    header, _, *lines = preview.splitlines()
    shown = [name.strip().replace("\\", "") for name in header.strip("|").split("|")]
    assert not personal & set(shown)
    assert SENTINEL not in preview
    assert 0 < len(shown) <= COLUMNS_SHOWN
    assert len(lines) == ROWS_SHOWN


def test_a_preview_of_a_file_reads_its_first_row_group(tmp_path: Path) -> None:
    model, path = DATASET_MODELS["turn"], tmp_path / "turn.parquet"
    rows = rows_of(model, 30)
    pq.write_table(rows, path, row_group_size=10)
    cut = path.read_bytes()
    second = pq.ParquetFile(path).metadata.row_group(1).column(0)
    start = second.dictionary_page_offset or second.data_page_offset
    third_end = pq.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset
    path.write_bytes(cut[:start] + bytes(third_end - start) + cut[third_end:])
    with pq.ParquetFile(path) as file:
        with pytest.raises(OSError, match=r"."):
            file.read_row_group(1)
        assert read_preview(file, columns_of(model)) == build_preview(rows, columns_of(model))


def test_a_preview_passes_over_an_empty_first_row_group(tmp_path: Path) -> None:
    model, path = DATASET_MODELS["agent"], tmp_path / "agent.parquet"
    with pq.ParquetWriter(path, arrow_schema(model)) as writer:
        writer.write_table(rows_of(model, 0))
        writer.write_table(rows_of(model, 6))
    with pq.ParquetFile(path) as file:
        assert file.metadata.row_group(0).num_rows == 0
        assert read_preview(file, columns_of(model)) == build_preview(rows_of(model, 5), columns_of(model))


def test_a_preview_without_rows_shows_the_columns(tmp_path: Path) -> None:
    model, path = DATASET_MODELS["review"], tmp_path / "review.parquet"
    for row_groups in ([], [rows_of(model, 0)]):
        with pq.ParquetWriter(path, arrow_schema(model)) as writer:
            for rows in row_groups:
                writer.write_table(rows)
        with pq.ParquetFile(path) as file:
            preview = str(read_preview(file, columns_of(model))["preview"].value)
        assert len(preview.splitlines()) == 2
        assert preview.startswith("| pid |")


def test_cells_cannot_break_the_table_and_long_ones_are_cut() -> None:
    columns = [ColumnFacts(name, "", pa.string(), nullable=True) for name in ("a", "b", "c")]
    rows = pa.table({"a": ["x|y\n<b>*z*"], "b": pa.array([None], pa.string()), "c": ["w" * 50], "unknown": [SENTINEL]})
    assert str(build_preview(rows, columns)["preview"].value).splitlines() == [
        "| a | b | c |",
        "| --- | --- | --- |",
        rf"| x\|y \<b\>\*z\* |  | {'w' * 39}… |",
    ]
    assert build_preview(rows, []) == {}
