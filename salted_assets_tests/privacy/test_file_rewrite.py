"""Files without the records of erased customers: every other byte stays, whatever the records look like."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salted_assets.ingest import LostSyncError, read_table, record_spans
from salted_assets.privacy.erasure_filter import ErasureFilter
from salted_assets.privacy.file_rewrite import FilteredStream, build_rewrite
from salted_assets.privacy.register import ErasedPids
from salted_assets.schemas import DATASET_MODELS
from salted_assets_tests.support.ingesting import header, raw_file, read_whole, record

KEY = bytes(32)
NOBODY = ErasedPids(KEY)
C1, E1 = NOBODY.hash_pid("c1"), NOBODY.hash_pid("e1")
ERASED = ErasedPids(KEY, frozenset([C1]), frozenset([E1]))


@pytest.fixture(params=[1 << 22, 64])
def chunked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_spans, "_CHUNK_BYTES", request.param)


def filtered(dataset: str, data: bytes, erasure_filter: ErasureFilter | None = None) -> tuple[bytes, int]:
    stream = FilteredStream(io.BytesIO(data), dataset, erasure_filter or ErasureFilter(ERASED), "a-file")
    parts = []
    while part := stream.read(50):
        parts.append(part)
    return b"".join(parts), stream.erased_count


def turn(engagement: str = "e2", pid: str = "t", content: bytes = b"hello") -> bytes:
    return record(DATASET_MODELS["turn"], pid=pid, engagement_pid=engagement, content=content)


TURN = header(DATASET_MODELS["turn"])


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize(
    ("dataset", "theirs", "others"),
    [
        ("customer", {"pid": "c1"}, {"pid": "c2"}),
        ("engagement", {"pid": "e9", "contact_pid": "c1"}, {"pid": "e2", "contact_pid": "c2"}),
        ("engagement", {"pid": "e1", "contact_pid": "c2"}, {"pid": "e2", "contact_pid": ""}),
        ("turn", {"pid": "t1", "engagement_pid": "e1"}, {"pid": "t2", "engagement_pid": "e2"}),
        ("review", {"pid": "", "engagement_pid": "e1"}, {"pid": "e1", "engagement_pid": "e2"}),
    ],
)
def test_whose_a_record_is(dataset: str, theirs: dict[str, str], others: dict[str, str]) -> None:
    model = DATASET_MODELS[dataset]
    own, other = (record(model, **{"contact_pid": "", **cells}) for cells in (theirs, others))

    assert filtered(dataset, header(model) + own + other + own) == (header(model) + other, 2)


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize("spelling", ["plain", "crlf", "bom", "no line end", "blank lines", "quoted"])
def test_all_other_bytes_stay(spelling: str) -> None:
    spell: Callable[[bytes], bytes] = {
        "plain": lambda data: data,
        "crlf": lambda data: data.replace(b"\n", b"\r\n"),
        "bom": lambda data: data,
        "no line end": lambda data: data.rstrip(b"\n"),
        "blank lines": lambda data: data + b"\n\n",
        "quoted": lambda data: data.replace(b"hello", b'"he said ""e1,c1""\nand\r\nleft"'),
    }[spelling]
    before = b"\xef\xbb\xbf" if spelling == "bom" else b""
    parts = [turn(), turn("e1", "t1"), turn("e3"), turn("e1", "t2")]
    kept = [turn(), turn("e3")]
    if spelling == "no line end":
        assert filtered("turn", TURN + spell(b"".join([*parts, turn()]))) == (TURN + b"".join(kept) + spell(turn()), 2)
    elif spelling == "blank lines":
        data = TURN + b"\n".join(parts) + b"\n\n"
        assert filtered("turn", data) == (data.replace(parts[1], b"").replace(parts[3], b""), 2)
    else:
        spelled = [spell(part) for part in parts]
        expected = before + spell(TURN) + spelled[0] + spelled[2]
        assert filtered("turn", before + spell(TURN) + b"".join(spelled)) == (expected, 2)


def test_an_engagement_that_is_learned_of_is_known_for_its_turns() -> None:
    erasure_filter = ErasureFilter(ErasedPids(KEY, frozenset([C1])))
    model = DATASET_MODELS["engagement"]
    engagements = header(model) + record(model, pid="e7", contact_pid="c1")
    assert filtered("turn", TURN + turn("e7"), erasure_filter) == (TURN + turn("e7"), 0)

    assert filtered("engagement", engagements, erasure_filter) == (header(model), 1)
    assert filtered("turn", TURN + turn("e7") + turn(), erasure_filter) == (TURN + turn(), 1)
    assert erasure_filter.learned.engagements == {erasure_filter.erased.hash_pid("e7")}


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize(
    "quoted", [b't9,e1,"she said "no, and\n', b't9,e1,"she said no, and\n', b"t9,e1,she said no\n"]
)
def test_a_broken_record_goes_with_all_lines_that_belong_to_it(quoted: bytes) -> None:
    broken = quoted + b"nobody knows\nwhat, else\n"
    another = b"t8,e2,too,few\n"
    data = TURN + turn() + broken + turn("e3") + another + turn()

    assert filtered("turn", data) == (TURN + turn() + turn("e3") + another + turn(), 3)


def test_a_file_that_cannot_be_split_stays_and_is_told_of() -> None:
    data = TURN + turn() + b't9,e1,"cut off in the midst\n'
    with pytest.raises(LostSyncError):
        filtered("turn", data)
    reported: list[str] = []

    count = build_rewrite(ErasureFilter(ERASED), reported.append)(
        "turn", io.BytesIO(data), lambda _: None, "raw/a-file"
    )

    assert (count, len(reported)) == (0, 1)
    assert "raw/a-file" in reported[0]
    assert "cut off in the midst" not in reported[0]


CELLS = st.sampled_from([b"", b"plain", b'"quoted, ""twice"""', b'"two\nlines"', b'"e1"', "č".encode()])
PIECES = st.one_of(
    st.builds(turn, st.sampled_from(["e1", "e2", "e3"]), st.sampled_from(["t1", "t2"]), CELLS),
    st.just(b"\n"),
    st.sampled_from([b"t7,e2,too,few\n", b"t7,e2,\xff,not,utf-8\n", b't7,e5,"a" b\n', b"t6,e6,nul,\0\n"]),
)
BROKEN_THEIRS = b"t7,e1,too,few\n"


@given(st.lists(st.one_of(PIECES, st.just(BROKEN_THEIRS)), max_size=30), st.sampled_from([32, 100, 1 << 20]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_kept_is_what_is_not_theirs(parts: list[bytes], chunk_bytes: int) -> None:
    theirs = [part for part in parts if part == BROKEN_THEIRS or b",e1," in part]
    expected = TURN + b"".join(part for part in parts if part not in theirs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_spans, "_CHUNK_BYTES", chunk_bytes)
        assert filtered("turn", TURN + b"".join(parts)) == (expected, len(theirs))


def test_loading_counts_what_is_left_out() -> None:
    model = DATASET_MODELS["turn"]
    data = TURN + turn("e1", "t1") + turn("e2", "t2") + b"t3,e1,broken\n" + turn("e3", "t3") + turn("e3", "t3")
    file = replace(
        raw_file(data), filter_erased=lambda plain: FilteredStream(plain, "turn", ErasureFilter(ERASED), "a-file")
    )
    stream = read_table(model, [file])
    for one_pass in stream.passes():
        batches = list(one_pass)

    found = stream.statistics
    assert [pid for batch in batches for pid in batch.table["pid"].to_pylist()] == ["t2", "t3"]
    assert (found.file_rows, found.table_rows, found.erased_records, found.identical_duplicates) == (5, 2, 2, 1)
    assert (found.rejected_records, sum(batch.rejects.num_rows for batch in batches)) == (0, 0)
    assert read_whole(model, data).statistics.file_rows == found.file_rows
