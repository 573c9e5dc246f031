"""`salted handover`: the archive of a contact export as a file, byte for byte or for spreadsheets."""

import csv
import io
import stat
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.cli import main
from salted_assets.cli.handover import quote_archive
from salted_assets.landing import archive_path
from salted_assets.schemas.spreadsheets import quote_cell
from salted_assets.warehouse import Warehouse

ROWS = [
    ["pid", "name", "phone", "sentiment", "notes"],
    ["c1", '=HYPERLINK("https://example.test","x")', "+49 30 1234", "-0.5", 'said "hello",\nthen left'],
    ["c2", "@sum(1)", "-1+1", "12", "\u010ce\u0161tina"],
    ["c3", "\t=1", "a=b", "-3E-5", ""],
]


def zip_of(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.comment = b"simulated data"
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def csv_of(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def rows_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


ARCHIVE = zip_of({"2024-01-09/customers.csv": csv_of(ROWS), "2024-01-09/agents.csv": b"pid,name\na1,\xff\xfe\n"})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory whose demo has one archive."""
    monkeypatch.chdir(tmp_path)
    Warehouse(str(tmp_path / "data" / "demo"), simulated=True).write_bytes(archive_path("a-run"), ARCHIVE)
    return tmp_path


def handover(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["handover", *arguments])


def test_the_archive_is_copied_as_it_is_for_its_owner_alone(folder: Path) -> None:
    result = handover("a-run", "--output", "mine.zip")
    copy = folder / "mine.zip"
    assert (result.exit_code, copy.read_bytes()) == (0, ARCHIVE), result.output
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["data", "mine.zip"]


def test_cells_that_a_spreadsheet_would_calculate_are_quoted_and_no_other_is_changed(folder: Path) -> None:
    assert handover("a-run", "--for-spreadsheets").exit_code == 0
    with zipfile.ZipFile(folder / "contact_export.zip") as archive:
        assert archive.comment == b"simulated data"
        assert archive.namelist() == ["2024-01-09/customers.csv", "2024-01-09/agents.csv"]
        header, first, second, third = rows_of(archive.read("2024-01-09/customers.csv"))
        assert archive.read("2024-01-09/agents.csv") == b"pid,name\na1,\xff\xfe\n"
    assert header == ROWS[0]
    assert first == ["c1", '\'=HYPERLINK("https://example.test","x")', "'+49 30 1234", *ROWS[1][3:]]
    assert second == ["c2", "'@sum(1)", "'-1+1", *ROWS[2][3:]]
    assert third == ["c3", "'\t=1", *ROWS[3][2:]]


@given(
    rows=st.lists(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))), min_size=1)
)
def test_every_cell_comes_through(rows: list[list[str]]) -> None:
    target = io.BytesIO()
    given_rows = rows_of(csv_of(rows))
    quote_archive(io.BytesIO(zip_of({"a.csv": csv_of(rows)})), target)
    with zipfile.ZipFile(target) as archive:
        assert rows_of(archive.read("a.csv")) == [[quote_cell(cell) for cell in row] for row in given_rows]


def test_nothing_is_replaced_and_what_is_not_there_is_said(folder: Path) -> None:
    (folder / "contact_export.zip").write_text("mine")
    taken, missing = handover("a-run"), handover("another-run", "--output", "other.zip")
    assert (taken.exit_code, missing.exit_code) == (1, 1)
    assert "contact_export.zip is there already; name another file with --output" in taken.stderr
    assert "there is no contact_exports/another-run/contact_export.zip in " in missing.stderr
    assert (folder / "contact_export.zip").read_text() == "mine"
    assert not (folder / "other.zip").exists()
