"""By what an asset's files are made, in its metadata: the UI shows it, and runs and the restatement sensor go by it."""

from typing import Any

import dagster as dg

from salted_assets.history import Recipe

_FORMULA, _SETTINGS = "formula_version", "settings_read"


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """The metadata of an asset whose files are made so."""
    return {_FORMULA: recipe.formula_version, _SETTINGS: dg.MetadataValue.json(recipe.settings)}


def recipe_of(spec: dg.AssetSpec) -> Recipe | None:
    """How the files of the asset are made; None for one that does not say."""
    read = spec.metadata.get(_SETTINGS)
    settings = read.data if isinstance(read, dg.JsonMetadataValue) else None
    return Recipe.of(spec.metadata[_FORMULA], settings) if isinstance(settings, dict) else None
