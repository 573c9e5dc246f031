"""What each asset's page in the UI says beside its own words, said once for all of them.

Owners, warnings before use (`schemas.usage` has the words), column lineage, where to read more, where the code is.

The lineage of columns belongs to the definition, not to each materialization: it is the same every day, and that of a
wide score is longer than all else that is recorded of a day.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import dagster as dg

from salted_assets.defs.metadata.columns import build_column_lineage
from salted_assets.schemas.usage import SIMULATED, USAGE_WARNINGS, list_warnings
from salted_assets.settings import Settings

WARNING_TAG = "usage/"
"""What the tag of a warning begins with; its name follows. Whether data are simulated has a tag of its own."""

_PAGES = {
    "raw/export": "docs/concepts.md#an-export",
    "raw/export_history": "docs/operations.md#which-exports-at-the-vendor-are-ours",
    "raw/retention": "docs/operations.md#how-long-are-raw-files-kept",
    "rejects/retention": "docs/operations.md#how-long-are-rejects-changes-and-runs-kept",
    "changes/retention": "docs/operations.md#how-long-are-rejects-changes-and-runs-kept",
    "report/scorecard": "docs/scores.md",
    "catalog": "docs/querying.md",
}
_LAYERS_WITH_COLUMNS = {"tables", "scores"}


def with_documentation(assets: Iterable[dg.AssetsDefinition], settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets, each with its owners, warnings, lineage and links; nothing that they say themselves is lost."""

    def add(spec: dg.AssetSpec) -> dg.AssetSpec:
        return _document(spec, settings)

    documented = [asset.map_asset_specs(add) for asset in assets]
    return cast("list[dg.AssetsDefinition]", list(dg.with_source_code_references(documented)))


def page_of(key: dg.AssetKey) -> str:
    """Where the documentation speaks of an asset: a page of the project and its heading."""
    path = key.to_user_string()
    return _PAGES.get(path) or f"docs/{key.path[0]}.md#{path.replace('/', '')}"


def _document(spec: dg.AssetSpec, settings: Settings) -> dg.AssetSpec:
    warnings = list_warnings(spec.key.to_user_string(), simulated=settings.simulated)
    page = page_of(spec.key)
    # `salted dev` and `salted reports` serve the pages beside the scorecards
    base = settings.docs_url or settings.reports_url
    address = f"{base}/{page}" if base else ""
    metadata: dict[str, Any] = {"docs": dg.MetadataValue.url(address) if address else page}
    if spec.key.path[0] in _LAYERS_WITH_COLUMNS:
        metadata["dagster/column_lineage"] = build_column_lineage(*spec.key.path, account=settings.account)
    return spec.replace_attributes(
        description=f"{_insert(spec.description or '', warnings).rstrip()}\n\nMore: {_mention(page, address)}\n",
        owners=[*spec.owners, *settings.owners],
        tags={**spec.tags, **{WARNING_TAG + name: "" for name in warnings if name != SIMULATED}},
        metadata={**spec.metadata, **metadata},
    )


def _mention(page: str, address: str) -> str:
    return f"[{page}]({address})" if address else f"`{page}`"


def _insert(description: str, warnings: Sequence[str]) -> str:
    """The description with the warnings after its first paragraph, which says what a row is."""
    if not warnings:
        return description
    grain, _, rest = description.partition("\n\n")
    return f"{grain}\n\nBefore you use it:\n\n{_list(warnings)}\n\n{rest}"


def _list(warnings: Sequence[str]) -> str:
    return "\n".join(f"- {USAGE_WARNINGS[name]}" for name in warnings)
