"""Settings as an operator meets them: variables, `.env`, defaults, and what each mistake is answered with."""

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from salted_assets.settings import (
    DATASETS,
    GROUPS,
    KEY_VARIABLE,
    Settings,
    SettingsError,
    UnknownSetting,
    variable_of,
)
from salted_assets.settings.values import VENDOR_URL

KEY = "sk-0123456789-never-to-be-shown"
REAL = {KEY_VARIABLE: KEY, "SALTED_START_DATE": "2024-02-01"}

HOLIDAYS_FILE = str(Path(__file__).with_name("holidays.txt"))

GIVEN = {
    "api_url": ("https://api.us.salted.cx/", "https://api.us.salted.cx"),
    "account": ("north", "north"),
    "api_key_secret": ("ssm:/salted/key", "ssm:/salted/key"),
    "warehouse": ("s3://bucket/prefix/", "s3://bucket/prefix"),
    "s3_encryption": ("aws:kms", "aws:kms"),
    "s3_kms_key": ("alias/salted", "alias/salted"),
    "s3_storage_class": ("INTELLIGENT_TIERING", "INTELLIGENT_TIERING"),
    "start_date": ("2023-12-24", date(2023, 12, 24)),
    "timezone": ("Europe/Prague", "Europe/Prague"),
    "datasets": ("turn, engagement,turn", ("engagement", "turn")),
    "export_lag_minutes": ("0", 0),
    "schedule_hour": ("23", 23),
    "max_wait_minutes": ("15", 15),
    "max_export_retries": ("0", 0),
    "min_export_interval_seconds": ("2.5", 2.5),
    "lookback_days": ("3", 3),
    "keep_superseded": ("2", 2),
    "raw_retention_days": ("30", 30),
    "rejects_retention_days": ("90", 90),
    "changes_retention_days": ("400", 400),
    "settlement_horizon_days": ("21", 21),
    "max_download_gb": ("0.5", 0.5),
    "missing_columns": ("null", "null"),
    "redact": ("direct, content", ("direct", "content")),
    "rejected_records_max_count": ("7", 7),
    "rejected_records_max_ratio": ("0.25", 0.25),
    "refused_max_ratio": ("0.6", 0.6),
    "volume_tolerance": ("0.25", 0.25),
    "holidays": (HOLIDAYS_FILE, (date(2024, 12, 25), date(2025, 1, 1))),
    "found_only_questions": ("q1,q2", ("q1", "q2")),
    "critical_questions": ("q3", ("q3",)),
    "question_weights": ("q1=2, q2=0.5", {"q1": 2.0, "q2": 0.5}),
    "exclude_unclear": ("true", True),
    "exclude_disputed": ("true", True),
    "exclude_unknown_turns": ("true", True),
    "service_level_met_values": ("Met, Within", ("Met", "Within")),
    "service_level_ignored_values": ("Skip", ("Skip",)),
    "resolved_values": ("Resolved, Solved", ("Resolved", "Solved")),
    "bot_agent_types": ("Bot", ("Bot",)),
    "not_for_persons": ("sentiment, empathy,sentiment", ("empathy", "sentiment")),
    "agent_level": ("team", "team"),
    "owners": ("team:quality, ada@example.test", ("team:quality", "ada@example.test")),
    "alert_webhook": ("https://hooks.example.test/x", "https://hooks.example.test/x"),
    "alert_scorecard": ("true", True),
    "low_score_threshold": ("0.4", 0.4),
    "pass_score": ("0.85", 0.85),
    "pass_rate_target": ("0.9", 0.9),
    "auto_fail_rate_target": ("0.02", 0.02),
    "weekly_evaluations_target": ("10", 10),
    "docs_url": ("https://git.example.test/blob/main", "https://git.example.test/blob/main"),
    "name_reviewers": ("true", True),
    "reports_url": ("https://reports.example.test/salted/", "https://reports.example.test/salted"),
    "min_engagements": ("30", 30),
    "min_evaluations": ("8", 8),
    "min_reliability": ("0.6", 0.6),
    "restate_windowed_days": ("0", 0),
    "scorecard_days": ("91", 91),
    "partitions_per_run": ("1", 1),
    "score_memory_mb": ("200", 200),
}

ALONGSIDE = {
    "api_key_secret": {KEY_VARIABLE: ""},
    "s3_encryption": {"SALTED_WAREHOUSE": "s3://bucket"},
    "s3_kms_key": {"SALTED_WAREHOUSE": "s3://bucket", "SALTED_S3_ENCRYPTION": "aws:kms"},
}
"""What a setting cannot do without, or beside."""

REFUSED = [
    ("SALTED_API_URL", "http://api.eu.salted.cx", "plain http is for loopback only"),
    ("SALTED_API_URL", "https://api.eu.salted.cx/v1", "without a path"),
    ("SALTED_API_URL", "https://me:secret@api.eu.salted.cx", "write an origin such as"),
    ("SALTED_API_URL", "https://@api.eu.salted.cx", "write an origin such as"),
    ("SALTED_API_URL", "https://api.eu.salted.cx?key=1", "write an origin such as"),
    ("SALTED_API_URL", "https://api.eu.salted.cx:door", "write an origin such as"),
    ("SALTED_API_URL", "https://[::1", "write an origin such as"),
    ("SALTED_API_URL", "api.eu.salted.cx", "write an origin such as"),
    ("SALTED_WAREHOUSE", "gs://bucket/prefix", "write a folder or s3://bucket/prefix"),
    ("SALTED_WAREHOUSE", "s3:///prefix", "write a folder or s3://bucket/prefix"),
    ("SALTED_S3_ENCRYPTION", "AES256", "the warehouse data/warehouse is a folder"),
    ("SALTED_S3_ENCRYPTION", "kms", "Input should be '', 'AES256', 'aws:kms' or 'aws:kms:dsse'"),
    ("SALTED_S3_KMS_KEY", "alias/salted", "needs SALTED_S3_ENCRYPTION=aws:kms"),
    ("SALTED_S3_STORAGE_CLASS", "DEEP_ARCHIVE", "'INTELLIGENT_TIERING' or 'GLACIER_IR'"),
    ("SALTED_START_DATE", "20240131", "write a day such as 2024-01-31"),
    ("SALTED_START_DATE", "31.1.2024", "write a day such as 2024-01-31"),
    ("SALTED_START_DATE", "2024-01-31T00:00:00", "write a day such as 2024-01-31"),
    ("SALTED_START_DATE", "2024-02-30", "day value is outside expected range"),
    ("SALTED_START_DATE", (date.today() + timedelta(days=3)).isoformat(), "lies in the future"),  # noqa: DTZ011 - any zone's future
    ("SALTED_TIMEZONE", "Europe/Praha", "not a known time zone; write one such as Europe/Prague"),
    ("SALTED_TIMEZONE", "../etc/passwd", "not a known time zone"),
    ("SALTED_TIMEZONE", "Europe", "not a known time zone"),
    ("SALTED_DATASETS", "engagement,tickets", "allowed: engagement, customer, turn, review, agent"),
    ("SALTED_DATASETS", " , ", "name at least one dataset"),
    ("SALTED_EXPORT_LAG_MINUTES", "-1", "greater than or equal to 0"),
    ("SALTED_EXPORT_LAG_MINUTES", "two hours", "write a whole number"),
    ("SALTED_SCHEDULE_HOUR", "24", "less than or equal to 23"),
    ("SALTED_MAX_WAIT_MINUTES", "0", "greater than 0"),
    ("SALTED_MAX_EXPORT_RETRIES", "-1", "greater than or equal to 0"),
    ("SALTED_MIN_EXPORT_INTERVAL_SECONDS", "-0.1", "greater than or equal to 0"),
    ("SALTED_MIN_EXPORT_INTERVAL_SECONDS", "nan", "finite number"),
    ("SALTED_LOOKBACK_DAYS", "-1", "greater than or equal to 0"),
    ("SALTED_KEEP_SUPERSEDED", "-1", "write a number, or all"),
    ("SALTED_KEEP_SUPERSEDED", "some", "write a number, or all"),
    ("SALTED_RAW_RETENTION_DAYS", "0", "write a number of days from 1 on, or never"),
    ("SALTED_RAW_RETENTION_DAYS", "-1", "write a number of days from 1 on, or never"),
    ("SALTED_REJECTS_RETENTION_DAYS", "1.5", "write a number of days from 1 on, or never"),
    ("SALTED_RAW_RETENTION_DAYS", "all", "write a number of days from 1 on, or never"),
    ("SALTED_VOLUME_TOLERANCE", "0", "greater than 0"),
    ("SALTED_VOLUME_TOLERANCE", "1", "less than 1"),
    ("SALTED_MAX_DOWNLOAD_GB", "0", "greater than 0"),
    ("SALTED_MAX_DOWNLOAD_GB", "inf", "finite number"),
    ("SALTED_MISSING_COLUMNS", "ignore", "'fail' or 'null'"),
    ("SALTED_REJECTED_RECORDS_MAX_COUNT", "-1", "greater than or equal to 0"),
    ("SALTED_REJECTED_RECORDS_MAX_RATIO", "1.01", "less than or equal to 1"),
    ("SALTED_REFUSED_MAX_RATIO", "-0.1", "greater than or equal to 0"),
    ("SALTED_QUESTION_WEIGHTS", "q1", "write a number"),
    ("SALTED_QUESTION_WEIGHTS", "q1=-2", "greater than 0"),
    ("SALTED_EXCLUDE_UNCLEAR", "perhaps", "valid boolean"),
    ("SALTED_EXCLUDE_DISPUTED", "perhaps", "valid boolean"),
    ("SALTED_EXCLUDE_UNKNOWN_TURNS", "perhaps", "valid boolean"),
    ("SALTED_NOT_FOR_PERSONS", "empathy,mood", "allowed: adaptability, adherence, clarity"),
    ("SALTED_AGENT_LEVEL", "person", "'full' or 'team'"),
    ("SALTED_ALERT_WEBHOOK", "hooks.example.test/secret", "write an address that begins with https://"),
    ("SALTED_ALERT_WEBHOOK", "http://hooks.example.test/secret", "plain http is for loopback only"),
    ("SALTED_ALERT_WEBHOOK", "https://[::1/secret", "write an address that begins with https://"),
    ("SALTED_REPORTS_URL", "http://reports.example.test", "plain http is for loopback only"),
    ("SALTED_REPORTS_URL", "https://reports.example.test/?day=1", "write an address such as https://"),
    ("SALTED_REPORTS_URL", "https://[::1", "write an address such as https://"),
    ("SALTED_PARTITIONS_PER_RUN", "0", "greater than 0"),
]


@pytest.fixture
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, and an environment that is put back afterwards."""
    monkeypatch.setattr(os, "environ", {name: text for name, text in os.environ.items() if "SALTED" not in name})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_any_environment_the_simulator_is_the_vendor() -> None:
    settings = Settings.load({})

    assert settings.simulated
    assert settings.warehouse == "data/demo"
    assert settings.start_date == date(2024, 1, 1)
    assert settings.datasets == DATASETS
    assert (settings.timezone, settings.zone.key) == ("UTC", "UTC")
    assert settings.export_lag == timedelta(hours=2)


def test_empty_variables_are_as_good_as_none() -> None:
    names = [KEY_VARIABLE, *(variable_of(name) for name in GIVEN)]

    assert Settings.load(dict.fromkeys(names, "")) == Settings.load({})


def test_a_key_makes_the_vendor_real() -> None:
    settings = Settings.load(REAL)

    assert not settings.simulated
    assert (settings.api_url, settings.warehouse) == (VENDOR_URL, "data/warehouse")
    assert settings.start_date == date(2024, 2, 1)


def test_an_address_alone_makes_the_vendor_real() -> None:
    settings = Settings.load({"SALTED_API_URL": "http://127.0.0.1:8000", "SALTED_START_DATE": "2024-02-01"})

    assert (settings.simulated, settings.api_url) == (False, "http://127.0.0.1:8000")


def test_a_secret_makes_the_vendor_real_and_excludes_the_key() -> None:
    secret = {"SALTED_API_KEY_SECRET": "secretsmanager:salted", "SALTED_START_DATE": "2024-02-01"}

    assert not Settings.load(secret).simulated
    for name in ("vault:salted", "ssm:", "ssm:two words", "salted"):
        with pytest.raises(SettingsError, match="SALTED_API_KEY_SECRET: write secretsmanager:NAME or ssm:NAME"):
            Settings.load(secret | {"SALTED_API_KEY_SECRET": name})
    with pytest.raises(SettingsError, match="SALTED_API_KEY is set as well") as caught:
        Settings.load(secret | REAL)
    assert KEY not in str(caught.value)


def test_every_setting_has_its_variable() -> None:
    assert set(GIVEN) == set(Settings.model_fields) - {"simulated"}


@pytest.mark.parametrize("field", GIVEN)
def test_each_variable_is_read(field: str) -> None:
    text, value = GIVEN[field]
    rest = REAL | ALONGSIDE.get(field, {})

    assert getattr(Settings.load(rest | {variable_of(field): text}), field) == value


def test_each_setting_is_described() -> None:
    assert all(len(field.description or "") > 20 for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SALTED_REPULL_DAYS", "SALTED_LOOKBACK_DAYS"),
        ("SALTED_MAX_REORDERS", "SALTED_MAX_EXPORT_RETRIES"),
        ("SALTED_POST_PAUSE_SECONDS", "SALTED_MIN_EXPORT_INTERVAL_SECONDS"),
        ("SALTED_LOW_EVALUATION", "SALTED_LOW_SCORE_THRESHOLD"),
        ("SALTED_ENOUGH_ENGAGEMENTS", "SALTED_MIN_ENGAGEMENTS"),
        ("SALTED_ENOUGH_EVALUATIONS", "SALTED_MIN_EVALUATIONS"),
        ("SALTED_ENOUGH_RELIABILITY", "SALTED_MIN_RELIABILITY"),
    ],
)
def test_an_old_name_is_refused_with_the_new_one(old: str, new: str) -> None:
    with pytest.raises(SettingsError, match=f"{old} is now called {new}"):
        Settings.load(REAL | {old: "3"})
    assert Settings.load(REAL | {old: ""}) == Settings.load(REAL)


def test_an_old_name_in_the_env_file_is_refused(empty_place: Path) -> None:
    (empty_place / ".env").write_text("SALTED_REPULL_DAYS=3\n")

    with pytest.raises(SettingsError, match="SALTED_LOOKBACK_DAYS"):
        Settings.load()


@pytest.mark.parametrize(
    ("variable", "advice"),
    [
        ("SALTED_TIMZONE", "did you mean SALTED_TIMEZONE?"),
        ("salted_timezone", "did you mean SALTED_TIMEZONE?"),
        ("SALTED_APIKEY", "did you mean SALTED_API_KEY?"),
        ("SALTED_SIMULATED", "the README lists all settings"),
        ("SALTED_MOOD", "the README lists all settings"),
    ],
)
def test_an_unknown_variable_is_named_and_has_no_effect(variable: str, advice: str) -> None:
    with pytest.warns(UnknownSetting) as said:
        settings = Settings.load(REAL | {variable: "Europe/Prague"})

    assert [str(each.message) for each in said] == [
        f"{variable} is set and is no setting, so it has no effect: {advice}"
    ]
    assert settings == Settings.load(REAL)


@pytest.mark.parametrize(
    "variable",
    [
        "SALTED_CONTACT",
        "SALTED_ASSETS_SERVICE_HOST",
        "SALTED_ASSETS_SERVICE_PORT_HTTP",
        "SALTED_ASSETS_PORT",
        "SALTED_ASSETS_PORT_3000_TCP_ADDR",
        "UNSALTED",
    ],
)
def test_variables_of_others_are_none_of_our_business(variable: str) -> None:
    assert Settings.load(REAL | {variable: "x"}) == Settings.load(REAL)


@pytest.mark.usefixtures("empty_place")
def test_what_is_constructed_does_not_depend_on_the_environment() -> None:
    os.environ["SALTED_TIMEZONE"] = "Europe/Prague"

    assert Settings().timezone == "UTC"
    assert Settings.load().timezone == "Europe/Prague"


def test_each_setting_is_in_one_group() -> None:
    grouped = [name for group in GROUPS for name in group.model_fields]

    assert sorted(grouped) == sorted(Settings.model_fields)


@pytest.mark.parametrize(("variable", "text", "message"), REFUSED)
def test_a_mistake_is_refused_by_its_variable(variable: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(REAL | {variable: text})

    assert str(caught.value).startswith(f"{variable}: ")
    assert message in str(caught.value)
    assert caught.value.__cause__ is None
    assert KEY not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text", "shown"),
    [
        ("SALTED_TIMEZONE", "Europe/Praha", "'Europe/Praha'"),
        ("SALTED_SCHEDULE_HOUR", "24", "'24'"),
        ("SALTED_DATASETS", "engagement,tickets", "'tickets'"),
        ("SALTED_QUESTION_WEIGHTS", "q1=-2,q2=1", "'-2'"),
        ("SALTED_API_URL", "https://me:sec/r@t@api.eu.salted.cx", "'https://...@api.eu.salted.cx'"),
        ("SALTED_REPORTS_URL", "https://reports.example.test/?token=1", "'https://reports.example.test/?...'"),
        ("SALTED_ACCOUNT", "A" * 200, f"'{'A' * 80}...'"),
    ],
)
def test_the_wrong_value_is_named(variable: str, text: str, shown: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(REAL | {variable: text})

    assert str(caught.value).endswith(f" (given: {shown})")


@pytest.mark.parametrize(
    ("variable", "text"),
    [("SALTED_ALERT_WEBHOOK", "hooks.example.test/T0/token"), ("SALTED_API_KEY_SECRET", "sk-pasted-here")],
)
def test_a_value_that_may_be_secret_is_not_named(variable: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"SALTED_START_DATE": "2024-02-01", variable: text})

    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"2024-12-25\n\n25.12.2024  # Christmas\n",
            "line 3 of the file is '25.12.2024'; write a day such as 2024-12-25",
        ),
        (b"2024-12-32\n", "line 1 of the file is '2024-12-32'"),
        ("2024-12-25".encode("utf-16"), "the file is not text in UTF-8"),
    ],
)
def test_a_file_of_holidays_that_cannot_be_read_is_named_with_its_line(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "holidays.txt"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        Settings.load(REAL | {"SALTED_HOLIDAYS": str(path)})
    assert str(caught.value).startswith(f"SALTED_HOLIDAYS: {said}")
    path.unlink()
    with pytest.raises(SettingsError, match=r"SALTED_HOLIDAYS: the file cannot be read \(No such file or directory\)"):
        Settings.load(REAL | {"SALTED_HOLIDAYS": str(path)})


def test_a_warehouse_without_a_key_is_refused_and_nothing_written(empty_place: Path) -> None:
    with pytest.raises(SettingsError, match="SALTED_WAREHOUSE is set but SALTED_API_KEY is not"):
        Settings.load({"SALTED_WAREHOUSE": "precious"})

    assert list(empty_place.iterdir()) == []


def test_a_real_vendor_needs_a_first_day() -> None:
    with pytest.raises(SettingsError, match="SALTED_START_DATE is required with a real vendor"):
        Settings.load({KEY_VARIABLE: KEY})


def test_settings_hold_no_key() -> None:
    settings = Settings.load(REAL)

    assert KEY not in repr(settings) + str(settings) + settings.model_dump_json() + repr(vars(settings))


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings.load({}).timezone = "Europe/Prague"


def test_the_env_file_fills_gaps_and_the_environment_wins(empty_place: Path) -> None:
    (empty_place / ".env").write_text(
        f"{KEY_VARIABLE}={KEY}\nSALTED_START_DATE=2024-03-01\nSALTED_TIMEZONE=Europe/Prague\n"
    )
    os.environ["SALTED_TIMEZONE"] = "America/New_York"

    settings = Settings.load()

    assert (settings.start_date, settings.timezone) == (date(2024, 3, 1), "America/New_York")
    assert not settings.simulated
    assert os.environ[KEY_VARIABLE] == KEY


def test_an_env_file_of_another_folder_is_not_read(empty_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_place / ".env").write_text("SALTED_TIMEZONE=Europe/Prague\n")
    (empty_place / "below").mkdir()
    monkeypatch.chdir(empty_place / "below")

    assert Settings.load().timezone == "UTC"
