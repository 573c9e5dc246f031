"""The scorecards over HTTP: what is served, to whom, with which headers, and what is not."""

import http.client
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urljoin

import pytest

from salted_assets.output.scorecard.agent_links import mark_agent
from salted_assets.output.scorecard.server import local_address, scorecard_url
from salted_assets.warehouse import Warehouse, report_file
from salted_assets_tests.support.dagster_web import find_free_urls
from salted_assets_tests.support.reports_server import running_server
from salted_assets_tests.support.rolling_rows import END, Engagements
from salted_assets_tests.support.scorecard_rows import write_scored_day

pytestmark = pytest.mark.slow

DAY, LATER = date(2024, 1, 30), date(2024, 1, 31)
PAGE = "<!doctype html><title>Scorecard</title><!--other cards-->Ada <!--other cards-->"
LINKS = '<nav class="cards" aria-label="Other scorecards"><a class="card" href="../date=2024-01-30/scorecard.html">'
PATH = "/scorecard/date=2024-01-31/scorecard.html"


@pytest.fixture(name="warehouse", scope="module")
def fixture_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(str(tmp_path_factory.mktemp("warehouse")), simulated=True)
    for day in (DAY, LATER):
        for name in ("scorecard.html", "trend_evaluation_score.svg"):
            warehouse.write_bytes(report_file(("report", "scorecard"), day, name), PAGE.encode())
    warehouse.write_bytes("scores/agent_daily/date=2024-01-31/part-0.parquet", b"secret")
    warehouse.write_bytes("report/scorecard/scorecard.html", b"secret")
    return warehouse


@pytest.fixture(name="port", scope="module")
def fixture_port(warehouse: Warehouse) -> Iterator[int]:
    with running_server(warehouse) as port:
        yield port


def ask(port: int, path: str, method: str = "GET", host: str = "127.0.0.1") -> tuple[int, str, dict[str, str]]:
    """Status, body and headers, the path sent as it is written."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, headers={"Host": f"{host}:{port}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def test_the_address_of_a_day_opens_its_page(port: int) -> None:
    base = f"http://127.0.0.1:{port}"
    start, end = PAGE.split("<!--other cards-->", 1)
    for path, host in ((scorecard_url(base, LATER).removeprefix(base), "127.0.0.1"), (PATH, "localhost")):
        status, body, _ = ask(port, path, host=host)
        assert (status, body.startswith(f"{start}{LINKS}"), body.endswith(f"</nav>{end}")) == (200, True, True)
    assert ask(port, PATH, "HEAD")[:2] == (200, "")


def test_the_first_page_lists_the_days_and_says_that_they_are_simulated(port: int) -> None:
    status, body, _ = ask(port, "/")
    assert status == 200
    assert "Scorecards (simulated data)" in body
    assert f'href="{PATH[1:]}">Newest: Wednesday 31 January 2024<' in body
    assert '2024-01-30/scorecard.html" aria-label="Tuesday 30 January 2024">30<' in body
    assert not re.search(r"(src|href)=.?(https?:)?//", body)


def test_the_documentation_is_served_beside_the_cards_and_no_other_file(port: int) -> None:
    assert 'href="docs/">Documentation<' in ask(port, "/")[1]
    assert 'href="start.md">' in ask(port, "/docs/")[1]
    status, body, headers = ask(port, "/docs/scores.md")
    assert (status, '<h2 id="scoresagent_daily">' in body) == (200, True)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert ask(port, "/docs/datapackage.json")[2]["content-type"] == "application/json"
    for path in ("/docs/../README.md", "/docs/..%2fREADME.md", "/docs/%2fetc%2fpasswd", "/docs/images/graph.png"):
        assert ask(port, path)[0] == 404, path


def test_a_card_leads_to_the_cards_before_and_after_it(port: int) -> None:
    earlier = ask(port, PATH.replace("31", "30"))[1]
    assert '<a class="card" href="../date=2024-01-31/scorecard.html">Next card (Wed 31 Jan)' in earlier
    assert 'href="../../">All scorecards<' in earlier
    assert "Previous" not in earlier
    assert earlier.endswith("Ada <!--other cards-->"), "a text that looks like the mark stays a text"


@pytest.mark.parametrize(
    "path",
    [
        "/scorecard/date=2024-02-01/scorecard.html",
        "/scorecard/date=2024-02-31/scorecard.html",
        "/scorecard/date=/scorecard.html",
        "/scorecard/scorecard.html",
        "/scorecard/date=2024-01-31/trend_evaluation_score.svg",
        "/scorecard/date=2024-01-31/",
        "/scores/agent_daily/date=2024-01-31/part-0.parquet",
        "/scorecard/../../scores/agent_daily/date=2024-01-31/part-0.parquet",
        "/scorecard/date=2024-01-31%2f..%2f../scorecard.html",
        "/scorecard/date=2024-01-31/..%2f..%2f..%2fscores/agent_daily/date=2024-01-31/part-0.parquet",
        "/scorecard/date=..%2F/scorecard.html",
        "//etc/passwd",
    ],
)
def test_nothing_else_is_served(port: int, path: str) -> None:
    status, body, _ = ask(port, path)
    assert status == 404
    assert "secret" not in body


def test_a_folder_of_no_day_is_said(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.write_bytes("report/scorecard/date=2024-02-30/scorecard.html", PAGE.encode())
    with running_server(warehouse) as port:
        status, body, _ = ask(port, "/")
    assert (status, "report/scorecard/date=2024-02-30/scorecard.html is in a folder that names no day" in body) == (
        500,
        True,
    )


@pytest.fixture(name="scored", scope="module")
def fixture_scored(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Scores of a day whose pages are not stored."""
    warehouse = Warehouse(str(tmp_path_factory.mktemp("scored")))
    write_scored_day(warehouse, [Engagements(name="Grace Hopper"), Engagements(agent="a/1 ?", name="<b>Eve")])
    return warehouse


@pytest.fixture(name="scored_port", scope="module")
def fixture_scored_port(scored: Warehouse) -> Iterator[int]:
    with running_server(scored) as port:
        yield port


def test_a_page_that_is_not_stored_is_made_of_the_scores_and_not_kept(scored: Warehouse, scored_port: int) -> None:
    listed = ask(scored_port, "/")[1]
    status, body, _ = ask(scored_port, f"/scorecard/date={END}/scorecard.html")
    lacking = ask(scored_port, f"/scorecard/date={END + timedelta(days=1)}/scorecard.html")[:2]

    assert re.search(rf'date={END}/scorecard.html" aria-label="[^"]*, made when opened"', listed)
    assert (status, "Grace Hopper" in body) == (200, True)
    assert lacking[0] == 404
    assert "no scores to make one of" in lacking[1]
    assert list(scored.list_files("report")) == []


def test_a_name_on_a_card_leads_to_the_page_of_the_agent_which_is_not_kept(scored: Warehouse, scored_port: int) -> None:
    base = f"/scorecard/date={END}/scorecard.html"
    _, card, headers_of_card = ask(scored_port, base)
    links = dict(re.findall(r'<a href="([^"]*/agent/[^"]*)">([^<]*)</a>', card))

    assert set(links.values()) == {"Grace Hopper", "&lt;b&gt;Eve"}
    for href, name in links.items():
        status, page, headers = ask(scored_port, urljoin(base, href))
        assert (status, f"<h1>{name}</h1>" in page) == (200, True)
        assert sum(other in page for other in links.values()) == 1, "nobody else is named"
        assert f'<a href="..{base}">' in page
        assert headers["content-security-policy"] == headers_of_card["content-security-policy"]
        assert headers["cache-control"] == "no-store"
    assert list(scored.list_files("report")) == []


def test_without_a_day_the_page_of_an_agent_is_of_the_newest(scored_port: int) -> None:
    status, page, _ = ask(scored_port, "/agent/a0")
    assert (status, f"13 weeks to {END}" in page) == (200, True)


@pytest.mark.parametrize(
    "path",
    [
        "/agent/a7",
        "/agent/",
        "/agent/a0?day=2024-02-31",
        "/agent/a0?day=",
        f"/agent/a0?day={END + timedelta(days=1)}",
        f"/agent/a0/../../scores/fair/date={END}/part-0.parquet",
        f"/agent/..%2F..%2Fscores%2Ffair%2Fdate={END}%2Fpart-0.parquet",
        f"/agent/a0?day=../{END}",
    ],
)
def test_there_is_no_other_page_of_an_agent(scored_port: int, path: str) -> None:
    status, body, _ = ask(scored_port, path)
    assert (status, "There is no page of this agent and day" in body) == (404, True)


def test_names_on_a_stored_card_lead_nowhere_where_the_scores_are_gone(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    card = f"<!doctype html>{mark_agent('a0', 'Ada Lovelace')}"
    warehouse.write_bytes(f"report{PATH}", card.encode())
    with running_server(warehouse) as port:
        assert ask(port, PATH)[1] == card


def test_nothing_is_taken(port: int) -> None:
    assert [ask(port, PATH, method)[0] for method in ("POST", "PUT", "DELETE")] == [405] * 3


def test_a_page_under_another_name_cannot_read_along(port: int) -> None:
    status, body, _ = ask(port, PATH, host="rebound.example")
    assert status == 400
    assert "Ada" not in body


@pytest.mark.parametrize("path", ["/", PATH, "/scorecard/date=2024-02-01/scorecard.html"])
def test_a_page_may_load_and_send_nothing_and_is_not_kept(port: int, path: str) -> None:
    headers = ask(port, path)[2]
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:3001", ("127.0.0.1", 3001)),
        ("http://localhost:4000", ("127.0.0.1", 4000)),
        ("http://[::1]:3001", ("::1", 3001)),
        ("http://localhost", None),
        ("http://localhost:3001/behind/a/proxy", None),
        ("https://localhost:3001", None),
        ("https://reports.example.test", None),
        ("", None),
    ],
)
def test_only_a_bare_address_on_loopback_is_ours_to_serve(url: str, address: tuple[str, int] | None) -> None:
    assert local_address(url) == address


def command(folder: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "salted_assets", "reports", "--until-input-ends"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "SALTED_REPORTS_URL": url, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_serves_where_the_setting_says_until_its_parent_is_gone(tmp_path: Path) -> None:
    (url,) = find_free_urls(1)
    Warehouse(str(tmp_path / "data" / "demo")).write_bytes(f"report{PATH}", PAGE.encode())
    with command(tmp_path, url) as server:
        assert server.stdout
        assert server.stdin
        assert server.stdout.readline() == f"The scorecards are at {url}\n"
        status, body, _ = ask(int(url.rpartition(":")[2]), PATH)
        assert (status, "Ada" in body) == (200, True)
        server.stdin.close()
        assert server.wait(timeout=60) == 0


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with command(tmp_path, url) as server:
            _, said = server.communicate(timeout=60)
    assert server.returncode == 1
    assert "another port for them: SALTED_REPORTS_URL=http://127.0.0.1:PORT" in said
