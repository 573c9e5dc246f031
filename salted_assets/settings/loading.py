"""The settings of one deployment, read from environment variables and `.env`.

The vendor's key is not among them: only the name of its variable is, and it is read when a request is made, so that no
object, log or database of ours ever holds it.
"""

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from dotenv import load_dotenv
from pydantic import ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from salted_assets.settings.groups import (
    AI_COLUMNS,
    CONTACT_VARIABLE,
    DATASETS,
    KEY_VARIABLE,
    ExportSettings,
    PeopleSettings,
    ScoreSettings,
    TableSettings,
    UiSettings,
    VendorSettings,
    WarehouseSettings,
    variable_of,
)

GROUPS = (
    VendorSettings,
    WarehouseSettings,
    ExportSettings,
    TableSettings,
    ScoreSettings,
    PeopleSettings,
    UiSettings,
)
"""The groups of settings, in the order in which they are documented."""

RENAMED = {
    "repull_days": "lookback_days",
    "max_reorders": "max_export_retries",
    "post_pause_seconds": "min_export_interval_seconds",
    "low_evaluation": "low_score_threshold",
    "enough_engagements": "min_engagements",
    "enough_evaluations": "min_evaluations",
    "enough_reliability": "min_reliability",
}
"""Names that settings once had. One that is still set is refused, for it would have no effect and nobody would know."""

_ALLOWED = {"datasets": DATASETS, "not_for_persons": AI_COLUMNS}
"""The names that a setting which lists names may hold."""

_OF_KUBERNETES = re.compile(r"_(SERVICE_HOST|SERVICE_PORT\w*|PORT(_\d+_\w+)?)")
"""Ends of variables that every pod is given for a service whose name begins with `salted-`."""


_SECRET = {"alert_webhook", "api_key_secret"}
"""Settings whose values no message shows: a secret, and where somebody may have written the key itself."""

_IN_URLS = re.compile(r"(?<=//).*(?=@)|(?<=[?#]).+", re.DOTALL)
"""A login in an address, and what follows its path."""

_SHOWN_CHARACTERS = 80


class SettingsError(ValueError):
    """A setting cannot be used; the message names its variable, what was wrong and what to write instead."""


class UnknownSetting(UserWarning):
    """A variable is set that looks like a setting and is none."""


class Settings(
    VendorSettings,
    WarehouseSettings,
    ExportSettings,
    TableSettings,
    ScoreSettings,
    PeopleSettings,
    UiSettings,
    BaseSettings,
):
    """One deployment's settings. Every field's variable is `SALTED_` and its name in capitals.

    `Settings.load` reads the environment; `Settings(...)` takes what it is given, and defaults for the rest.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=False,
        env_prefix="SALTED_",
        env_ignore_empty=True,
        enable_decoding=False,
    )

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the environment (by default the process's, after `.env` in the working directory has filled its gaps).

        Raises SettingsError naming the first variable that cannot be used; warns of unknown ones (UnknownSetting).
        """
        if environment is None:
            # into the environment, since the vendor's key and the variables of AWS are read from there, too
            load_dotenv(Path.cwd() / ".env")
            environment = os.environ
        _refuse_renamed(environment)
        for message in _describe_unknown(environment):
            warnings.warn(message, UnknownSetting, stacklevel=2)
        given = _read(environment)
        given |= _vendor_defaults(environment, given)
        if "account" in given:
            # accounts that are given the same warehouse must not share a single file
            warehouse = given.get("warehouse", cls.model_fields["warehouse"].default)
            given["warehouse"] = f"{warehouse.rstrip('/')}/{given['account']}"
        try:
            settings = cls(**given)
        except ValidationError as error:
            raise _explain(error, given) from None
        if settings.api_key_secret and environment.get(KEY_VARIABLE):
            raise SettingsError(f"{variable_of('api_key_secret')}: {KEY_VARIABLE} is set as well; write one of the two")
        return settings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave the environment to `load`, which can be given another one."""
        return (init_settings,)


def _read(environment: Mapping[str, str]) -> dict[str, Any]:
    """What the environment gives, as text by field."""
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): text for name, text in environment.items() if text and name.isupper()}
    return {name: text for name, text in source().items() if name != "simulated"}


def _variables() -> Iterator[str]:
    yield from (KEY_VARIABLE, CONTACT_VARIABLE)
    yield from (variable_of(name) for name in Settings.model_fields if name != "simulated")


def _refuse_renamed(environment: Mapping[str, str]) -> None:
    for old, new in RENAMED.items():
        if environment.get(variable_of(old)):
            raise SettingsError(f"{variable_of(old)} is now called {variable_of(new)}: write the new name")


def _describe_unknown(environment: Mapping[str, str]) -> Iterator[str]:
    known = {variable.removeprefix("SALTED_") for variable in _variables()}
    for name in sorted(name for name, text in environment.items() if text and name.upper().startswith("SALTED_")):
        if name.removeprefix("SALTED_") not in known and not _OF_KUBERNETES.search(name):
            near = get_close_matches(name.upper().removeprefix("SALTED_"), known, n=1)
            advice = f"did you mean SALTED_{near[0]}?" if near else "the README lists all settings"
            yield f"{name} is set and is no setting, so it has no effect: {advice}"


def _vendor_defaults(environment: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    if environment.get(KEY_VARIABLE) or "api_key_secret" in given or "api_url" in given:
        if "start_date" not in given:
            raise SettingsError(
                "SALTED_START_DATE is required with a real vendor: write the first day to export, such as 2024-01-01"
            )
        return {}
    if "warehouse" in given:
        raise SettingsError(
            f"SALTED_WAREHOUSE is set but {KEY_VARIABLE} is not: the built-in simulator would write made-up data "
            "there. "
            f"Set {KEY_VARIABLE} to export real data, or unset SALTED_WAREHOUSE to try the demo in data/demo"
        )
    return {"simulated": True, "warehouse": "data/demo"}


_PLAIN = {"int_parsing": "write a whole number, such as 7", "float_parsing": "write a number, such as 0.5"}
"""What is said of some kinds of errors in place of pydantic's words."""


def _explain(error: ValidationError, given: Mapping[str, Any]) -> SettingsError:
    first = error.errors(include_url=False)[0]
    message = _PLAIN.get(first["type"], first["msg"].removeprefix("Value error, "))
    if not first["loc"]:
        name, _, message = message.partition(": ")
        return SettingsError(f"{variable_of(name)}: {message}")
    name, *within = map(str, first["loc"])
    allowed = f" (allowed: {', '.join(_ALLOWED[name])})" if name in _ALLOWED else ""
    shown = _show(name, first["input"] if within else given[name])
    return SettingsError(f"{variable_of(name)}: {message}{allowed}{shown}")


def _show(name: str, value: Any) -> str:
    """The wrong value for a message, without what may be secret in it."""
    if name in _SECRET:
        return ""
    text = _IN_URLS.sub("...", str(value))
    return f" (given: {text if len(text) <= _SHOWN_CHARACTERS else f'{text[:_SHOWN_CHARACTERS]}...'!r})"
