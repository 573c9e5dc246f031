"""The file that a person typed: read with whatever separator, each wrong line named, the rest kept."""

from datetime import date

import pytest

from salted_assets.explain.vendor_screen import MEASURES, TEMPLATE, FileRefused, find_measure, read_figures
from salted_assets_tests.support.checkout import ROOT


def test_lines_are_figures_and_wrong_ones_are_named_while_the_rest_is_kept() -> None:
    figures, wrong = read_figures(
        b"day,measure,agent,value\n"
        b"# a remark\n"
        b"2024-01-31,Agent Engagements,all,1,234\n"
        b"31.1.2024,aht,Ada Lovelace,12:34\n"
        b"\n"
        b"2024-02-30,AHT,all,12:34\n"
        b"2024-01-31,luck,all,7\n"
        b"2024-01-31,AHT,all,754\n"
        b"2024-01-31,AHT\n"
        b'2024-01-31,QA score,,"87,5 %"\n'
    )
    assert [(each.line, each.day, each.measure.column, each.agent, each.typed.value) for each in figures] == [
        (3, date(2024, 1, 31), "engagement_count", None, 1234),
        (4, date(2024, 1, 31), "handle_time_ms_mean", "Ada Lovelace", 754_000),
        (10, date(2024, 1, 31), "evaluation_reviewer_mean", None, 0.875),
    ]
    assert [problem.partition(":")[0] for problem in wrong] == ["line 6", "line 7", "line 8", "line 9"]
    assert "'2024-02-30' is no day" in wrong[0]
    assert "'luck' is no measure known here" in wrong[1]
    assert "there are 2 fields where the first line names 4" in wrong[3]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_spreadsheets_save_is_read(encoding: str, delimiter: str) -> None:
    text = "\r\n".join(
        delimiter.join(cells)
        for cells in (["Value", "Day", "Agent", "Measure"], ["87", "2024-01-31", "Zoë", "CSAT"], ["", "", "", ""])
    )
    ((figure,), wrong) = read_figures(text.encode(encoding))
    assert (figure.agent, figure.measure.column, figure.typed.value, wrong) == (
        "Zoë",
        "evaluation_customer_mean",
        0.87,
        [],
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"day,measure,value\n", "agent is missing"),
        (b"day,measure,agent,value\n# nothing\n", "no line has a figure"),
        (b"day,measure,agent,value" + b"x" * 200_000, "line 1 names no columns"),
        (b"\x50\x4b\x03\x04\xff\xfe\xfa", "neither UTF-8 nor UTF-16"),
    ],
)
def test_a_file_that_is_none_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(FileRefused, match=said):
        read_figures(data)


def test_the_template_is_such_a_file() -> None:
    figures, wrong = read_figures(TEMPLATE.encode())
    assert figures == []
    assert [problem.partition(": ")[2] for problem in wrong] == ["there is no value"] * 3


def test_no_word_means_two_measures_and_each_is_documented() -> None:
    page = (ROOT / "docs" / "reconciling.md").read_text(encoding="utf-8")
    for measure in MEASURES:
        assert all(find_measure(word) is measure for word in (measure.column, *measure.words))
        assert f"`{measure.column}`" in page
        assert all(word in page for word in measure.words)
