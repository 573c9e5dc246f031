"""Which checks of the days that runs have just made do not pass, read from Dagster's records.

Checks that fail no run, and runs that succeed all the same, are seen nowhere else but in the UI.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

import dagster as dg

from salted_assets.defs.asset_checks.outcome import NEW, PROBLEM, SUMMARY
from salted_assets.defs.asset_keys import local_path


@dataclass(frozen=True, order=True)
class FailingCheck:
    """A check that did not pass on a day; `summary` says what was found, and how many.

    `is_error` is false of a warning: the data are there as they were delivered, and worth a look. Where `quotes_error`
    is true the summary is an error's own text, which may hold a piece of the file. One that `is_known` found nothing
    that was not found on the days before, too.
    """

    day: date
    table: str
    check: str
    summary: str
    is_error: bool
    quotes_error: bool = False
    is_known: bool = False

    def __str__(self) -> str:
        """One line for people.

        >>> str(FailingCheck(date(2024, 1, 31), "tables/turn", "rejects", "2 records and 0 cells were refused", False))
        '2024-01-31 tables/turn rejects: 2 records and 0 cells were refused'
        """
        return f"{self.day} {self.table} {self.check}: {self.summary}"


def list_failing_checks(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> list[FailingCheck]:
    """The checks that do not pass on the days that these runs made, by day and table; none where all pass.

    Of a day that several runs made the newest outcome counts, so `run_ids` are in the order of the runs. Checks that
    are not of a day, such as `failed_partitions`, are left out. Of what stands for many days there are the days that
    found something new, and the last one.
    """
    newest: dict[tuple[str, str, str], dg.AssetCheckEvaluation] = {}
    for run_id in run_ids:
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
            evaluation = entry.get_dagster_event().asset_check_evaluation_data
            if evaluation.partition is not None:
                key = (evaluation.partition, "/".join(local_path(evaluation.asset_key)), evaluation.check_name)
                newest[key] = evaluation
    found = [
        FailingCheck(
            day=date.fromisoformat(day),
            table=table,
            check=check,
            summary=_summarize(evaluation),
            is_error=evaluation.severity == dg.AssetCheckSeverity.ERROR,
            quotes_error=PROBLEM in evaluation.metadata,
            is_known=NEW in evaluation.metadata and not evaluation.metadata[NEW].value,
        )
        for (day, table, check), evaluation in sorted(newest.items(), key=lambda item: item[0])
        if not evaluation.passed
    ]
    last = {(each.table, each.check): each.day for each in found}
    return [each for each in found if not each.is_known or each.day == last[each.table, each.check]]


def list_failing_of_days(
    instance: dg.DagsterInstance, made: Iterable[dg.EventLogRecord], days: Collection[date]
) -> list[FailingCheck]:
    """Those that do not pass on these days, of the runs that made them: `made` are materializations, in any order."""
    run_ids = dict.fromkeys(record.run_id for record in sorted(made, key=lambda record: record.storage_id))
    return [check for check in list_failing_checks(instance, run_ids) if check.day in days]


def _summarize(evaluation: dg.AssetCheckEvaluation) -> str:
    found = evaluation.metadata.get(SUMMARY) or evaluation.metadata.get(PROBLEM)
    return str(found.value) if found is not None else "it did not pass; see it in the UI"
