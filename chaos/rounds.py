"""Rounds: fresh sandbox, some kills, one undisturbed run to the end, a look at what is there."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chaos.phases import PHASES, STAGES, Phase, Watch
from chaos.problems import list_problems
from chaos.sandbox import Sandbox, kill, prepared_sandbox

_LOOK_SECONDS = 0.001
_KILLS_A_ROUND = (4, 8)
_FIRST_GUESS_OF_START_SECONDS = 4.0
_SPREAD_SECONDS: dict[Phase, float] = {
    "order": 0.02,
    "poll": 1.0,
    "download": 0.5,
    "publish": 0.005,
    "parse": 0.01,
    "write": 0.001,
    "between tables": 0.1,
    "score": 0.3,
    "end": 0.02,
}
_VISITS: dict[Phase, int] = {"order": 2, "poll": 2, "download": 2, "publish": 2, "parse": 6, "write": 6}
"""How often a run comes to a phase at least: twice for two days, oftener for tables. One of the visits is chosen."""


@dataclass
class Tally:
    """What was hit, by phase, and what came of it."""

    kills: Counter[Phase] = field(default_factory=Counter)
    recovered: Counter[Phase] = field(default_factory=Counter)
    extra_exports: Counter[Phase] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def aim(self, count: int, chance: random.Random) -> list[Phase]:
        """The phases that were hit least, in the order in which a run comes to them."""
        rarest = sorted(PHASES, key=lambda phase: (self.kills[phase], chance.random()))[:count]
        return [phase for phase in PHASES if phase in rarest]

    def render(self) -> str:
        """The table that is printed: a row for each phase, and their sum."""
        lines = [f"{'phase':<15} {'kills':>6} {'recovered':>10} {'extra exports':>14}  what was seen at the kill"]
        for phase, seen in PHASES.items():
            counts = f"{self.kills[phase]:>6} {self.recovered[phase]:>10} {self.extra_exports[phase]:>14}"
            lines.append(f"{phase:<15} {counts}  {seen}")
        totals = (self.kills.total(), self.recovered.total(), self.extra_exports.total())
        return "\n".join([*lines, f"{'all':<15} {totals[0]:>6} {totals[1]:>10} {totals[2]:>14}"])


@dataclass
class Chaos:
    """Kills until enough are made, and compares what is there in the end with a reference that was left in peace.

    Rounds run in `folder`; what a failed one leaves stays there, the rest is removed.
    """

    folder: Path
    reference: Sandbox
    seed: int
    tell: Callable[[str], None] = lambda _: None
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        """Set the dice."""
        self._chance = random.Random(self.seed)  # noqa: S311 - moments of kills are no secrets
        self._start_seconds = _FIRST_GUESS_OF_START_SECONDS

    def run(self, kill_count: int) -> Tally:
        """Make the kills, round by round."""
        number = 0
        while (missing := kill_count - self.tally.kills.total()) > 0:
            number += 1
            self._run_round(number, min(missing, self._chance.randint(*_KILLS_A_ROUND)))
        return self.tally

    def _run_round(self, number: int, kill_count: int) -> None:
        folder = self.folder / f"round-{number}"
        hits: list[Phase] = []
        with prepared_sandbox(folder, self.reference.datasets) as sandbox:
            for target in self.tally.aim(kill_count, self._chance):
                extra_before = sandbox.count_extra_exports()
                hit = self._kill_once(sandbox, target)
                if hits:
                    self.tally.extra_exports[hits[-1]] += sandbox.count_extra_exports() - extra_before
                if hit is None:
                    break
                hits.append(hit)
                self.tally.kills[hit] += 1
            extra_before = sandbox.count_extra_exports()
            problems = [problem] if (problem := sandbox.run_to_end()) else list_problems(sandbox, self.reference)
            if hits:
                self.tally.extra_exports[hits[-1]] += sandbox.count_extra_exports() - extra_before
            problems += check_exports(sandbox, hits)
        self.tell(f"round {number}: {', '.join(hits)} -> {'; '.join(problems) or 'whole'}")
        if problems:
            self.tally.problems += [f"{folder}: {problem}" for problem in problems]
        else:
            self.tally.recovered.update(hits)
            shutil.rmtree(folder)

    def _kill_once(self, sandbox: Sandbox, target: Phase) -> Phase | None:
        """Kill one run in the target phase or where it is then. None where it ended before."""
        skipped = self._chance.randrange(_VISITS.get(target, 1))
        watch, began = Watch(sandbox), time.monotonic()
        process = sandbox.start()
        previous = seen = watch.look()
        while process.poll() is None and STAGES[seen] <= STAGES[target]:
            if seen == target and (seen != previous or target == "start"):
                if not skipped:
                    break
                skipped -= 1
            time.sleep(_LOOK_SECONDS)
            previous, seen = seen, watch.look()
            if STAGES[previous] == 0 < STAGES[seen]:
                self._start_seconds = time.monotonic() - began
        time.sleep(self._chance.uniform(0, _SPREAD_SECONDS.get(target, self._start_seconds)))
        if process.poll() is not None:
            return None
        kill(process)
        return watch.look()


def check_exports(sandbox: Sandbox, hits: list[Phase]) -> list[str]:
    """Exports ordered in vain are a problem, unless a kill fell between a request and its answer: that is known."""
    exports = sandbox.count_exports()
    again = sum(1 for count in exports.values() if count > 1)
    return [f"{again} windows were exported more than once: {exports}"] if again and "order" not in hits else []
