"""Files and responses that come encoded, over a real socket: decoded within the limits, verified as sent."""

import gzip
import hashlib
import json
import zlib
from base64 import b64encode
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.salted_cx import (
    ClientConfig,
    DownloadCorrupted,
    DownloadInterrupted,
    DownloadTooLarge,
    ExportClient,
    ExportStatus,
    UnexpectedResponse,
)
from salted_assets.salted_cx.content_coding import Decoder, read_codings
from salted_assets_tests.support.api_calls import COMPLETED, STATUS, URLS, build_client
from salted_assets_tests.support.api_downloads import CONTENT, SIZE, fetch_turn, serve_turn
from salted_assets_tests.support.scripted_vendor import (
    FakeTime,
    Reply,
    ScriptedVendor,
    StoredFile,
    corrupt,
    cut,
    instead,
    with_headers,
)

GZIPPED = gzip.compress(CONTENT, 1)
DEFLATED = zlib.compress(CONTENT)
RAW_DEFLATED = DEFLATED[2:-4]
TWO_MEMBERS = gzip.compress(CONTENT[:999]) + gzip.compress(CONTENT[999:])
MARKED = with_headers(Content_Encoding="gzip")


def serve_encoded(vendor: ScriptedVendor, stored: bytes, coding: str) -> None:
    vendor.always(
        "GET", "/turn1.csv", lambda asked: with_headers(Content_Encoding=coding)(asked, StoredFile(stored)(asked))
    )


@pytest.mark.parametrize(
    ("stored", "coding"),
    [
        (GZIPPED, "gzip"),
        (GZIPPED, "X-GZIP"),
        (GZIPPED, "aws-chunked, gzip"),
        (gzip.compress(GZIPPED), "gzip, gzip"),
        (TWO_MEMBERS, "gzip"),
        (TWO_MEMBERS + b"\0" * 512, "gzip"),
        (DEFLATED, "deflate"),
        (RAW_DEFLATED, "deflate"),
    ],
)
def test_an_encoded_file_is_decoded_and_both_hashes_are_given(
    vendor: ScriptedVendor, client: ExportClient, stored: bytes, coding: str
) -> None:
    serve_encoded(vendor, stored, coding)

    given_file, sink = fetch_turn(client, vendor)

    assert sink.data == CONTENT
    assert (given_file.byte_count, given_file.sha256) == (SIZE, hashlib.sha256(CONTENT).hexdigest())
    assert given_file.md5_verified
    assert given_file.encoded is not None
    assert given_file.encoded.codings == read_codings({"content-encoding": coding})
    assert given_file.encoded.byte_count == len(stored)
    assert given_file.encoded.sha256 == hashlib.sha256(stored).hexdigest()
    assert vendor.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("word", ["identity", "none", "UTF-8", "utf8", "aws-chunked", "", " , ", "Identity, UTF-8"])
def test_a_word_that_is_no_coding_says_nothing(vendor: ScriptedVendor, client: ExportClient, word: str) -> None:
    serve_encoded(vendor, CONTENT, word)

    given_file, sink = fetch_turn(client, vendor)

    assert (sink.data, given_file.encoded) == (CONTENT, None)


@pytest.mark.parametrize("byte_count", [0, 1, 9, 77, len(GZIPPED) - 5])
def test_a_cut_encoded_file_is_resumed_where_it_was_cut(
    vendor: ScriptedVendor, client: ExportClient, byte_count: int
) -> None:
    file = StoredFile(GZIPPED, cut(byte_count))
    vendor.always("GET", "/turn1.csv", lambda asked: MARKED(asked, file(asked)))

    given_file, sink = fetch_turn(client, vendor)

    assert (sink.data, sink.restart_count) == (CONTENT, 0)
    assert given_file.resumed_count == (1 if byte_count else 0)
    assert vendor.asked[1].headers.get("range") == (f"bytes={byte_count}-" if byte_count else None)
    assert given_file.encoded is not None
    assert given_file.encoded.sha256 == hashlib.sha256(GZIPPED).hexdigest()


def test_a_part_in_another_coding_begins_the_file_again(vendor: ScriptedVendor, client: ExportClient) -> None:
    etag = f'"{hashlib.md5(GZIPPED, usedforsecurity=False).hexdigest()}"'
    rest = Reply(206, GZIPPED[50:], {"ETag": etag, "Content-Range": f"bytes 50-{len(GZIPPED) - 1}/{len(GZIPPED)}"})
    file = StoredFile(GZIPPED, cut(50), instead(rest))
    marked = iter([True, False, True])
    vendor.always("GET", "/turn1.csv", lambda asked: MARKED(asked, file(asked)) if next(marked) else file(asked))

    _, sink = fetch_turn(client, vendor)

    assert sink.data == CONTENT
    assert "range" not in vendor.asked[2].headers


def test_the_checksum_of_what_a_proxy_compressed_is_taken_too(vendor: ScriptedVendor, client: ExportClient) -> None:
    digest = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    vendor.always("GET", "/turn1.csv", Reply(200, GZIPPED, {"Content-Encoding": "gzip", "ETag": f'"{digest}"'}))

    given_file, sink = fetch_turn(client, vendor)

    assert (sink.data, given_file.md5_verified) == (CONTENT, True)


@pytest.mark.parametrize(
    "wrong",
    [
        Reply(200, GZIPPED[:-1], {"Content-Encoding": "gzip"}),
        Reply(200, GZIPPED[: len(GZIPPED) // 2], {"Content-Encoding": "gzip"}),
        Reply(200, GZIPPED[:3], {"Content-Encoding": "gzip"}),
        Reply(200, GZIPPED[:-5] + bytes([GZIPPED[-5] ^ 1]) + GZIPPED[-4:], {"Content-Encoding": "gzip"}),
        Reply(200, GZIPPED + b"more", {"Content-Encoding": "gzip"}),
        Reply(200, CONTENT, {"Content-Encoding": "gzip"}),
        Reply(200, GZIPPED, {"Content-Encoding": "gzip", "Content-MD5": b64encode(b"0" * 16).decode()}),
    ],
    ids=["a byte short", "half", "head", "wrong sum", "longer", "not compressed", "wrong MD5"],
)
def test_a_damaged_encoded_file_never_looks_whole(vendor: ScriptedVendor, client: ExportClient, wrong: Reply) -> None:
    vendor.always("GET", "/turn1.csv", wrong)

    with pytest.raises(DownloadCorrupted):
        fetch_turn(client, vendor)

    vendor.always("GET", "/turn1.csv", Reply(200, GZIPPED, {"Content-Encoding": "gzip"}))
    assert fetch_turn(client, vendor)[1].data == CONTENT


def test_a_damaged_encoded_file_is_fetched_again(vendor: ScriptedVendor, client: ExportClient) -> None:
    file = StoredFile(GZIPPED, corrupt)
    vendor.always("GET", "/turn1.csv", lambda asked: MARKED(asked, file(asked)))

    given_file, sink = fetch_turn(client, vendor)

    assert (sink.data, given_file.request_count) == (CONTENT, 2)


@pytest.mark.parametrize("limit", [len(GZIPPED) + 10, SIZE - 1])
def test_the_limit_holds_for_the_decoded_bytes(vendor: ScriptedVendor, time: FakeTime, limit: int) -> None:
    serve_encoded(vendor, GZIPPED, "gzip")

    with (
        build_client(vendor.url, time, ClientConfig(download_bytes=limit)) as client,
        pytest.raises(DownloadTooLarge),
    ):
        fetch_turn(client, vendor)


def test_a_bomb_is_cut_off_at_the_limit(vendor: ScriptedVendor, time: FakeTime) -> None:
    bomb = gzip.compress(b"\0" * (200 << 20), 9)
    serve_encoded(vendor, bomb, "gzip")

    with (
        build_client(vendor.url, time, ClientConfig(download_bytes=5 << 20)) as client,
        pytest.raises(DownloadTooLarge),
    ):
        fetch_turn(client, vendor)


def test_no_piece_is_larger_than_a_mebibyte() -> None:
    sizes = [len(piece) for piece in Decoder(("gzip", "gzip")).feed(gzip.compress(gzip.compress(b"a" * (9 << 20))))]

    assert (sum(sizes), max(sizes)) == (9 << 20, 1 << 20)


@given(st.binary(max_size=3000), st.lists(st.integers(0, 4000), max_size=6), st.sampled_from(["gzip", "deflate"]))
def test_pieces_of_any_size_are_decoded_alike(data: bytes, cuts: list[int], coding: str) -> None:
    encoded = gzip.compress(data) if coding == "gzip" else zlib.compress(data)
    decoder = Decoder((coding,))

    bounds = [0, *sorted(cuts), len(encoded) + 4000]
    decoded = b"".join(piece for a, b in pairwise(bounds) for piece in decoder.feed(encoded[a:b]))

    assert (decoded, decoder.is_complete) == (data, True)


@pytest.mark.parametrize("coding", ["gzip", "UTF-8", "gzip, gzip"])
def test_a_response_of_the_api_may_be_encoded(vendor: ScriptedVendor, client: ExportClient, coding: str) -> None:
    body = COMPLETED.body
    for _ in range(coding.count("gzip")):
        body = gzip.compress(body)
    vendor.always("GET", STATUS, Reply(200, body, {"Content-Encoding": coding}))

    assert client.status("e-1") == ExportStatus("e-1", "COMPLETED", URLS)


def test_an_encoded_response_of_the_api_is_read_up_to_its_cap(vendor: ScriptedVendor, time: FakeTime) -> None:
    body = gzip.compress(json.dumps(["x" * (1 << 20)]).encode())
    vendor.always("GET", STATUS, Reply(200, body, {"Content-Encoding": "gzip"}))

    with (
        build_client(vendor.url, time, ClientConfig(json_bytes=1 << 19)) as client,
        pytest.raises(UnexpectedResponse, match="more than 524288 bytes"),
    ):
        client.status("e-1")


@pytest.mark.parametrize(
    "page",
    [
        Reply(200, b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>"),
        Reply(200, b"\xef\xbb\xbf \r\n<Error/>", {"Content-Type": "text/csv"}),
        Reply(200, b"x", {"Content-Type": "application/xml; charset=utf-8"}),
        Reply(200, b"x", {"Content-Type": "text/xml"}),
        Reply(200, gzip.compress(b"<!DOCTYPE html><html></html>"), {"Content-Encoding": "gzip"}),
        Reply(200, b"<html>", {"Content-Type": "binary/octet-stream"}),
    ],
)
def test_a_page_with_status_200_is_no_file(vendor: ScriptedVendor, client: ExportClient, page: Reply) -> None:
    vendor.always("GET", "/turn1.csv", page)
    with pytest.raises(DownloadInterrupted, match="a page of HTML or XML came instead of the file of turn"):
        fetch_turn(client, vendor)

    vendor.play("GET", "/turn1.csv", page)
    serve_turn(vendor)
    assert fetch_turn(client, vendor)[1].data == CONTENT
