"""Every setting: its variable, default, unit and validation. Not here: what a setting does.

Settings come from environment variables, and from a `.env` file in the working directory for those that the
environment does not set. The key itself is not among them: only the name of its variable is, and it is read when a
request is made, so that no object, log or database of ours ever holds it.
"""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from dotenv import load_dotenv
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)
from pydantic import ValidationError as _ValidationError

from salted_assets.settings.values import VENDOR_URL, Account, BaseUrl, Origin, Place, SecretPlace, Webhook, Zone

KEY_VARIABLE = "SALTED_API_KEY"
SIMULATED_START = date(2024, 1, 1)
Dataset = Literal["engagement", "customer", "turn", "review", "agent"]
DATASETS: tuple[Dataset, ...] = get_args(Dataset)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
RENAMED = {
    "repull_days": "lookback_days",
    "max_reorders": "max_export_retries",
    "post_pause_seconds": "min_export_interval_seconds",
    "low_evaluation": "low_score_threshold",
    "enough_engagements": "min_engagements",
    "enough_evaluations": "min_evaluations",
    "enough_reliability": "min_reliability",
}
"""Names that settings once had: one that is still set would be ignored in silence."""

_OWNER = re.compile(r"team:\S+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")


class SettingsError(ValueError):
    """A setting cannot be used; the message names its variable, what was wrong and what to write instead."""


class Settings(BaseModel):
    """One deployment's settings. Every field's variable is `SALTED_` and its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    api_url: Origin = Field(default=VENDOR_URL, description="Origin of the vendor's API.")
    api_key_secret: SecretPlace = Field(
        default="",
        description="Where AWS keeps the key, instead of `SALTED_API_KEY`: `secretsmanager:NAME` or `ssm:NAME`. "
        "Read at each request, kept nowhere.",
    )
    account: Account = Field(
        default="",
        description="Name of the account where one deployment serves several, one code server each: it goes before its "
        "asset keys, behind its pool, and below the warehouse as a folder.",
    )
    simulated: bool = Field(
        default=False,
        description="Whether the built-in simulator is the vendor: true where neither key nor URL is set.",
        exclude=True,
    )
    warehouse: Place = Field(
        default="data/warehouse",
        description="Folder (relative to the working directory) or `s3://bucket/prefix` for all that is persisted; "
        "`data/demo` with the simulator.",
    )
    s3_encryption: Literal["", "AES256", "aws:kms", "aws:kms:dsse"] = Field(
        default="",
        description="Server-side encryption of all that is written to S3: `AES256`, `aws:kms` or `aws:kms:dsse`; "
        "by default what the bucket does by itself.",
    )
    s3_kms_key: str = Field(
        default="", description="KMS key (id, ARN or alias) of that encryption; by default the one of AWS for S3."
    )
    s3_storage_class: Literal["", "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"] = Field(
        default="",
        description="Storage class of files on S3, such as `INTELLIGENT_TIERING`; by default `STANDARD`. Archives that "
        "cannot be read at once are refused.",
    )
    start_date: date = Field(
        default=SIMULATED_START,
        description="First daily partition. Required with a real vendor: a default that moves makes partitions vanish.",
    )
    timezone: Zone = Field(default="UTC", description="Time zone whose calendar day is a partition.")
    datasets: tuple[Dataset, ...] = Field(
        default=DATASETS, description="Comma-separated datasets to export, a subset of the default."
    )
    export_lag_minutes: NonNegativeInt = Field(
        default=120, description="Minutes after the end of a day before it can be exported; the vendor loads data late."
    )
    schedule_hour: int = Field(default=2, ge=0, le=23, description="Hour of the daily run, in the time zone above.")
    max_wait_minutes: PositiveInt = Field(
        default=120, description="Minutes to wait for one export; the next run re-attaches to it."
    )
    max_export_retries: NonNegativeInt = Field(
        default=2, description="New exports requested after the vendor reported one as FAILED, per window and run."
    )
    min_export_interval_seconds: NonNegativeFloat = Field(
        default=1.0, description="Least seconds between two exports requested by one process."
    )
    lookback_days: NonNegativeInt = Field(
        default=0,
        description="Earlier days that the daily run refreshes too, for accounts whose exports never bring rows older "
        "than their window.",
    )
    keep_superseded: NonNegativeInt | Literal["all"] = Field(
        default="all", description="Superseded versions of each raw file that stay on disk, a number or `all`."
    )
    raw_retention_days: PositiveInt | Literal["never"] = Field(
        default="never",
        description="Days after its landing at which a raw file is deleted, once the tables of its day are made from "
        "it, a number or `never`; its record stays.",
    )
    rejects_retention_days: PositiveInt | Literal["never"] = Field(
        default="never", description="Days after its export at which a day's rejects are deleted, a number or `never`."
    )
    max_download_gb: PositiveFloat = Field(default=50.0, description="Largest file that is accepted, in GB.")
    missing_columns: Literal["fail", "null"] = Field(
        default="fail", description="What a missing documented column does: `fail` the table, or load it as `null`."
    )
    redact: tuple[str, ...] = Field(
        default=(),
        description="Comma-separated columns or classes of personal data (`direct`, `indirect`, `content`) "
        "to null in tables.",
    )
    rejected_records_max_count: NonNegativeInt = Field(
        default=100, description="A table fails when rejected records exceed this count and the ratio below."
    )
    rejected_records_max_ratio: float = Field(
        default=0.01, ge=0, le=1, description="Share of rejected records above which, with the count, a table fails."
    )
    volume_tolerance: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="Share of a weekday's usual rows below which, and one over it above which, a table's check "
        "`volume` warns: 0.5 is below half or above double.",
    )
    found_only_questions: tuple[str, ...] = Field(
        default=(),
        description="Comma-separated question IDs for which auto reviewers write a row only when they find something.",
    )
    critical_questions: tuple[str, ...] = Field(
        default=(), description="Comma-separated question IDs whose worst answer fails an evaluation."
    )
    question_weights: dict[str, PositiveFloat] = Field(
        default={},
        description="Weights of questions within an evaluation, such as `<question ID>=2,<question ID>=0.5`.",
    )
    exclude_unclear: bool = Field(default=False, description="Leave reviews verified Unclear out of scores.")
    exclude_disputed: bool = Field(default=False, description="Leave reviews verified Disputed out of scores.")
    exclude_unknown_turns: bool = Field(
        default=False, description="Leave reviews of a turn whose participant is not known out of scores."
    )
    service_level_met_values: tuple[str, ...] = Field(
        default=(), description="Comma-separated service levels that mean met; without any there is no rate."
    )
    service_level_ignored_values: tuple[str, ...] = Field(
        default=("Ignore",), description="Comma-separated service levels that keep an engagement out of the rate."
    )
    bot_agent_types: tuple[str, ...] = Field(
        default=("Bot", "Menu", "Voicemail"), description="Comma-separated agent types that are machines."
    )
    min_engagements: int = Field(
        default=20,
        ge=2,
        description="Engagements of a window below which an agent's figure is unreliable and nobody's comparison.",
    )
    min_evaluations: int = Field(
        default=5,
        ge=2,
        description="Evaluations of a window below which an agent's figure is unreliable and nobody's comparison.",
    )
    min_reliability: float = Field(
        default=0.7,
        ge=0,
        lt=1,
        description="Reliability (signal over signal and noise) below which an agent's figure of a window is called "
        "unreliable.",
    )
    low_score_threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Score, 0 to 1, below which the scorecard lists an evaluation by a reviewer with its link.",
    )
    reports_url: BaseUrl = Field(
        default="",
        description="Address below which the scorecards are served, for links in the UI. `salted` takes "
        "`http://127.0.0.1:3010`, where `salted dev` serves them; without one the UI shows paths.",
    )
    docs_url: BaseUrl = Field(
        default="",
        description="Where a browser reads this project's files, such as `https://git.example.com/salted/blob/main`: "
        "makes the UI's mentions of `docs/` links.",
    )
    owners: tuple[str, ...] = Field(
        default=(),
        description="Comma-separated owners of all assets, as the UI shows them: e-mail addresses, or `team:name`.",
    )
    alert_webhook: Webhook = Field(
        default="",
        repr=False,
        description="Address that is sent a message for each failed run, in Slack's form. Kept as secret as a key.",
    )
    restate_windowed_days: NonNegativeInt = Field(
        default=7,
        description="Newest days whose windows and reports are made again by themselves when scores behind them were "
        "restated; older ones wait for `salted restate`.",
    )
    partitions_per_run: PositiveInt = Field(default=7, description="Days that one run of a backfill takes.")

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the environment (by default the process's, after `.env` in the working directory has filled its gaps).

        Raises SettingsError naming the first variable that cannot be used.
        """
        if environment is None:
            load_dotenv(Path.cwd() / ".env")
            environment = os.environ
        _refuse_renamed(environment)
        given = {name: environment[variable] for name, variable in _variables() if environment.get(variable)}
        given |= _vendor_defaults(environment, given)
        if "account" in given:
            # accounts that are given the same warehouse must not share a single file
            warehouse = given.get("warehouse", cls.model_fields["warehouse"].default)
            given["warehouse"] = f"{warehouse.rstrip('/')}/{given['account']}"
        try:
            settings = cls.model_validate(given)
        except _ValidationError as error:
            raise _explain(error) from None
        if settings.api_key_secret and environment.get(KEY_VARIABLE):
            raise SettingsError(f"{variable_of('api_key_secret')}: {KEY_VARIABLE} is set as well; write one of the two")
        return settings

    @property
    def zone(self) -> ZoneInfo:
        """The time zone as an object."""
        return ZoneInfo(self.timezone)

    @property
    def export_lag(self) -> timedelta:
        """The lag as a duration."""
        return timedelta(minutes=self.export_lag_minutes)

    @field_validator(
        "datasets",
        "redact",
        "found_only_questions",
        "critical_questions",
        "service_level_met_values",
        "service_level_ignored_values",
        "bot_agent_types",
        "owners",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))

    @field_validator("question_weights", mode="before")
    @classmethod
    def _split_weights(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {name.strip(): weight.strip() for name, _, weight in pairs}

    @field_validator("datasets")
    @classmethod
    def _in_order(cls, value: tuple[Dataset, ...]) -> tuple[Dataset, ...]:
        if not value:
            raise ValueError("name at least one dataset")
        return tuple(name for name in DATASETS if name in value)

    @field_validator("owners")
    @classmethod
    def _owners(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_OWNER.fullmatch(owner) for owner in value):
            raise ValueError("write e-mail addresses or team:name")
        return value

    @field_validator("start_date", mode="before")
    @classmethod
    def _calendar_day(cls, value: Any) -> Any:
        # pydantic would take 20240131 for seconds since 1970
        if isinstance(value, str) and not _DAY.fullmatch(value.strip()):
            raise ValueError("write a day such as 2024-01-31")
        return value.strip() if isinstance(value, str) else value

    @field_validator("keep_superseded", mode="before")
    @classmethod
    def _number_or_all(cls, value: Any) -> Any:
        if not isinstance(value, str) or value == "all":
            return value
        if not value.strip().isdecimal():
            raise ValueError("write a number, or all")
        return int(value)

    @field_validator("raw_retention_days", "rejects_retention_days", mode="before")
    @classmethod
    def _days_or_never(cls, value: Any) -> Any:
        if not isinstance(value, str) or value == "never":
            return value
        if not value.strip().isdecimal() or not int(value):
            raise ValueError("write a number of days from 1 on, or never")
        return int(value)

    @model_validator(mode="after")
    def _started(self) -> Self:
        if self.start_date > date.today():  # noqa: DTZ011 - only tells an obvious slip from a date
            raise ValueError("start_date: lies in the future")
        return self

    @model_validator(mode="after")
    def _heeded(self) -> Self:
        """What protects data must not be written in vain."""
        if self.s3_kms_key and not self.s3_encryption.startswith("aws:kms"):
            raise ValueError(f"s3_kms_key: needs {variable_of('s3_encryption')}=aws:kms or aws:kms:dsse")
        if self.s3_encryption and not self.warehouse.startswith("s3://"):
            raise ValueError(f"s3_encryption: the warehouse {self.warehouse} is a folder; encrypt its disk instead")
        return self


def _variables() -> Iterator[tuple[str, str]]:
    for name in Settings.model_fields:
        if name != "simulated":
            yield name, variable_of(name)


def variable_of(field: str) -> str:
    """The environment variable of a field.

    >>> variable_of("start_date")
    'SALTED_START_DATE'
    """
    return f"SALTED_{field.upper()}"


def _refuse_renamed(environment: Mapping[str, str]) -> None:
    for old, new in RENAMED.items():
        if environment.get(variable_of(old)):
            raise SettingsError(f"{variable_of(old)} is now called {variable_of(new)}: write the new name")


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


def _explain(error: _ValidationError) -> SettingsError:
    first = error.errors(include_url=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        name, _, message = message.partition(": ")
        return SettingsError(f"{variable_of(name)}: {message}")
    name = str(first["loc"][0])
    allowed = f" (allowed: {', '.join(DATASETS)})" if name == "datasets" else ""
    return SettingsError(f"{variable_of(name)}: {message}{allowed}")
