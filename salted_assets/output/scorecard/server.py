"""The scorecards and the documentation over HTTP, for a click in the UI: read-only, on loopback, without a login.

A page's URL is its path in the warehouse below `report/`, so that any web server can serve the folder instead. A page
that is not stored is made of the day's scores when it is asked for, and not kept: what is stored is what a run made.
The page of an agent is never stored, so the names on a scorecard lead to one only where it is given out here.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from salted_assets.output.docs_pages import find_docs, render_contents, render_page
from salted_assets.output.scorecard.agent_links import AGENT_PAGES, link_agents
from salted_assets.output.scorecard.agent_page import find_newest_day, has_agent_scores, list_people, make_agent_page
from salted_assets.output.scorecard.card_list import link_neighbours, render_list
from salted_assets.output.scorecard.reading import COMPARED_BY, has_scores
from salted_assets.output.scorecard.scorecard import PageOptions, make_page
from salted_assets.output.scorecard.team_level import is_servable
from salted_assets.warehouse import Warehouse, WarehouseError, day_of_path, report_file

_KEY = ("report", "scorecard")
_PAGE = "scorecard.html"
_DATA_PACKAGE = "datapackage.json"
_HOSTS = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "::1"}
_HEADERS = {
    # The page brings its style, script and pictures with it. Whatever else got into it can load nothing, send nothing
    # and has no origin to act for.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",  # it names people, and is made again when scores are restated
}


def scorecard_url(base: str, day: date) -> str:
    """The URL of a day's scorecard below the URL of all reports.

    >>> scorecard_url("http://127.0.0.1:3010", date(2024, 1, 31))
    'http://127.0.0.1:3010/scorecard/date=2024-01-31/scorecard.html'
    """
    return f"{base}/{_path_of(day).partition('/')[2]}"


def local_address(url: str) -> tuple[str, int] | None:
    """Host and port to listen at for a URL of reports; None where another server has it.

    >>> local_address("http://localhost:3001"), local_address("https://reports.example.com/salted")
    (('127.0.0.1', 3001), None)
    """
    parts = urlsplit(url)
    host = _HOSTS.get(parts.hostname or "")
    return (host, parts.port) if parts.scheme == "http" and host and parts.port and not parts.path else None


def list_stored_days(warehouse: Warehouse) -> set[date]:
    """The days of which a page is stored."""
    pages = (path for path in warehouse.list_files("/".join(_KEY)) if path.endswith(f"/{_PAGE}"))
    return set(filter(None, map(day_of_path, pages)))


def listen(address: tuple[str, int]) -> socket.socket:
    """A socket that listens at the address. OSError where the port is taken."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    return socket.create_server(address, family=family)


def serve(
    warehouse: Warehouse, listening: socket.socket, options: PageOptions, *, until_end_of: int | None = None
) -> None:
    """Serve until the process is asked to end or, where a descriptor to read from is given, until that ends."""
    server = uvicorn.Server(
        uvicorn.Config(
            build_app(warehouse, options),
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )

    def wait(descriptor: int) -> None:
        while os.read(descriptor, 1):
            pass
        server.should_exit = True

    if until_end_of is not None:
        threading.Thread(target=wait, args=(until_end_of,), daemon=True).start()
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def build_app(warehouse: Warehouse, options: PageOptions) -> Starlette:
    """The list of days at `/`, each day's page, pages of agents, and the documentation; by none but a local name.

    The names are checked since a page elsewhere can give its own name this machine's address, and read along.
    """
    pages = _Pages(warehouse, options)
    routes = [
        Route("/", _answer(lambda _: pages.list_days())),
        Route(f"/{_KEY[1]}/date={{day}}/{_PAGE}", _answer(lambda request: pages.give(request.path_params["day"]))),
        Route(f"/{AGENT_PAGES}/{{agent_pid:path}}", _answer(pages.give_agent)),
        Route("/docs/", _answer(lambda _: HTMLResponse(render_contents(find_docs())))),
        Route("/docs/{name}", _answer(lambda request: _give_docs(request.path_params["name"]))),
    ]
    names = ["127.0.0.1", "localhost", "[::1]"]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=names)])


def _answer(make: Callable[[Request], Response]) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        try:
            response = await run_in_threadpool(make, request)
        except WarehouseError as error:
            response = PlainTextResponse(f"{error}\n", 500)
        response.headers.update(_HEADERS)
        return response

    return answer


def _give_docs(name: str) -> Response:
    folder = find_docs()
    if name == _DATA_PACKAGE and (folder / name).is_file():
        return FileResponse(folder / name)
    page = render_page(folder, name)
    return HTMLResponse(page) if page else PlainTextResponse("There is no such page: /docs/ lists them.\n", 404)


class _Pages:
    def __init__(self, warehouse: Warehouse, options: PageOptions) -> None:
        self._warehouse = warehouse
        self._options = options
        self._making = threading.Lock()

    def list_days(self) -> Response:
        account = self._options.account
        stored, scored = list_stored_days(self._warehouse), self._scored_days()
        return HTMLResponse(render_list(stored, scored, is_simulated=self._warehouse.simulated, account=account))

    def give(self, text: str) -> Response:
        # the path is built from a day, never from what was asked for
        day = _day_of(text)
        page = self._find_page(day) if day else None
        if day is None or page is None:
            return PlainTextResponse(
                "There is no scorecard of this day, and no scores to make one of: `salted backfill` makes them.\n", 404
            )
        linked = link_neighbours(page, day, list_stored_days(self._warehouse) | self._scored_days())
        has_pages = self._options.shows_agents and has_agent_scores(self._warehouse, day)
        return HTMLResponse(link_agents(linked, "../../", day) if has_pages else linked)

    def _find_page(self, day: date) -> bytes | None:
        if self._warehouse.exists(_path_of(day)):
            page = self._warehouse.read_bytes(_path_of(day))
            # one that was stored while the setting was another is made again of the scores, or not shown
            if is_servable(page, shows_agents=self._options.shows_agents):
                return page
        if not has_scores(self._warehouse, day):
            return None
        # one at a time: each takes a core and the memory of its windows
        with self._making:
            return make_page(self._warehouse, day, self._options).encode()

    def give_agent(self, request: Request) -> Response:
        if not self._options.shows_agents:
            return PlainTextResponse("This deployment shows no single people (SALTED_AGENT_LEVEL=team).\n", 404)
        # the ID is only compared with those of the day's scores, and the day only read as one
        agent_pid, text = request.path_params["agent_pid"], request.query_params.get("day")
        day = find_newest_day(self._warehouse) if text is None else _day_of(text)
        if day and has_agent_scores(self._warehouse, day):
            with self._making:
                person = next((each for each in list_people(self._warehouse, day) if each.agent_pid == agent_pid), None)
                if person:
                    has_card = self._warehouse.exists(_path_of(day)) or has_scores(self._warehouse, day)
                    card_url = scorecard_url("..", day) if has_card else None
                    return HTMLResponse(make_agent_page(self._warehouse, person, day, self._options, card_url))
        return PlainTextResponse(
            "There is no page of this agent and day: it needs an engagement of the agent in the 91 days to the day, "
            "and the scores of the day, which `salted backfill` makes.\n",
            404,
        )

    def _scored_days(self) -> set[date]:
        return set.intersection(*(set(self._warehouse.list_days(("scores", name))) for name in COMPARED_BY))


def _day_of(text: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(text)
    return None


def _path_of(day: date) -> str:
    return report_file(_KEY, day, _PAGE)
