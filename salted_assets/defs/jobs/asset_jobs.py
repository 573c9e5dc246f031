"""The jobs that the launchpad offers, and what each of them takes along."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from salted_assets.defs.asset_keys import EXPORT_HISTORY, RAW_EXPORT, account_key

REFRESH: Mapping[str, Any] = {"ops": {RAW_EXPORT.to_python_identifier(): {"config": {"refresh": True}}}}
"""Run config with which `raw/export` requests a new export of a day that is complete."""

_TABLES = dg.AssetSelection.groups("tables")
_SCORES = dg.AssetSelection.groups("scores", "report")

_DAILY = """\
A day from export to scores. A complete day is not exported again: its tables and scores are made again from what \
is there. This is what the schedule runs for the day that ended.
"""
_REFRESH_DAY = """\
A new export of a day, then its tables and scores: for what the vendor knows of the day by now. The earlier export is \
superseded and kept. Look that `refresh` is true in the launchpad: with false this is the job `daily`.

It costs one export, which the vendor asks to keep few. A day that cannot be exported yet is refused, with the time \
from which on it can be.
"""
_REPARSE = """\
The tables of a day made again from its raw files, then its scores: after an update of this platform or a change of \
settings that concern tables. It asks the vendor for nothing and needs no key.

Launch it as a backfill for many days. Scores of earlier days that the rows concern follow by the restatement sensor.
"""
_RESTATE_SCORES = """\
The scores of a day made again from the tables that are there, those of windows that end on it included: after a \
change of settings that concern scores, or for windows that are out of date. It asks the vendor for nothing.

The restatement sensor runs it for days whose tables are newer than their scores. `salted restate FIRST LAST` does the \
same without a daemon.
"""


def build_jobs(*, has_scores: bool, account: str = "") -> dict[str, Any]:
    """The jobs by name; without scores there is none to restate."""
    export = dg.AssetSelection.assets(account_key(RAW_EXPORT.path, account))
    history = dg.AssetSelection.assets(account_key(EXPORT_HISTORY.path, account))
    raw = dg.AssetSelection.groups("raw", "rejects", "changes") - history
    jobs = [
        _job("daily", raw | _TABLES | _SCORES, _DAILY),
        _job("refresh_day", export | _TABLES | _SCORES, _REFRESH_DAY, config=REFRESH),
        _job("reparse", _TABLES | _SCORES, _REPARSE),
    ]
    if has_scores:
        jobs.append(_job("restate_scores", _SCORES, _RESTATE_SCORES))
    return {job.name: job for job in jobs}


def _job(name: str, selection: dg.AssetSelection, description: str, config: Mapping[str, Any] | None = None) -> Any:
    return dg.define_asset_job(
        name,
        selection=selection,
        description=description,
        config=None if config is None else dict(config),
        executor_def=dg.in_process_executor,
    )
