"""A delivered day, damaged: what a seed draws, and whom it can concern."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, NamedTuple

from salted_assets.ingest.cells import RESERVED_NO_VALUE
from salted_assets_tests.support.delivered_days import (
    AGENTS,
    DATASETS,
    ENGAGEMENTS,
    OWNER,
    Delivery,
    Record,
    agent_of,
    deliver,
    start_of,
    write_time,
)

EVERYBODY = frozenset(AGENTS)
SCORED = ("engagement", "turn", "review")

_TIMES = {
    "engagement": ("start_time", "end_time", "conversation_start_time"),
    "turn": ("turn_time",),
    "review": ("review_time", "engagement_start_time"),
}
_DURATIONS = {
    "engagement": ("engagement_time", "preparation_time", "wrap_up_time", "wait_time"),
    "turn": ("turn_time_relative_ms",),
    "review": (),
}
_NUMBERS = {
    "engagement": ("cost", "empathy", "clarity"),
    "turn": ("sentiment",),
    "review": ("answer_score", "worst_score", "best_score"),
}
_UNREADABLE = ("n/a", "12,5", "1.2.3", "2024-13-45T99:00:00Z", "31.01.2024 10:00", "0x1F", "1e999", "NaN", "null", "?")
_IMPOSSIBLE_TIMES = (
    *("0001-01-01T00:00:00Z", "1899-12-30T00:00:00Z", "1970-01-01T00:00:00Z", "2106-02-07T06:28:15Z"),
    "9999-12-31T23:59:59.999Z",
)


class Damage(NamedTuple):
    """What was done, in words, and the agents whose own records it was done to.

    What is not `visible` leaves a file that nobody can tell from a true one. `is_of_cell` is one cell of no use.
    """

    what: str
    touched: frozenset[str]
    visible: bool = True
    is_of_cell: bool = False


@dataclass
class DamagedDay:
    """A day's export once more, or a later export with newer versions of some of its rows; and what is wrong with it.

    What was done to records is `contained`: it concerns the agents whose records they are. What was done to the bytes
    of a file may make other records unreadable.
    """

    seed: int
    kind: Literal["refresh", "later"]
    delivery: Delivery
    files: dict[str, bytes] = field(default_factory=dict)
    damages: list[Damage] = field(default_factory=list)
    is_contained: bool = True

    @property
    def touched(self) -> frozenset[str]:
        return frozenset[str]().union(*(damage.touched for damage in self.damages))

    @property
    def touched_unseen(self) -> frozenset[str]:
        """The agents with some damage that cannot be seen."""
        return frozenset[str]().union(*(damage.touched for damage in self.damages if not damage.visible))

    def describe(self) -> str:
        return f"seed {self.seed}, {self.kind}: " + "; ".join(damage.what for damage in self.damages)


def damage_day(seed: int) -> DamagedDay:
    """The damaged day of a seed: always the same."""
    dice = random.Random(seed)
    kind: Literal["refresh", "later"] = dice.choice(("refresh", "later"))
    pids = ENGAGEMENTS if kind == "refresh" else tuple(sorted(dice.sample(ENGAGEMENTS, 5)))
    day = DamagedDay(seed, kind, deliver(pids))
    if dice.getrandbits(1):
        _date_versions(day.delivery)
    for damage_records in dice.sample(_OF_RECORDS, dice.choice((0, 1, 1, 2))):
        day.damages.append(damage_records(dice, day.delivery))
    day.files = {dataset: day.delivery.render(dataset) for dataset in DATASETS}
    if not day.damages or (len(day.damages) == 1 and dice.getrandbits(1)):
        dataset, damage_file = dice.choice(SCORED), dice.choice(_OF_FILES)
        day.files[dataset], damage = damage_file(dice, dataset, day.delivery)
        day.damages.append(damage)
        day.is_contained = False
    return day


def _date_versions(delivery: Delivery) -> None:
    for dataset in DATASETS:
        delivery.headers[dataset] = [*delivery.headers[dataset], "updated_at"]
        for record in delivery.records[dataset]:
            record["updated_at"] = write_time(start_of("e00") + timedelta(days=2))


def _owner(record: Record) -> str:
    return agent_of(record[OWNER])


def _list_records(delivery: Delivery, dataset: str) -> list[Record]:
    """The records that are some: a header between two of them is not."""
    return [record for record in delivery.records[dataset] if OWNER in record]


def _draw_cell(
    dice: random.Random, delivery: Delivery, columns: Mapping[str, tuple[str, ...]]
) -> tuple[str, Record, str]:
    """A filled cell of one of these columns: its dataset, its record and its column."""
    while True:
        dataset = dice.choice([name for name in SCORED if columns[name]])
        record, column = dice.choice(_list_records(delivery, dataset)), dice.choice(columns[dataset])
        if record.get(column):
            return dataset, record, column


def _put_cell(
    dice: random.Random,
    delivery: Delivery,
    columns: Mapping[str, tuple[str, ...]],
    texts: tuple[str, ...],
    what: str,
) -> Damage:
    dataset, record, column = _draw_cell(dice, delivery, columns)
    owner, text = _owner(record), dice.choice(texts)
    record[column] = text
    return Damage(f"{what}: {dataset} {record['pid']} {column} = {text}", frozenset({owner}), is_of_cell=True)


def _make_unreadable(dice: random.Random, delivery: Delivery) -> Damage:
    columns = dice.choice((_TIMES, _DURATIONS, _NUMBERS))
    return _put_cell(dice, delivery, columns, _UNREADABLE, "unreadable")


def _make_reserved(dice: random.Random, delivery: Delivery) -> Damage:
    columns = dice.choice((_DURATIONS, _NUMBERS))
    return _put_cell(dice, delivery, columns, (str(RESERVED_NO_VALUE),), "reserved")


def _make_impossible(dice: random.Random, delivery: Delivery) -> Damage:
    if dice.getrandbits(1):
        return _put_cell(dice, delivery, _TIMES, _IMPOSSIBLE_TIMES, "impossible")
    only_engagements = {**_DURATIONS, "turn": ()}
    return _put_cell(dice, delivery, only_engagements, ("-600000", "-1"), "impossible")


def _change_digit(dice: random.Random, delivery: Delivery) -> Damage:
    """A plausible wrong value: nobody can see it."""
    dataset, record, column = _draw_cell(dice, delivery, dice.choice((_DURATIONS, _NUMBERS)))
    digits = [index for index, mark in enumerate(record[column]) if mark.isdigit()]
    index = dice.choice(digits)
    text = record[column]
    record[column] = f"{text[:index]}{dice.choice('123456789')}{text[index + 1 :]}"
    what = f"plausible: {dataset} {record['pid']} {column} = {text} -> {record[column]}"
    return Damage(what, frozenset({_owner(record)}), visible=False)


def _drop_record(dice: random.Random, delivery: Delivery) -> Damage:
    dataset = dice.choice(SCORED)
    record = dice.choice(_list_records(delivery, dataset))
    delivery.records[dataset].remove(record)
    return Damage(f"gone: {dataset} {record['pid']}", frozenset({_owner(record)}), visible=False)


def _repeat_records(dice: random.Random, delivery: Delivery) -> Damage:
    """A part of the file comes twice; the second time perhaps with another value."""
    dataset = dice.choice(SCORED)
    records = delivery.records[dataset] = _list_records(delivery, dataset)
    first = dice.randrange(len(records))
    part = [dict(record) for record in records[first : first + dice.randint(1, 4)]]
    is_other = bool(dice.getrandbits(1))
    touched = frozenset({_owner(record) for record in part}) if is_other else frozenset()
    for record in part if is_other else []:
        filled = [name for name in (*_DURATIONS[dataset], *_NUMBERS[dataset]) if record.get(name, "") not in {"", "1"}]
        record[dice.choice(filled)] = "1"
    records[len(records) if dice.getrandbits(1) else first : first] = part
    return Damage(f"repeated: {len(part)} of {dataset}{', with other values' * is_other}", touched)


def _put_header_between(dice: random.Random, delivery: Delivery) -> Damage:
    dataset = dice.choice(SCORED)
    records = delivery.records[dataset]
    records.insert(dice.randint(0, len(records)), {name: name for name in delivery.headers[dataset]})
    return Damage(f"header again in {dataset}", frozenset())


def _spoil_key(dice: random.Random, delivery: Delivery) -> Damage:
    dataset = dice.choice(SCORED)
    record = dice.choice(_list_records(delivery, dataset))
    owner, key = _owner(record), record["pid"]
    record["pid"] = dice.choice(("", " ", "\u00a0", "\ufeff", f"\ufeff{key}"))
    return Damage(f"key of {dataset} {key} = {record['pid']!r}", frozenset({owner}))


def _write_times_as(dice: random.Random, delivery: Delivery) -> Damage:
    """All times of a file in another form; some can be read, and then nothing changes."""
    dataset, column = dice.choice([(name, column) for name in SCORED for column in _TIMES[name]])
    forms: dict[str, Callable[[str], str]] = {
        "with UTC": lambda text: text.replace("T", " ").replace("Z", " UTC"),
        "with an offset": lambda text: text.replace("Z", "+00:00"),
        "to the second": lambda text: re.sub(r"\.\d+Z", "Z", text),
        "days first": lambda text: f"{text[8:10]}.{text[5:7]}.{text[:4]} {text[11:19]}",
        "as epoch": lambda text: f"17{abs(hash_of(text)) % 10**11:011}",
        "without a date": lambda text: text[11:19],
    }
    name = dice.choice(list(forms))
    for record in _list_records(delivery, dataset):
        record[column] = forms[name](record[column])
    return Damage(f"{column} of {dataset} {name}", EVERYBODY)


def hash_of(text: str) -> int:
    """A number of a text that is the same in every process."""
    return int.from_bytes(text.encode()[-8:], "big")


def _write_local_times(dice: random.Random, delivery: Delivery) -> Damage:
    """The engagements' times in local time without a zone: hours off, and nothing in a cell says so."""
    hours = dice.choice((1, 2, 5, 9, -5, -8))
    for record in _list_records(delivery, "engagement"):
        for column, of in (("start_time", timedelta()), ("end_time", timedelta(minutes=9))):
            record[column] = write_time(start_of(record[OWNER]) + of + timedelta(hours=hours)).removesuffix("Z")
    return Damage(f"times of engagements without a zone, {hours} hours off", EVERYBODY)


def _write_numbers_as(dice: random.Random, delivery: Delivery) -> Damage:
    column = dice.choice(("engagement_time", "wrap_up_time", "wait_time"))
    forms: dict[str, Callable[[int], str]] = {
        "with a decimal": lambda number: f"{number}.0",
        "as a Java double": lambda number: f"{number / 10 ** (len(str(number)) - 1)}E{len(str(number)) - 1}",
        "with thousands": lambda number: f"{number:,}".replace(",", "."),
        "in seconds": lambda number: f"{number / 1000:.3f}",
    }
    name = dice.choice(list(forms))
    for record in _list_records(delivery, "engagement"):
        record[column] = forms[name](int(record[column]))
    return Damage(f"{column} {name}", EVERYBODY)


def _deliver_another_day(dice: random.Random, delivery: Delivery) -> Damage:
    """The engagements are of another window: all of them, or some that came beside."""
    shift = timedelta(days=dice.choice((1, 2, 7)))
    foreign = [dict(record) for record in _list_records(delivery, "engagement")]
    for record in foreign:
        for column in ("conversation_start_time", "start_time", "end_time"):
            record[column] = write_time(start_of(record[OWNER]) + shift)
        record["pid"] = f"foreign {record[OWNER]}"
    is_instead = bool(dice.getrandbits(1))
    delivery.records["engagement"] = foreign if is_instead else [*delivery.records["engagement"], *foreign[:4]]
    touched = EVERYBODY if is_instead else frozenset[str]()
    return Damage(f"engagements of {shift.days} days later {'instead' if is_instead else 'beside'}", touched)


def _rename_column(dice: random.Random, delivery: Delivery) -> Damage:
    dataset = dice.choice(SCORED)
    column = dice.choice((*_TIMES[dataset], *_NUMBERS[dataset]))
    delivery.headers[dataset] = [f"{name}_2" if name == column else name for name in delivery.headers[dataset]]
    for record in delivery.records[dataset]:
        record[f"{column}_2"] = record.get(column, "")
    return Damage(f"{column} of {dataset} renamed", EVERYBODY)


def _shuffle_columns(dice: random.Random, delivery: Delivery) -> Damage:
    dataset = dice.choice(SCORED)
    dice.shuffle(delivery.headers[dataset])
    return Damage(f"columns of {dataset} in another order", frozenset())


_OF_RECORDS: list[Callable[[random.Random, Delivery], Damage]] = [
    *3 * (_make_unreadable, _make_reserved, _make_impossible),
    *(_change_digit, _drop_record, _repeat_records),
    *(_put_header_between, _spoil_key, _write_times_as, _write_local_times, _write_numbers_as),
    *(_deliver_another_day, _rename_column, _shuffle_columns),
]

FileDamage = Callable[[random.Random, str, Delivery], tuple[bytes, Damage]]


def _owners_of_bytes(delivery: Delivery, dataset: str, first: int, end: int) -> frozenset[str]:
    """The agents of the records that have one of these bytes; all of them where the header has one."""
    lines = delivery.render_lines(dataset)
    owners, at = set[str](), len(lines[0])
    if first < at:
        return EVERYBODY
    for record, line in zip(delivery.records[dataset], lines[1:], strict=True):
        if at < end and at + len(line) > first and OWNER in record:
            owners.add(_owner(record))
        at += len(line)
    return frozenset(owners)


def _truncate(dice: random.Random, dataset: str, delivery: Delivery) -> tuple[bytes, Damage]:
    data = delivery.render(dataset)
    end = dice.randrange(len(data))
    touched = _owners_of_bytes(delivery, dataset, end, len(data))
    return data[:end], Damage(f"{dataset} ends after {end} of {len(data)} bytes", touched, visible=False)


def _lose_bytes(dice: random.Random, dataset: str, delivery: Delivery) -> tuple[bytes, Damage]:
    data = delivery.render(dataset)
    first = dice.randrange(len(data))
    end = min(len(data), first + dice.randint(1, 2_000))
    # What is left of the first record and of the last one stands together.
    touched = _owners_of_bytes(delivery, dataset, first - 1, end + 1)
    return data[:first] + data[end:], Damage(f"bytes {first} to {end} of {dataset} are gone", touched, visible=False)


def _encode(dice: random.Random, dataset: str, delivery: Delivery) -> tuple[bytes, Damage]:
    data = delivery.render(dataset)
    encoding = dice.choice(("cp1252", "utf-16", "utf-8-sig", "utf-16-le"))
    text = data.decode().replace("\ufeff", "").encode(encoding, errors="replace")
    return text, Damage(f"{dataset} in {encoding}", EVERYBODY)


def _change_delimiter(dice: random.Random, dataset: str, delivery: Delivery) -> tuple[bytes, Damage]:
    data = delivery.render(dataset)
    mark = dice.choice((b";", b"\t", b"|"))
    return data.replace(b",", mark), Damage(f"{dataset} with {mark!r} for commas", EVERYBODY)


def _put_page(dice: random.Random, dataset: str, _: Delivery) -> tuple[bytes, Damage]:
    page = dice.choice(
        (b"", b"\n", b"<html><body>Service unavailable</body></html>\n", b'<?xml version="1.0"?><Error/>')
    )
    return page, Damage(f"{dataset} is {page[:20]!r}", EVERYBODY)


def _add_cells(dice: random.Random, dataset: str, delivery: Delivery) -> tuple[bytes, Damage]:
    """A cell too many behind every record, or a line that is no record between two."""
    data = delivery.render(dataset)
    if dice.getrandbits(1):
        lines = data.split(b"\n")
        lines.insert(dice.randint(1, len(lines) - 1), dice.choice((b"garbage", b",,,", b'"open quote', b"\0\0\0")))
        return b"\n".join(lines), Damage(f"a line between two of {dataset} that is none", EVERYBODY)
    header, _, rest = data.partition(b"\n")
    return header + b"\n" + rest.replace(b"\n", b",\n"), Damage(f"a cell too many in {dataset}", EVERYBODY)


def _change_bytes(dice: random.Random, dataset: str, delivery: Delivery) -> tuple[bytes, Damage]:
    """Some bytes are others: what a bad disk or memory does."""
    data = delivery.render(dataset)
    changed, touched = bytearray(data), frozenset[str]()
    for index in dice.sample(range(len(data)), dice.randint(1, 3)):
        changed[index] = dice.randrange(256)
        touched |= _owners_of_bytes(delivery, dataset, index - 1, index + 2)
    return bytes(changed), Damage(f"bytes of {dataset} are others", touched, visible=False)


_OF_FILES: list[FileDamage] = [
    *(_truncate, _lose_bytes, _encode, _change_delimiter, _put_page, _add_cells, _change_bytes),
]
