"""Lists of pids in the encodings that people save: read in full, or refused in words."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.privacy import PidListError, clean_pids, parse_pids

PIDS = ["c-1", "c-2", "c-ž"]
TEXT = "c-1\r\n\r\n c-2\u00a0\nc-1\n\tc-ž"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
        "c-1\rc-2\rc-ž".encode(),
        b"c-1\n" + codecs.BOM_UTF8 + "c-2\nc-ž\n".encode(),
    ],
    ids=["utf-8", "utf-8 bom", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cr", "bom in the middle"],
)
def test_what_people_save_is_read(data: bytes) -> None:
    assert parse_pids(data) == PIDS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("c-1\nc-ž".encode("cp1250"), "line 2 of the list of pids is not UTF-8"),
        (codecs.BOM_UTF16_LE + "c-1".encode("utf-16-le")[:-1], "is not UTF-16"),
        ("c-1\n".encode("utf-16-le"), "NUL characters"),
        ("c-1\n".encode("utf-16-be"), "NUL characters"),
    ],
    ids=["cp1250", "cut utf-16", "utf-16-le without bom", "utf-16-be without bom"],
)
def test_what_cannot_be_read_for_sure_is_refused_without_its_content(data: bytes, words: str) -> None:
    with pytest.raises(PidListError, match=words) as refused:
        parse_pids(data)
    assert "c-1" not in str(refused.value)


@given(
    st.lists(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1), unique=True),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_every_pid_is_read_in_every_encoding(pids: list[str], encoding: str, line_end: str) -> None:
    assert parse_pids(line_end.join(pids).encode(encoding)) == pids


def test_pids_of_the_command_line_are_cleaned_too() -> None:
    assert clean_pids([" a ", "\ufeffb", "a", " \u00a0"]) == ["a", "b"]
