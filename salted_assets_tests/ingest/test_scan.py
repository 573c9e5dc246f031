"""Bytes and pairs of bytes are found where plain Python finds them, also over the border of two blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.ingest import scan

texts = st.text(st.sampled_from(list('0xX1"')), max_size=20).map(str.encode)


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_BLOCK_BYTES", 3)
        yield


@given(texts)
def test_bytes_are_found_and_counted(data: bytes) -> None:
    expected = [index for index in range(len(data)) if data[index : index + 1] == b'"']

    assert scan.find_bytes(data, b'"').tolist() == expected
    assert scan.count_bytes(data, b'"') == len(expected)


@given(texts)
def test_pairs_are_found(data: bytes) -> None:
    pairs = [data[index : index + 2] in {b"0x", b"0X"} for index in range(len(data))]

    assert scan.find_pairs(data, b"0", b"xX").tolist() == [index for index, is_pair in enumerate(pairs) if is_pair]
