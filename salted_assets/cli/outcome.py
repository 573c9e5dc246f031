"""What came of the days of a command, and how it is reported."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import click

from salted_assets.cli.interrupts import Interrupted
from salted_assets.cli.options import show_days
from salted_assets.cli.runner import Problem, are_fatal
from salted_assets.defs.asset_checks.failing import FailingCheck
from salted_assets.settings import Settings


@dataclass
class Restated:
    """Which days were made again, which could not be, and why; of those made, which have no scorecard stored."""

    done: list[date] = field(default_factory=list)
    failed: list[date] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    without_page: list[date] = field(default_factory=list)

    def add(self, other: "Restated") -> None:
        """Take in what became of other days."""
        self.done += other.done
        self.failed += other.failed
        self.problems += other.problems

    def note(self, days: Sequence[date], problems: Sequence[Problem]) -> None:
        """Count the days as done, or as failed where there are problems."""
        (self.failed if problems else self.done).extend(days)
        self.problems += problems


@dataclass
class Outcome:
    """Which days are whole, and why the others are not; `up_to_date` are whole ones of which nothing had to be made.

    `restated` are the days that were scored again because rows of these days affect them, `not_restated` those where
    that failed. `outdated` are days whose windows were made from scores that have been restated since.
    `without_page` are whole days of which no scorecard was asked for and none is stored.
    `damaged` says what is wrong with files whose rows might put other days out of date. `failing_checks` are those of
    what was made. `left` are the days that were not done when a signal ended the command.
    """

    whole: list[date] = field(default_factory=list)
    up_to_date: list[date] = field(default_factory=list)
    failed: list[date] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    was_stopped: bool = False
    restated: list[date] = field(default_factory=list)
    not_restated: list[date] = field(default_factory=list)
    outdated: list[date] = field(default_factory=list)
    without_page: list[date] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    failing_checks: list[FailingCheck] = field(default_factory=list)
    left: list[date] = field(default_factory=list)
    interrupted: Interrupted | None = None

    @property
    def is_good(self) -> bool:
        """Whether all that was asked for is there, and no check says that it is wrong."""
        has_errors = any(check.is_error for check in self.failing_checks)
        return not (self.failed or self.not_restated or self.problems or self.interrupted or has_errors)

    def exit_code(self, *, is_strict: bool = False) -> int:
        """0 if all is good, and with `is_strict` no check warns; 130 or 143 after a signal."""
        if self.interrupted:
            return self.interrupted.exit_code
        return int(not self.is_good or (is_strict and bool(self.failing_checks)))

    @contextmanager
    def taking_in_interrupts(self, days: Sequence[date]) -> Iterator[None]:
        """Go on after the context where a signal ended it, knowing which of the days are left."""
        try:
            yield
        except Interrupted as error:
            self.interrupted = error
            self.left = [day for day in days if day not in {*self.whole, *self.failed}]
            self.drop_up_to_date(self.left)

    def note(self, days: Sequence[date], problems: Sequence[Problem]) -> None:
        """Count the days as whole, or as failed where there are problems."""
        (self.failed if problems else self.whole).extend(days)
        self.problems += problems
        self.was_stopped = self.was_stopped or are_fatal(problems)

    def drop_up_to_date(self, days: Collection[date]) -> None:
        """These days turn out to have something to make."""
        self.up_to_date = [day for day in self.up_to_date if day not in days]

    def drop_checks(self, day: date, paths: Iterable[tuple[str, ...]]) -> None:
        """Forget what checks said of these assets of the day when they were made last: they are made again."""
        names = {"/".join(path) for path in paths}
        self.failing_checks = [each for each in self.failing_checks if each.day != day or each.table not in names]

    def sort(self) -> None:
        """Put the days, and what checks say of them, in order."""
        for days in (self.whole, self.up_to_date, self.failed):
            days.sort()
        self.failing_checks.sort()

    def note_restated(self, restated: Restated) -> None:
        """Take in which days were scored again."""
        self.restated += restated.done
        self.not_restated += restated.failed
        self.problems += restated.problems

    def note_windows(self, made: Restated) -> None:
        """Take in which days' windows were made: a day without its own is not whole."""
        self.failed += [day for day in made.failed if day in self.whole]
        self.not_restated += [day for day in made.failed if day not in self.whole]
        self.whole = [day for day in self.whole if day not in made.failed]
        self.problems += made.problems
        self.without_page = made.without_page

    def report(self, settings: Settings, *, last_part: str, again: str) -> None:
        """Print what became of the days: failures to standard error, the rest to standard output.

        `last_part` is what comes after the days, and `again` what the same command does after one that was interrupted.
        """
        for problem in self.problems:
            click.echo(f"failed: {problem}", err=True)
        if self.was_stopped:
            click.echo("stopped: the other days would have ended the same way", err=True)
        if self.interrupted:
            left = show_days(self.left) if self.left else last_part
            click.echo(f"interrupted, left to do: {left}. Give the command again: {again}", err=True)
        for damage in self.damaged:
            click.echo(f"damaged: {damage}", err=True)
        self._report_scores()
        day_count = len(self.whole) + len(self.failed) + len(self.left)
        click.echo(f"{len(self.whole)} of {day_count} days are whole in {settings.warehouse}")
        if self.up_to_date:
            click.echo(f"up to date and not made again: {show_days(self.up_to_date)}; `--again` makes all")
        for check in self.failing_checks:
            click.echo(f"{'check failed' if check.is_error else 'warning'}: {check}", err=check.is_error)

    def to_document(self, settings: Settings, *, is_strict: bool = False) -> dict[str, Any]:
        """What became of the days, for `--json`."""
        own = {name: value for name, value in vars(self).items() if name != "interrupted"}
        return {
            "warehouse": settings.warehouse,
            "is_simulated": settings.simulated,
            "exit_code": self.exit_code(is_strict=is_strict),
            "was_interrupted": self.interrupted is not None,
            **own,
        }

    def _report_scores(self) -> None:
        if self.restated:
            click.echo(f"scored again, since newer rows affect them: {show_days(self.restated)}")
        if self.not_restated:
            click.echo(f"could not be scored again: {show_days(self.not_restated)}", err=True)
        if self.outdated:
            first, last = self.outdated[0], self.outdated[-1]
            click.echo(
                f"windows out of date: {show_days(self.outdated)}; `salted restate {first} {last}` makes them again"
            )
        if self.without_page:
            click.echo(
                f"scorecards are stored of the newest days; of {show_days(self.without_page)} `salted reports` makes "
                "one when it is opened, and `salted backfill FIRST LAST --select report/scorecard` stores it"
            )
