"""Every setting of a deployment: its variable, default, unit and validation. Not what a setting does."""

from salted_assets.settings.settings import (
    DATASETS,
    KEY_VARIABLE,
    SIMULATED_START,
    Dataset,
    Settings,
    SettingsError,
    variable_of,
)

__all__ = ["DATASETS", "KEY_VARIABLE", "SIMULATED_START", "Dataset", "Settings", "SettingsError", "variable_of"]
