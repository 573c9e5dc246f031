"""One run of an erasure of agents over a whole warehouse: each becomes a pseudonym in all that is made of raw files.

First the agents go to the register, so that whatever is loaded from then on has their pseudonyms. Then their names are
learned, and registered as hashes. Then pages that name them are deleted, and scores, rejects and tables rewritten, in
that order. A run that was cut off is made good by repeating it. Raw files stay as delivered until their retention ends.
"""

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.history.footers import Footer, Key
from salted_assets.history.table_files import change_rows
from salted_assets.landing import format_instant
from salted_assets.privacy.pseudonyms import NAMING_COLUMNS, Pseudonyms, pseudonym_of
from salted_assets.privacy.receipt import AgentFind, Erased, Receipt
from salted_assets.privacy.register import Register
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import ColumnFacts, columns_of
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse, WarehouseDamaged, rejects_key

_DATASETS = ("agent", "engagement", "review")
"""The tables that name agents."""

_PEOPLE_COLUMNS = ["agent_pid", "agent_name", "reviewer_pid", "reviewer_name"]


@dataclass(frozen=True)
class AgentErasure:
    """Makes pseudonyms of agents in one warehouse, while no other run writes there: tables and scores have no lock."""

    warehouse: Warehouse
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def list_erased(self) -> frozenset[str]:
        """The hashes of all agents that were erased so far. Raises RegisterDamaged."""
        known = Register(self.warehouse).read()
        return known.agents if known else frozenset()

    def erase(self, pids: Sequence[str], *, is_dry_run: bool = False) -> Receipt:
        """Make pseudonyms of the agents with these pids, and of all that were erased before, wherever they came back.

        The receipt has a find for each of these pids, in their order, repeated ones left out. A dry run finds the same
        and changes nothing. Raises WarehouseError, RegisterDamaged.
        """
        with self.warehouse.lock("erasing"):
            register = Register(self.warehouse)
            known = register.read_or_create()
            agents = tuple(dict.fromkeys(map(known.hash_pid, pids)))
            known = replace(known, agents=known.agents.union(agents))
            if not is_dry_run and known.agents:
                known = register.add(known)
            pseudonyms, problems = Pseudonyms(known), list[str]()
            files = _Files(self.warehouse, pseudonyms, is_dry_run, problems.append)
            files.learn()
            if not is_dry_run and known.agents:
                register.add(pseudonyms.learned)
            changed = tuple(files.rewrite()) if known.agents else ()
            if not is_dry_run and known.agents:
                register.add(pseudonyms.learned)
            receipt = Receipt(
                receipt_id=f"{self.now():%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}",
                erased_at=format_instant(self.now()),
                simulated=self.warehouse.simulated,
                was_dry_run=is_dry_run,
                customers=(),
                finds=(),
                engagement_count=0,
                files=changed,
                days_to_restate=(),
                problems=tuple(dict.fromkeys(problems)),
                agents=tuple(sorted(agents or known.agents)),
                agent_finds=tuple(
                    AgentFind(
                        agent,
                        pseudonym_of(agent)[1],
                        is_found=pseudonyms.is_found(agent),
                        was_found_before=agent in known.found_agents,
                    )
                    for agent in agents
                ),
            )
            if not is_dry_run:
                self.warehouse.write_bytes(receipt.path, receipt.to_json())
            return receipt


@dataclass(frozen=True)
class _Files:
    """All files that name agents."""

    warehouse: Warehouse
    pseudonyms: Pseudonyms
    is_dry_run: bool
    on_problem: Callable[[str], None]

    def learn(self) -> None:
        """Let the pseudonyms learn the names that tables give to erased agents."""
        for dataset in _DATASETS:
            for path in self._paths(("tables", dataset)):
                names = ["pid", "name"] if dataset == "agent" else _PEOPLE_COLUMNS
                if (file := self._open(path)) is not None:
                    with file:
                        present = [name for name in names if name in file.schema_arrow.names]
                        self.pseudonyms.learn(dataset, file.read(columns=present))

    def rewrite(self) -> Iterator[Erased]:
        """Delete the pages that name them, then rewrite what is made of others before what it is made of."""
        for path in self.warehouse.list_files("report"):
            if self.pseudonyms.is_named_in(html.unescape(self.warehouse.read_bytes(path).decode(errors="replace"))):
                if not self.is_dry_run:
                    self.warehouse.delete(path)
                yield Erased(path, 1, is_deleted=True)
        for name in SCORE_MODELS:
            for key in (("changes", name), ("scores", name)):
                yield from self._change(key, partial(self.pseudonyms.pseudonymise, ""), NAMING_COLUMNS, ())
        plans = self.warehouse.list_fingerprints("plans")
        yield from self._change_files(plans, partial(self.pseudonyms.pseudonymise, ""), NAMING_COLUMNS, ())
        for dataset, model in DATASET_MODELS.items():
            rejects = partial(self.pseudonyms.pseudonymise_rejects, dataset)
            yield from self._change(rejects_key(dataset), rejects, ("pid", "raw_value"), ())
            if dataset in _DATASETS:
                rows = partial(self.pseudonyms.pseudonymise, dataset)
                naming = ("pid", *NAMING_COLUMNS)
                yield from self._change(("tables", dataset), rows, naming, columns_of(model))

    def _paths(self, key: Key) -> list[str]:
        return [self.warehouse.table_path(key, day) for day in self._fingerprints(key)]

    def _fingerprints(self, key: Key) -> dict[date, str]:
        return self.warehouse.list_partitions(key, lambda damage: self.on_problem(str(damage)))

    def _change(
        self,
        key: Key,
        change: Callable[[pa.Table], tuple[pa.Table, int]],
        naming: Sequence[str],
        columns: Sequence[ColumnFacts],
    ) -> Iterator[Erased]:
        """Rewrite the days' files of which the `naming` columns show that something in them changes."""
        found = {self.warehouse.table_path(key, day): of_file for day, of_file in self._fingerprints(key).items()}
        yield from self._change_files(found, change, naming, columns)

    def _change_files(
        self,
        fingerprints: Mapping[str, str],
        change: Callable[[pa.Table], tuple[pa.Table, int]],
        naming: Sequence[str],
        columns: Sequence[ColumnFacts],
    ) -> Iterator[Erased]:
        for path, fingerprint in fingerprints.items():
            file = self._open(path)
            if file is None:
                continue
            with file:
                names = [name for name in naming if name in file.schema_arrow.names]
                count = change(file.read(columns=names))[1] if names else 0
                if not count:
                    continue
                if not self.is_dry_run:
                    present = [facts for facts in columns if facts.name in file.schema_arrow.names]
                    known_by = Footer.of(file).file_id or fingerprint
                    with self.warehouse.create(path) as target:
                        change_rows(file, target, lambda rows: change(rows)[0], present, known_by)
            yield Erased(path, count)

    def _open(self, path: str) -> pq.ParquetFile | None:
        try:
            return self.warehouse.open_parquet(path)
        except WarehouseDamaged as error:
            self.on_problem(
                f"{path} may name erased agents and cannot be read. Remove it, make it again, then run "
                f"`salted erase --again`. ({error})"
            )
            return None
