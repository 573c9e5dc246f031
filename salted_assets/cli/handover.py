"""The command `salted handover`: the archive of a contact export as a file, as delivered or for spreadsheets."""

import csv
import io
import shutil
import sys
import zipfile
from pathlib import Path
from typing import IO, BinaryIO

import click

from salted_assets.cli.options import load_settings, open_warehouse
from salted_assets.cli.private_files import refuse_to_replace, writing_private_file
from salted_assets.landing import archive_path
from salted_assets.schemas.spreadsheets import quote_cell
from salted_assets.warehouse import WarehouseError

_COPY_BYTES = 1 << 20


@click.command()
@click.argument("run_id")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("contact_export.zip"),
    show_default=True,
    metavar="FILE",
    help="Where to write it; a file that is there is not replaced.",
)
@click.option(
    "--for-spreadsheets",
    is_flag=True,
    help="Put an apostrophe before cells that begin with = + - @, which a spreadsheet would take for formulas.",
)
def handover(run_id: str, output: Path, *, for_spreadsheets: bool) -> None:
    """Copy the archive of a contact export out of the warehouse, to be handed over.

    RUN_ID is that of the run of the job `contact_export`. The archive itself stays as it is.
    """
    warehouse = open_warehouse(load_settings())
    try:
        with warehouse.open(archive_path(run_id)) as archive:
            refuse_to_replace(output)
            with writing_private_file(output) as copy:
                if for_spreadsheets:
                    quote_archive(archive, copy)
                else:
                    shutil.copyfileobj(archive, copy, _COPY_BYTES)
    except FileNotFoundError:
        raise click.ClickException(f"there is no {archive_path(run_id)} in {warehouse.uri}") from None
    except (WarehouseError, OSError, zipfile.BadZipFile) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{output}: personal data, for the eyes of its owner")


def quote_archive(source: BinaryIO, target: BinaryIO) -> None:
    """Write a ZIP of CSV files again so that no cell of it is taken for a formula."""
    csv.field_size_limit(sys.maxsize)
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        written.comment = read.comment
        for name in read.namelist():
            with _as_text(read.open(name)) as plain, _as_text(written.open(name, "w", force_zip64=True)) as quoted:
                writer = csv.writer(quoted, lineterminator="\n")
                writer.writerows([quote_cell(cell) for cell in row] for row in csv.reader(plain))


def _as_text(file: IO[bytes]) -> io.TextIOWrapper:
    """The file as text; bytes that are no UTF-8 come out as they went in."""
    return io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
