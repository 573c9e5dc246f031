"""What is counted of a file while it is stored, in pieces of any size."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from salted_assets.landing.raw_files import RawFileWriter

RECORDS = st.sampled_from(["a,b", '"a",b', '"a\n\nb",c', '"""\r\n",', '""', " ", ",", "\r"])
LINES = st.lists(st.tuples(st.one_of(st.just(""), RECORDS), st.sampled_from(["\n", "\r\n"])), max_size=12)


@given(lines=LINES, is_ended=st.booleans(), sizes=st.lists(st.integers(1, 7), min_size=1))
def test_rows_are_records_less_the_header_and_blank_lines_are_none(
    lines: list[tuple[str, str]], is_ended: bool, sizes: list[int]
) -> None:
    # a line of a return alone, before a line end, is a blank line
    records = [text for text, end in lines if text not in {"", "\r"} or (text and end == "\r\n")]
    data = "".join(text + end for text, end in lines).encode()
    if not is_ended and lines and lines[-1][0] not in {"", "\r"}:
        data = data.removesuffix(lines[-1][1].encode())
    with RawFileWriter(Path("/dev/null")) as writer:
        position = 0
        while position < len(data):
            size = sizes[position % len(sizes)]
            writer.write(data[position : position + size])
            position += size

    assert writer.row_count == max(len(records) - 1, 0)
