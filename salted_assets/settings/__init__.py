"""Every setting of a deployment: fields in `groups`, kinds of values in `values`, where they come from in `loading`.

Not here: what a setting does.
"""

from salted_assets.settings.groups import (
    AI_COLUMNS,
    CONTACT_VARIABLE,
    DATASETS,
    KEY_VARIABLE,
    SIMULATED_START,
    Dataset,
    variable_of,
)
from salted_assets.settings.loading import GROUPS, RENAMED, Settings, SettingsError, UnknownSetting

__all__ = [
    "AI_COLUMNS",
    "CONTACT_VARIABLE",
    "DATASETS",
    "GROUPS",
    "KEY_VARIABLE",
    "RENAMED",
    "SIMULATED_START",
    "Dataset",
    "Settings",
    "SettingsError",
    "UnknownSetting",
    "variable_of",
]
