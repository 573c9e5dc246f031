"""Renders the descriptions of columns and settings as Markdown.

`python -m salted_assets.schemas.docs.pages` rewrites `docs/tables.md`, `docs/scores.md`, `docs/datapackage.json` and
the README's table of settings in the working directory; a test holds them against what this module renders.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from salted_assets.schemas import DATASET_MODELS, FILE_NAMES
from salted_assets.schemas.base import ColumnFacts, columns_of, facts_of
from salted_assets.schemas.docs.datapackage import render_datapackage
from salted_assets.schemas.review_plan import ReviewPlan
from salted_assets.schemas.row_change import ROW_CHANGES
from salted_assets.schemas.score_change import PUBLISHED_FIGURES, ScoreChange
from salted_assets.schemas.scores import SCORE_MODELS, score_facts_of
from salted_assets.settings import GROUPS, KEY_VARIABLE, variable_of

_EXAMPLE = Path(__file__).with_name("scores_example.md")
"""What of `docs/scores.md` is written by hand: a worked example, and what the figures do not tell."""

_SETTINGS = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


def render_pages(readme: str) -> dict[str, str]:
    """The generated pages by their path, the README with its table of settings renewed."""
    return {
        "docs/tables.md": render_tables(),
        "docs/scores.md": render_scores(),
        "docs/datapackage.json": render_datapackage(),
        "README.md": _SETTINGS.sub(lambda found: f"{found[1]}{render_settings()}\n{found[2]}", readme),
    }


def render_settings() -> str:
    """The table of settings, group by group: variable, meaning, default."""
    lines = ["| variable | meaning | default |", "|---|---|---|"]
    key = f"| `{KEY_VARIABLE}` | The vendor's API key. Read at each request, kept nowhere. | none: the simulator |"
    for group in GROUPS:
        lines.append(f"| **{(group.__doc__ or '').rstrip('.')}** | | |")
        lines += [key] if "api_url" in group.model_fields else []
        lines += [
            f"| `{variable_of(name)}` | {field.description} | {_show(field.default)} |"
            for name, field in group.model_fields.items()
            if name != "simulated"
        ]
    return "\n".join(lines)


def render_tables() -> str:
    """The dictionary of the vendor's datasets as stored in `tables/`."""
    parts = ["# Tables", "", _GENERATED, "", _MACHINES, "", _NEWEST, ""]
    for dataset, model in DATASET_MODELS.items():
        facts = facts_of(model)
        parts += [
            f"## tables/{dataset}",
            "",
            f"One row per {facts.grain}. {model.__doc__} Delivered as `{FILE_NAMES[dataset]}`.",
            "",
            *_snippets(dataset),
            *_column_table(columns_of(model)),
            "",
        ]
    return "\n".join(parts)


def render_scores() -> str:
    """How scores are made by an example, and the dictionary of their tables, with what each column is made from."""
    parts = ["# Scores", "", _SCORES, "", _EXAMPLE.read_text(encoding="utf-8")]
    for name, model in SCORE_MODELS.items():
        facts = score_facts_of(model)
        parts += [
            f"## scores/{name}",
            "",
            f"One row per {facts.grain}. {model.__doc__} Key: {', '.join(f'`{column}`' for column in facts.key)}.",
            "",
            *_column_table(columns_of(model), with_sources=True),
            "",
        ]
    kept = ", ".join(f"`changes/{score}`" for score in PUBLISHED_FIGURES)
    parts += [
        "## changes",
        "",
        f"{kept}: one row per figure and replacement. {ScoreChange.__doc__} The view is `score_change`.",
        "",
        *_column_table(columns_of(ScoreChange)),
        "",
    ]
    for name, rows in ROW_CHANGES.items():
        about = f"One row per {score_facts_of(rows).grain}. {rows.__doc__} The view is `{name}_change`."
        parts += [f"## changes/{name}", "", about, "", *_column_table(columns_of(rows)), ""]
    parts += [
        "## plans/review",
        "",
        _PLANS.format(about=ReviewPlan.__doc__),
        "",
        *_column_table(columns_of(ReviewPlan)),
    ]
    parts.append("")
    return "\n".join(parts)


_SCORES = (
    "How an agent comes by a score: [a worked example](#a-worked-example), and [every formula](#every-formula). What "
    "its page is made of: [what the scorecard adds](#what-the-scorecard-adds). When not to trust it: [what the figures "
    "do not tell](#what-the-figures-do-not-tell). Then every column of every table."
    "\n\n"
    "Generated from the table models and `salted_assets/schemas/docs/scores_example.md` by `make docs`; "
    "change those, not this page."
)

_PLANS = (
    "One row per engagement and plan. {about} Stored as `plans/review/plan=<plan_id>/part-0.parquet`, one file each, "
    "whose footer has the settings. The view is `review_plan`, which adds `weight`, `is_done` and `score`."
)

_GENERATED = "Generated from the table models by `make docs`; change the models, not this page."

_MACHINES = (
    "The same for machines, score tables included: [datapackage.json](datapackage.json), a descriptor in the "
    "[Data Package](https://datapackage.org) standard."
)
_NEWEST = """\
Each table comes with three ways to read it, to be run where `data/` is. They give the newest version of each row by
`updated_at` where the vendor delivers it, else by exported day. The views of the catalog also know when each export was
requested, which matters where an old day was exported again: [querying.md](querying.md)."""

_SNIPPETS = """\
```sql
-- DuckDB
FROM read_parquet('data/demo/tables/{dataset}/*/*.parquet', hive_partitioning = true)
QUALIFY row_number() OVER (PARTITION BY pid ORDER BY updated_at DESC NULLS LAST, date DESC) = 1;
```

```python
# pandas
import pandas as pd

{dataset} = (
    pd.read_parquet("data/demo/tables/{dataset}", dtype_backend="pyarrow")
    .sort_values(["updated_at", "date"], na_position="first")
    .drop_duplicates("pid", keep="last")
)
```

```python
# Polars
import polars as pl

{dataset} = (
    pl.scan_parquet("data/demo/tables/{dataset}/*/*.parquet", hive_partitioning=True)
    .sort("updated_at", "date", nulls_last=False)
    .unique("pid", keep="last")
    .collect()
)
```
"""


def _snippets(dataset: str) -> list[str]:
    return _SNIPPETS.format(dataset=dataset).split("\n")


def _column_table(columns: tuple[ColumnFacts, ...], *, with_sources: bool = False) -> Iterator[str]:
    last = "made from" if with_sources else "personal data"
    yield f"| column | type | unit | null | meaning | {last} |"
    yield "|---|---|---|---|---|---|"
    for facts in columns:
        values = f" Known values: {', '.join(facts.known_values)}." if facts.known_values else ""
        extra = ", ".join(f"`{source}`" for source in facts.sources) if with_sources else (facts.personal or "")
        yield (
            f"| `{facts.name}` | {facts.arrow_type} | {facts.unit or ''} | {'yes' if facts.nullable else 'no'} "
            f"| {facts.description}{values} | {extra} |"
        )


def _show(default: object) -> str:
    if isinstance(default, tuple):
        return ", ".join(f"`{item}`" for item in default) or "none"
    return f"`{default}`" if default not in ({}, "", None) else "none"


def main() -> None:
    """Rewrite the pages in the working directory."""
    for name, text in render_pages(Path("README.md").read_text(encoding="utf-8")).items():
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
