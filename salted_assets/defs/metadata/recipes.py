"""By what an asset's files are made, in its metadata: the UI shows it, and runs and the restatement sensor go by it."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from salted_assets.history import Recipe
from salted_assets.history.restatement import InputVersions

_FORMULA, _SETTINGS = "formula_version", "settings_read"
_MADE_OF = "made_of"


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """The metadata of an asset whose files are made so."""
    return {_FORMULA: recipe.formula_version, _SETTINGS: dg.MetadataValue.json(recipe.settings)}


def recipe_of(spec: dg.AssetSpec) -> Recipe | None:
    """How the files of the asset are made; None for one that does not say."""
    return _read_recipe(spec.metadata)


def describe_origin(inputs: InputVersions, recipe: Recipe | None) -> dict[str, Any]:
    """What a file that has no footer was made of and by, as metadata of its materialization."""
    return {_MADE_OF: dg.MetadataValue.json(inputs.files), **(describe_recipe(recipe) if recipe else {})}


def read_origin(metadata: Mapping[str, dg.MetadataValue[Any]]) -> tuple[InputVersions | None, Recipe | None]:
    """What `describe_origin` says of a materialization; None for what an earlier version did not say."""
    read = metadata.get(_MADE_OF)
    files = read.data if isinstance(read, dg.JsonMetadataValue) else None
    return InputVersions(files) if isinstance(files, dict) else None, _read_recipe(metadata)


def _read_recipe(metadata: Mapping[str, Any]) -> Recipe | None:
    read, version = metadata.get(_SETTINGS), metadata.get(_FORMULA)
    settings = read.data if isinstance(read, dg.JsonMetadataValue) else None
    number = version.value if isinstance(version, dg.IntMetadataValue) else version
    return Recipe.of(number, settings) if isinstance(settings, dict) and isinstance(number, int) else None
