"""The job `contact_export`, which answers a contact's request for their data by `landing.contact_export`.

Dagster keeps the run config of the launchpad in its run storage, in plain text, for as long as the run is kept. So the
config takes the name of the variable or file that holds the contact's value, never the value.
"""

import os
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from salted_assets.defs.asset_keys import pool_of
from salted_assets.defs.resources import SaltedExportResource
from salted_assets.defs.retries import RETRY_POLICY, dagster_errors
from salted_assets.landing import ContactDelivery, ContactManifest, ContactRequest
from salted_assets.settings import CONTACT_VARIABLE, DATASETS, Settings

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DESCRIPTION = """\
Everything that the vendor holds under one e-mail address or phone number, from the first to the last day, as one zip \
of CSV files below `contact_exports/` in the warehouse, with a manifest beside it.

Put the address or number into the environment variable SALTED_CONTACT of the process that runs it, or into a file, \
and name that in the launchpad. Do not write the value itself there: Dagster keeps run config in plain text. The \
request is named by the run's random id, and the value is in no tag, log, event, file name or manifest.

One export per day, one after the other, through the same pool as the daily exports. A contact that the vendor does \
not know, or that has no customers, ends the run with that outcome and without a zip. The zip is personal data: hand \
it over, then delete the folder.
"""
_COMPLETE = "The archive is complete."
_OUTCOMES = {
    "complete": _COMPLETE,
    "contact_not_found": "The vendor cannot resolve the contact (CONTACT_NOT_FOUND). Nothing was exported. Look for a "
    "slip in the value: if there is none, the account does not know this contact.",
    "no_customers": "The vendor knows the contact and holds no customer records of it (NO_CUSTOMERS_FOR_CONTACT). "
    "There is nothing to export.",
}


_TO_BE_WRITTEN = ""
"""A day that has no default: a launchpad opens with it, and a run refuses it."""

_PREFILLED = {
    "ops": {
        "export_contact": {
            "config": {
                "first_day": _TO_BE_WRITTEN,
                "last_day": _TO_BE_WRITTEN,
                "contact_variable": CONTACT_VARIABLE,
                "datasets": list(DATASETS),
            }
        }
    }
}
"""What stands in the launchpad when it is opened, to be completed."""


class ContactExportConfig(dg.Config):
    """What the launchpad asks for."""

    first_day: str = Field(
        default=_TO_BE_WRITTEN,
        description="First day to export, such as 2024-01-01, in the time zone of the partitions. Nothing is exported "
        "without it.",
    )
    last_day: str = Field(
        default=_TO_BE_WRITTEN, description="Last day to export, that day included. Nothing is exported without it."
    )
    datasets: list[str] = Field(default=list(DATASETS), description="Datasets to export; by default all five.")
    contact_variable: str = Field(
        default=CONTACT_VARIABLE,
        description="Name of the environment variable that holds the e-mail address or phone number. Never write the "
        "value itself: Dagster keeps what stands here in its run storage, in plain text.",
    )
    contact_file: str | None = Field(
        default=None,
        description="Instead of the variable: path of a text file that holds the value and nothing else, readable "
        "where the run is executed. Its name is kept in plain text, too.",
    )


def build_contact_export(settings: Settings) -> dg.JobDefinition:
    """The job, launched by hand alone."""
    simulated = str(settings.simulated).lower()

    @dg.op(
        name="export_contact",
        description="Exports the days one by one and writes the archive.",
        pool=pool_of(settings.account),
        retry_policy=RETRY_POLICY,
        out=dg.Out(dg.Nothing),
        tags={"simulated": simulated},
    )
    def export_contact(
        context: dg.OpExecutionContext, config: ContactExportConfig, salted_export: SaltedExportResource
    ) -> None:
        request = _build_request(config, context.run_id)
        contact = _read_contact(config)

        def report(delivery: ContactDelivery) -> None:
            rows = sum(file.row_count for file in delivery.files)
            context.log.info("%s: %d rows in %d files", delivery.export.day, rows, len(delivery.files))

        with dagster_errors():
            manifest = salted_export.export_contact(request, contact, report)
        meaning = _explain(manifest)
        (context.log.info if meaning == _COMPLETE else context.log.warning)(meaning)
        context.add_output_metadata(_describe(manifest, salted_export.warehouse.open().uri))

    @dg.job(
        name="contact_export",
        description=_DESCRIPTION,
        tags={"simulated": simulated},
        config=_PREFILLED,
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        export_contact()

    return job


def _build_request(config: ContactExportConfig, run_id: str) -> ContactRequest:
    first, last = _read_day(config.first_day, "first_day"), _read_day(config.last_day, "last_day")
    if last < first:
        raise _refusal(f"last_day ({last}) lies before first_day ({first}).")
    if not config.datasets or not set(config.datasets) <= set(DATASETS):
        raise _refusal(f"datasets takes one or more of {', '.join(DATASETS)}.")
    return ContactRequest(run_id, first, last, tuple(name for name in DATASETS if name in config.datasets))


def _read_day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise _refusal(f"{field} is no day; write one such as 2024-01-31.") from None


def _read_contact(config: ContactExportConfig) -> str:
    """The contact's value. What was written into the config is not repeated: it may be the value, by mistake."""
    if config.contact_file is not None:
        try:
            value = Path(config.contact_file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise _refusal(f"the file named in contact_file cannot be read ({type(error).__name__}).") from None
        source = "the file named in contact_file"
    else:
        if not _NAME.fullmatch(config.contact_variable):
            raise _refusal(
                "contact_variable is not the name of an environment variable. If it holds the contact itself, that now "
                "lies in Dagster's run storage: delete this run in the UI."
            )
        value = os.environ.get(config.contact_variable, "").strip()
        source = f"the environment variable {config.contact_variable}"
    if not value or not value.isprintable():
        raise _refusal(f"{source} holds no e-mail address or phone number on a single line.")
    return value


def _refusal(problem: str) -> dg.Failure:
    return dg.Failure(description=f"Nothing was exported: {problem}", allow_retries=False)


def _explain(manifest: ContactManifest) -> str:
    missing = _count_not_delivered(manifest)
    if missing:
        return (
            f"The archive lacks {missing} files that the vendor did not give; `not_delivered` in its manifest names "
            "them. Ask the vendor why, then launch the job again."
        )
    return _OUTCOMES[manifest.outcome]


def _count_not_delivered(manifest: ContactManifest) -> int:
    return sum(len(delivery.not_delivered) for delivery in manifest.deliveries)


def _describe(manifest: ContactManifest, warehouse_uri: str) -> dict[str, Any]:
    files = [file for delivery in manifest.deliveries for file in delivery.files]
    return {
        "outcome": manifest.outcome,
        "meaning": _explain(manifest),
        "request_id": manifest.request_id,
        "archive": "none" if manifest.archive is None else f"{warehouse_uri}/{manifest.archive}",
        "archive_bytes": manifest.archive_byte_count or 0,
        "exports": len(manifest.deliveries),
        "rows": sum(file.row_count for file in files),
        "rows_by_dataset": _count_rows(manifest.datasets, manifest.deliveries),
        "files_not_delivered": _count_not_delivered(manifest),
        "simulated": manifest.simulated,
    }


def _count_rows(datasets: Sequence[str], deliveries: Sequence[ContactDelivery]) -> dict[str, int]:
    rows = dict.fromkeys(datasets, 0)
    for delivery in deliveries:
        for file in delivery.files:
            rows[file.dataset] += file.row_count
    return rows
