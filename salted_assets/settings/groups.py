"""The settings themselves, in groups: each with its default, unit and description, and what must hold between them."""

import re
from datetime import date, timedelta
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from salted_assets.settings.values import (
    VENDOR_URL,
    AccountName,
    BaseUrl,
    CountOrAll,
    Day,
    DaysOfFile,
    DaysOrNever,
    Listed,
    Names,
    Origin,
    SecretName,
    WarehouseUri,
    WebhookUrl,
    Weights,
    Zone,
)

KEY_VARIABLE = "SALTED_API_KEY"
CONTACT_VARIABLE = "SALTED_CONTACT"
SIMULATED_START = date(2024, 1, 1)
Dataset = Literal["engagement", "customer", "turn", "review", "agent"]
DATASETS: tuple[Dataset, ...] = get_args(Dataset)
AiColumn = Literal[
    "adaptability",
    "adherence",
    "clarity",
    "completeness",
    "customer_satisfaction",
    "empathy",
    "expressed_satisfaction",
    "language_skills",
    "persuasion",
    "severity",
    "understanding",
    "sentiment",
]
AI_COLUMNS: tuple[AiColumn, ...] = get_args(AiColumn)
_OWNER = re.compile(r"team:\S+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")


def variable_of(field: str) -> str:
    """The environment variable of a field.

    >>> variable_of("start_date")
    'SALTED_START_DATE'
    """
    return f"SALTED_{field.upper()}"


class VendorSettings(BaseModel):
    """The vendor."""

    api_url: Origin = Field(default=VENDOR_URL, description="Origin of the vendor's API.")
    api_key_secret: SecretName = Field(
        default="",
        description="Where AWS keeps the key, instead of `SALTED_API_KEY`: `secretsmanager:NAME` or `ssm:NAME`. "
        "Read at each request, kept nowhere.",
    )
    simulated: bool = Field(
        default=False,
        description="Whether the built-in simulator is the vendor: true where neither key nor URL is set.",
        exclude=True,
    )
    start_date: Annotated[date, Day] = Field(
        default=SIMULATED_START,
        description="First daily partition. Required with a real vendor: a default that moves makes partitions vanish.",
    )
    timezone: Zone = Field(default="UTC", description="Time zone whose calendar day is a partition.")
    datasets: Annotated[tuple[Dataset, ...], Listed] = Field(
        default=DATASETS, description="Comma-separated datasets to export, a subset of the default."
    )

    @property
    def zone(self) -> ZoneInfo:
        """The time zone as an object."""
        return ZoneInfo(self.timezone)

    @field_validator("start_date")
    @classmethod
    def _has_begun(cls, value: date) -> date:
        if value > date.today():  # noqa: DTZ011 - only tells an obvious slip from a date
            raise ValueError("lies in the future")
        return value

    @field_validator("datasets")
    @classmethod
    def _in_order(cls, value: tuple[Dataset, ...]) -> tuple[Dataset, ...]:
        if not value:
            raise ValueError("name at least one dataset")
        return tuple(name for name in DATASETS if name in value)


class WarehouseSettings(BaseModel):
    """The warehouse."""

    warehouse: WarehouseUri = Field(
        default="data/warehouse",
        description="Folder (relative to the working directory) or `s3://bucket/prefix` for all that is persisted; "
        "`data/demo` with the simulator.",
    )
    account: AccountName = Field(
        default="",
        description="Name of the account where one deployment serves several, one code server each: it goes before its "
        "asset keys, behind its pool, and below the warehouse as a folder.",
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
    keep_superseded: CountOrAll = Field(
        default="all", description="Superseded versions of each raw file that stay on disk, a number or `all`."
    )
    raw_retention_days: DaysOrNever = Field(
        default="never",
        description="Days after its landing at which a raw file is deleted, once the tables of its day are made from "
        "it, a number or `never`; its record stays.",
    )
    rejects_retention_days: DaysOrNever = Field(
        default="never", description="Days after its export at which a day's rejects are deleted, a number or `never`."
    )
    changes_retention_days: DaysOrNever = Field(
        default="never",
        description="Days after they were replaced at which published figures, answers and engagements' values "
        "(`changes/`) are deleted, a number or `never`.",
    )

    @model_validator(mode="after")
    def _has_effect(self) -> Self:
        """What protects data must not be written in vain."""
        if self.s3_kms_key and not self.s3_encryption.startswith("aws:kms"):
            raise ValueError(f"s3_kms_key: needs {variable_of('s3_encryption')}=aws:kms or aws:kms:dsse")
        if self.s3_encryption and not self.warehouse.startswith("s3://"):
            raise ValueError(f"s3_encryption: the warehouse {self.warehouse} is a folder; encrypt its disk instead")
        return self


class ExportSettings(BaseModel):
    """Exports and runs."""

    export_lag_minutes: NonNegativeInt = Field(
        default=120, description="Minutes after the end of a day before it can be exported; the vendor loads data late."
    )
    schedule_hour: int = Field(
        default=2,
        ge=0,
        le=23,
        description="Hour of the daily run, in the time zone above; later where the lag has not passed by then.",
    )
    lookback_days: NonNegativeInt = Field(
        default=0,
        description="Earlier days that the daily run refreshes too, for accounts whose exports never bring rows older "
        "than their window.",
    )
    max_wait_minutes: PositiveInt = Field(
        default=120, description="Minutes to wait for one export; the next run re-attaches to it."
    )
    max_export_retries: NonNegativeInt = Field(
        default=2, description="New exports requested after the vendor reported one as FAILED, per window and run."
    )
    min_export_interval_seconds: NonNegativeFloat = Field(
        default=1.0, description="Least seconds between two exports requested by one process."
    )
    max_download_gb: PositiveFloat = Field(default=50.0, description="Largest file that is accepted, in GB.")
    partitions_per_run: PositiveInt = Field(
        default=28,
        description="Days that one run of a backfill takes; `salted restate` takes 91, or as many if that is more.",
    )
    score_memory_mb: PositiveInt = Field(
        default=600,
        description="Memory in MB, about, that the rows of daily scores take while they are computed: small days of a "
        "run are scored together up to it, a larger day is scored in parts.",
    )
    restate_windowed_days: NonNegativeInt = Field(
        default=7,
        description="Newest days whose windows and reports are made again by themselves when scores behind them were "
        "restated; older ones wait for `salted restate`.",
    )

    @property
    def score_memory_bytes(self) -> int:
        """The memory for scores in bytes."""
        return self.score_memory_mb * 1_000_000

    @property
    def export_lag(self) -> timedelta:
        """The lag as a duration."""
        return timedelta(minutes=self.export_lag_minutes)


class TableSettings(BaseModel):
    """Tables."""

    missing_columns: Literal["fail", "null"] = Field(
        default="fail", description="What a missing documented column does: `fail` the table, or load it as `null`."
    )
    redact: Names = Field(
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
    refused_max_ratio: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a file's records, or of the filled cells of a time, a part of the handle time, the wait "
        "time or a score of an answer, above which, from 3 refused ones on, a table fails.",
    )
    volume_tolerance: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="Share of a weekday's usual rows below which, and one over it above which, a table's check "
        "`volume` warns: 0.5 is below half or above double.",
    )
    holidays: DaysOfFile = Field(
        default=(),
        description="File of holidays, one day such as 2024-12-25 a line, `#` before comments: the check `volume` "
        "neither judges these days nor compares others with them.",
    )


class ScoreSettings(BaseModel):
    """Scores."""

    found_only_questions: Names = Field(
        default=(),
        description="Comma-separated question IDs for which auto reviewers write a row only when they find something.",
    )
    critical_questions: Names = Field(
        default=(), description="Comma-separated question IDs whose worst answer fails an evaluation."
    )
    question_weights: Weights = Field(
        default={},
        description="Weights of questions within an evaluation, such as `<question ID>=2,<question ID>=0.5`.",
    )
    exclude_unclear: bool = Field(default=False, description="Leave reviews verified Unclear out of scores.")
    exclude_disputed: bool = Field(default=False, description="Leave reviews verified Disputed out of scores.")
    exclude_unknown_turns: bool = Field(
        default=False, description="Leave reviews of a turn whose participant is not known out of scores."
    )
    service_level_met_values: Names = Field(
        default=(), description="Comma-separated service levels that mean met; without any there is no rate."
    )
    service_level_ignored_values: Names = Field(
        default=("Ignore",), description="Comma-separated service levels that keep an engagement out of the rate."
    )
    resolved_values: Names = Field(
        default=(), description="Comma-separated resolutions that mean resolved; without any there is no share."
    )
    bot_agent_types: Names = Field(
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
    settlement_horizon_days: int = Field(
        default=14,
        ge=2,
        le=60,
        description="Days after its end at which a day's evaluations count as complete, for what is said of those that "
        "are still to come; twice as long as reviews take as a rule.",
    )
    low_score_threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Score, 0 to 1, below which the scorecard lists an evaluation by a reviewer with its link.",
    )
    pass_score: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="Score, 0 to 1, from which a form evaluation passes on the scorecard, unless a critical question "
        "failed it.",
    )
    pass_rate_target: float | None = Field(
        default=None, ge=0, le=1, description="Least share of forms that should pass, 0 to 1; none unless it is set."
    )
    auto_fail_rate_target: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Largest share of forms that critical questions should fail, 0 to 1; none unless it is set.",
    )
    weekly_evaluations_target: PositiveInt | None = Field(
        default=None,
        description="Forms that each reviewer is to complete in a week, for the scorecard's table of reviewers; none "
        "unless it is set.",
    )


class PeopleSettings(BaseModel):
    """People's rights."""

    not_for_persons: Annotated[tuple[AiColumn, ...], Listed] = Field(
        default=(),
        description="Comma-separated AI columns, such as `empathy,sentiment`, that are not summed up per person: null "
        "for agents in every score, there for queues, channels and teams of several. See "
        "[docs/people.md](docs/people.md).",
    )

    agent_level: Literal["full", "team"] = Field(
        default="full",
        description="Whether pages and commands show single people (`full`) or all people and teams of five or more "
        "alone (`team`); tables and scores stay as they are, for those who may read files. See "
        "[docs/people.md](docs/people.md).",
    )

    @property
    def shows_agents(self) -> bool:
        """Whether single people are shown; what shows them asks here."""
        return self.agent_level == "full"

    @field_validator("not_for_persons")
    @classmethod
    def _in_one_order(cls, value: tuple[AiColumn, ...]) -> tuple[AiColumn, ...]:
        """The same columns in another order are the same setting, by which scores are made."""
        return tuple(name for name in AI_COLUMNS if name in value)


class UiSettings(BaseModel):
    """The UI and alerts."""

    scorecard_days: PositiveInt = Field(
        default=28,
        description="Newest days of which `salted backfill` without `--select` and `salted restate` make a scorecard; "
        "of others they renew those that are there. `salted reports` makes any that is asked for.",
    )
    reports_url: BaseUrl = Field(
        default="",
        description="Address below which the scorecards are served, for links in the UI. `salted` takes "
        "`http://127.0.0.1:3010`, where `salted dev` serves them; without one the UI shows paths.",
    )
    name_reviewers: bool = Field(
        default=False,
        description="Whether the page of an agent names the reviewers; by default they are `reviewer 1`, `reviewer 2`.",
    )
    docs_url: BaseUrl = Field(
        default="",
        description="Where a browser reads this project's files, such as `https://git.example.com/salted/blob/main`; "
        "without it the UI's mentions of `docs/` lead to `docs/` below the address of the scorecards.",
    )
    owners: Names = Field(
        default=(),
        description="Comma-separated owners of all assets, as the UI shows them: e-mail addresses, or `team:name`.",
    )
    alert_webhook: WebhookUrl = Field(
        default="",
        repr=False,
        description="Address that is sent messages of failed runs and failing checks, in Slack's form. Keep it secret.",
    )
    alert_scorecard: bool = Field(
        default=False,
        description="Send that address the headline of each new day's scorecard, too: counts and its link, no names.",
    )

    @field_validator("owners")
    @classmethod
    def _can_be_shown(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_OWNER.fullmatch(owner) for owner in value):
            raise ValueError("write e-mail addresses or team:name")
        return value
