"""The views: their names, their columns with what these mean, and their SQL.

Every view names its Parquet files by a pattern, so it shows partitions that came after it was made. Its columns are
those of the table's model whatever the files have: a column that an older file lacks is null there, and a table without
any partition has no rows.

| view | one row per |
|---|---|
| `engagement`, `customer`, `turn`, `review`, `agent` | row of the vendor: its newest version over all exports |
| `engagement_exports`, ... | version of such a row, with `date`, `requested_at_utc` and `file_name` |
| `rejects_engagement`, ... | refused cell or record of a day's file |
| `agent_daily`, ... | as the score table says, with `date`; that of `scores/engagement` is `engagement_scores` |
| `score_change` | figure of a score that was published and has been replaced by another |
| `answer_change`, `engagement_change` | state of an answer or engagement that a replacement changed, with the cause |
| `repeat_contact` | engagement that counts, with the conversations that its contact began within 7 days after it |
| `score_settlement` | start day that is scored and source: the evaluations that are still to come |
| `review_plan` | engagement that a review plan drew, and plan: its weight, and whether it is done |
| `agent_history` | span of time in which an agent's team, department, role, location and manager stayed the same |

The newest version is found by the rule of `schemas.versions`. Few rows have several versions. So their ids are found
first by 64-bit hashes, only these are put in order, and the few outdated versions are then left out of the scan of what
was asked for; a query reads its own columns, and of repeated ids those that the rule looks at. Over 91 days with 3.7
million rows that took half the CPU time of a `row_number()` over all rows, and a memory that does not grow with the
columns asked for.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from glob import escape

import duckdb
import pyarrow as pa

from salted_assets.history import (
    AgentHistory,
    RepeatContact,
    build_agent_history_query,
    build_repeat_contact_query,
)
from salted_assets.history.footers import REQUESTED_AT_KEY
from salted_assets.history.versions import build_outdated_query, build_version_columns
from salted_assets.output.catalog import plan_view, settlement_view
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import Table, arrow_schema, columns_of, facts_of
from salted_assets.schemas.rejects import REJECTS_SCHEMA
from salted_assets.schemas.row_change import ROW_CHANGES
from salted_assets.schemas.score_change import PUBLISHED_FIGURES, ScoreChange
from salted_assets.schemas.scores import SCORE_MODELS, AgentDaily, SettlementScore, score_facts_of

_PARTITION = "date=*/part-0.parquet"
_PARTITION_DATE = {
    "tables": "Day whose window was exported: the partition.",
    "rejects": "Day whose window was exported: the partition.",
    "scores": "Day of the score: the partition.",
}
_FILE_NAME = {"file_name": "The Parquet file that holds the row."}
_ORDERED_AT = {"requested_at_utc": "When the export was requested: the file gives the state at that time. Unit: UTC."}
_REJECTS = {
    "row_number": "Number of the data row in the delivered file, from 1.",
    "pid": "ID of the row, where it could be read.",
    "column": "Column of the refused cell; null where the whole record was refused.",
    "raw_value": "The text as delivered, undecodable bytes as \\xNN; null where it is redacted.",
    "reason": "Why it was refused.",
    "file": "The raw file in the warehouse; null in rejects of before it was recorded.",
}


@dataclass(frozen=True)
class View:
    """A view: its name, what a row is, what each column means in their order, and the query behind it."""

    name: str
    description: str
    columns: Mapping[str, str]
    query: str

    def statements(self) -> Iterator[str]:
        """What creates the view with its comments."""
        yield f"CREATE VIEW {_quoted(self.name)} AS {self.query}"
        yield f"COMMENT ON VIEW {_quoted(self.name)} IS {_literal(self.description)}"
        for column, meaning in self.columns.items():
            yield f"COMMENT ON COLUMN {_quoted(self.name)}.{_quoted(column)} IS {_literal(meaning)}"


def build_views(uri: str, datasets: Collection[str], *, simulated: bool = False) -> list[View]:
    """All views on the warehouse at `uri`, each after those that it is made of; of `simulated` data they say so.

    `datasets` are those that have a partition: the others' views look for footers among all tables' files, because
    DuckDB refuses to look for footers where there is no file at all. With no dataset such views cannot be made.
    """
    views = []
    for dataset, model in DATASET_MODELS.items():
        views += [
            _build_exports_view(uri, dataset, model, has_partition=dataset in datasets),
            _build_newest_view(dataset, model),
            _build_rejects_view(uri, dataset),
        ]
    views += [_build_score_view(uri, name, model) for name, model in SCORE_MODELS.items()]
    views.append(_build_score_change_view(uri))
    views += [_build_row_change_view(uri, score) for score in ROW_CHANGES]
    views.append(_build_score_settlement_view(uri))
    views.append(_build_review_plan_view(uri))
    views.append(_build_agent_history_view())
    views.append(_build_repeat_contact_view())
    return [replace(view, description=f"{view.description} Simulated data.") for view in views] if simulated else views


def name_of_scores(table: str) -> str:
    """The name of a score table's view: its own, but for the one that a dataset has already.

    >>> name_of_scores("engagement"), name_of_scores("agent_daily")
    ('engagement_scores', 'agent_daily')
    """
    return f"{table}_scores" if table in DATASET_MODELS else table


def _build_exports_view(uri: str, dataset: str, model: type[Table], *, has_partition: bool) -> View:
    schema = pa.schema([(facts.name, facts.arrow_type) for facts in columns_of(model)])
    footers = escape(f"{uri}/tables/{dataset}") if has_partition else f"{escape(f'{uri}/tables')}/*"
    day = f"regexp_extract(file_name, '/tables/{dataset}/date=([0-9-]{{10}})/', 1)"
    return View(
        f"{dataset}_exports",
        f"One row per {facts_of(model).grain}: all versions of all exports.",
        {**_meanings(model), "date": _PARTITION_DATE["tables"], **_ORDERED_AT, **_FILE_NAME},
        f"""
        WITH footer AS (
            SELECT try_cast({day} AS DATE) AS date, try_cast(decode(value) AS TIMESTAMPTZ) AS requested_at_utc
            FROM parquet_kv_metadata({_literal(f"{footers}/{_PARTITION}")})
            WHERE decode(key) = {_literal(REQUESTED_AT_KEY)}
        )
        SELECT stored.* EXCLUDE (file_name), requested_at_utc, file_name
        FROM ({_stored(uri, ("tables", dataset), schema)}) AS stored
        LEFT JOIN footer USING (date)
        """,  # noqa: S608 - names of our own columns, paths in quotes
    )


def _build_newest_view(dataset: str, model: type[Table]) -> View:
    versions = f"{dataset}_exports"
    undated = _literal(
        f"a partition of tables/{dataset} does not say when its export was requested, so its rows cannot be compared "
        f"with other exports'. {versions} shows it: the one whose requested_at_utc is null. Materialize it again."
    )
    columns = ", ".join(_quoted(facts.name) for facts in columns_of(model))
    return View(
        dataset,
        f"One row per {dataset}: its newest version over all exports. {model.__doc__}",
        _meanings(model),
        f"""
        WITH repeated AS (
            SELECT hash(pid) AS pid_hash FROM {versions} GROUP BY ALL HAVING count(*) > 1
        ), version AS (
            SELECT
                {build_version_columns(dataset)},
                coalesce(requested_at_utc, error({undated})) AS requested_at_utc
            FROM {versions} WHERE hash(pid) IN (FROM repeated)
        ), outdated AS (
            {build_outdated_query("version")}
        )
        SELECT {columns} FROM {versions} ANTI JOIN outdated USING (pid, date)
        """,  # noqa: S608 - names of our own views and columns
    )


def _build_rejects_view(uri: str, dataset: str) -> View:
    return View(
        f"rejects_{dataset}",
        f"One row per cell of {dataset} that was refused or, where `column` is null, per record.",
        {**_REJECTS, "date": _PARTITION_DATE["rejects"], **_FILE_NAME},
        _stored(uri, ("rejects", dataset), REJECTS_SCHEMA),
    )


def _build_score_view(uri: str, table: str, model: type[Table]) -> View:
    schema = pa.schema([(facts.name, facts.arrow_type) for facts in columns_of(model)])
    return View(
        name_of_scores(table),
        f"One row per {score_facts_of(model).grain}. {model.__doc__}",
        {**_meanings(model), "date": _PARTITION_DATE["scores"], **_FILE_NAME},
        _stored(uri, ("scores", table), schema),
    )


def _build_score_change_view(uri: str) -> View:
    schema = pa.schema([(facts.name, facts.arrow_type) for facts in columns_of(ScoreChange)])
    parts = [
        f"SELECT {_literal(f'scores/{score}')} AS score, * FROM ({_stored(uri, ('changes', score), schema)})"  # noqa: S608
        for score in PUBLISHED_FIGURES
    ]
    return View(
        "score_change",
        f"One row per figure and replacement. {ScoreChange.__doc__}",
        {
            "score": "The score table.",
            **_meanings(ScoreChange),
            "date": _PARTITION_DATE["scores"],
            **_FILE_NAME,
        },
        " UNION ALL ".join(parts),
    )


def _build_row_change_view(uri: str, score: str) -> View:
    model = ROW_CHANGES[score]
    schema = pa.schema([(facts.name, facts.arrow_type) for facts in columns_of(model)])
    return View(
        f"{score}_change",
        f"One row per {score_facts_of(model).grain}. {model.__doc__}",
        {**_meanings(model), "date": _PARTITION_DATE["scores"], **_FILE_NAME},
        _stored(uri, ("changes", score), schema),
    )


def _build_score_settlement_view(uri: str) -> View:
    """It reads the few columns that it needs from the files, and not through the view of a table with hundreds."""
    counts = [arrow_schema(AgentDaily).field(name) for name in settlement_view.DAILY_COLUMNS]
    daily = _stored(uri, ("scores", "agent_daily"), pa.schema(counts))
    settlement = _stored(uri, ("scores", "settlement"), arrow_schema(SettlementScore))
    query = settlement_view.build_settlement_query(f"({daily})", f"({settlement})", "review_exports")
    return View("score_settlement", settlement_view.DESCRIPTION, settlement_view.COLUMNS, query)


def _build_review_plan_view(uri: str) -> View:
    answers = _stored(uri, ("scores", "answer"), plan_view.ANSWER_SCHEMA)
    types = _sql_types(plan_view.SCHEMA)
    nothing = ", ".join(f"NULL::{kind} AS {_quoted(name)}" for name, kind in types.items())
    columns = ", ".join(f"{_quoted(name)}::{kind} AS {_quoted(name)}" for name, kind in types.items())
    pattern = _literal(f"{escape(f'{uri}/plans/review')}/plan=*/part-0.parquet")
    plans = f"""
        SELECT {columns} FROM (
            SELECT {nothing} WHERE false
            UNION ALL BY NAME
            SELECT * FROM read_parquet({pattern}, hive_partitioning = false, union_by_name = true, allow_empty = true)
        )
    """  # noqa: S608 - names of our own columns, a path in quotes
    query = plan_view.build_plan_query(f"({plans})", f"({answers})")
    return View("review_plan", plan_view.DESCRIPTION, plan_view.COLUMNS, query)


def _build_agent_history_view() -> View:
    return View(
        "agent_history",
        f"One row per agent and span of time. {AgentHistory.__doc__}",
        _meanings(AgentHistory),
        build_agent_history_query("agent_exports", "engagement"),
    )


def _build_repeat_contact_view() -> View:
    return View(
        "repeat_contact",
        f"One row per engagement that counts. {RepeatContact.__doc__}",
        _meanings(RepeatContact),
        build_repeat_contact_query("engagement_exports", "engagement"),
    )


def _stored(uri: str, key: tuple[str, str], schema: pa.Schema) -> str:
    """The rows of a table's files with exactly the schema's columns, then `date` and `file_name`."""
    types = {**_sql_types(schema), "date": "DATE", "filename": "VARCHAR"}
    nothing = ", ".join(f"NULL::{kind} AS {_quoted(name)}" for name, kind in types.items())
    columns = ", ".join(f"{_quoted(name)}::{kind} AS {_quoted(name)}" for name, kind in types.items())
    folder, table = key
    pattern = _literal(f"{escape(f'{uri}/{folder}/{table}')}/{_PARTITION}")
    return f"""
        SELECT {columns.removesuffix('"filename"')}file_name FROM (
            SELECT {nothing} WHERE false
            UNION ALL BY NAME
            SELECT * FROM read_parquet(
                {pattern}, filename = true, hive_partitioning = true, hive_types = {{'date': DATE}},
                union_by_name = true, allow_empty = true
            )
        )
    """  # noqa: S608 - names of our own columns, a path in quotes


def _sql_types(schema: pa.Schema) -> dict[str, str]:
    with duckdb.connect() as connection:
        relation = connection.from_arrow(schema.empty_table())
        return dict(zip(relation.columns, map(str, relation.types), strict=True))


def _meanings(model: type[Table]) -> dict[str, str]:
    return {
        facts.name: f"{facts.description} Unit: {facts.unit}." if facts.unit else facts.description
        for facts in columns_of(model)
    }


def _quoted(name: str) -> str:
    return f'"{name}"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
