"""What Dagster's web server answers through the UI's own door."""

from typing import Any

import httpx


def ask_web_server(url: str, query: str, **variables: Any) -> dict[str, Any]:
    """The data that the query gives; an error of the server fails the test."""
    answer = httpx.post(f"{url}/graphql", json={"query": query, "variables": variables}, timeout=60)
    body: dict[str, Any] = answer.json()
    assert "errors" not in body, body
    found: dict[str, Any] = body["data"]
    return found
