"""What reaches a webhook, what is tried again, and that its URL is said nowhere."""

import contextlib
import logging
import socket
import traceback
from collections.abc import Iterator

import pytest

from salted_assets.defs.alerts import WebhookError, post_text
from salted_assets_tests.support.webhook_server import PATH, Webhook, running_webhook

pytestmark = pytest.mark.slow


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with running_webhook() as webhook:
        yield webhook


def pauses_of(webhook: Webhook, text: str = "a day failed") -> list[float]:
    pauses: list[float] = []
    post_text(webhook.url, text, sleep=pauses.append)
    return pauses


def test_a_text_arrives_in_the_form_of_slack(webhook: Webhook) -> None:
    assert pauses_of(webhook, "žluť\nand a second line") == []
    assert webhook.posted == [{"text": "žluť\nand a second line"}]


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_in_trouble_is_tried_once_more(webhook: Webhook, status: int) -> None:
    webhook.answers = [status]

    assert pauses_of(webhook) == [1.0]
    assert len(webhook.posted) == 2


@pytest.mark.parametrize(("answers", "posts"), [([404], 1), ([400], 1), ([302], 1), ([500, 502], 2)])
def test_what_is_refused_is_said_without_the_address(webhook: Webhook, answers: list[int], posts: int) -> None:
    webhook.answers = list(answers)

    with pytest.raises(WebhookError) as caught:
        pauses_of(webhook)

    assert f"it answered {answers[-1]}" in str(caught.value)
    assert "secret-of-the-webhook" not in "".join(traceback.format_exception(caught.value))
    assert (len(webhook.posted), webhook.fetched) == (posts, 0)


def test_nobody_at_the_address_is_said_without_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(WebhookError, match="no answer \\(ConnectionRefusedError\\)") as caught:
        pauses_of(Webhook(port))

    assert PATH not in "".join(traceback.format_exception(caught.value))


def test_who_does_not_answer_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(WebhookError, match="no answer"):
        post_text(Webhook(silent.getsockname()[1]).url, "text", timeout_seconds=0.05, sleep=lambda _: None)


def test_an_address_that_cannot_be_read_is_said_without_it() -> None:
    with pytest.raises(WebhookError) as caught:
        post_text("http://127.0.0.1:9\n/where", "text", sleep=lambda _: None)

    assert "/where" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("answers", [[], [302], [500, 503]])
def test_nothing_is_logged_of_its_address_at_any_level(
    webhook: Webhook, caplog: pytest.LogCaptureFixture, answers: list[int]
) -> None:
    webhook.answers = list(answers)
    with caplog.at_level(logging.DEBUG), contextlib.suppress(WebhookError):
        pauses_of(webhook)

    assert webhook.posted
    assert "secret-of-the-webhook" not in caplog.text
    assert "127.0.0.1" not in caplog.text
