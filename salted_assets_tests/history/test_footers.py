"""What files say of themselves in their footers, read back; and footers that cannot be understood."""

from pathlib import Path

import pytest

from salted_assets.history import FooterCache
from salted_assets.warehouse import Warehouse, WarehouseDamaged
from salted_assets_tests.support.restatement_sandbox import TABLES, day, put
from salted_assets_tests.support.scoring_rows import DAY, at, review, write


@pytest.mark.parametrize(
    "footer",
    [
        {"day": "31 January"},
        {"schema_version": "two"},
        {"touches": "{"},
        {"touches": '{"UTC": ["2024-02-31"]}'},
        {"inputs": "{"},
        {"inputs": '{"tables/turn": ["2024-02-01"]}'},
        {"inputs": '{"tables/turn": {"31 January": "a"}}'},
        {"inputs": '{"tables/turn": {"2024-02-01": 1}}'},
        {"formula_version": "1", "settings": "[]"},
        {"formula_version": "one", "settings": "{}"},
    ],
    ids=str,
)
def test_a_file_whose_footer_says_what_cannot_be_understood_is_damaged(tmp_path: Path, footer: dict[str, str]) -> None:
    warehouse = Warehouse(str(tmp_path))
    put(warehouse, TABLES[0], DAY, file_id="1", **footer)
    footers = FooterCache(warehouse, "UTC")
    path = warehouse.table_path(TABLES[0], DAY)
    assert footers.partition(TABLES[0], DAY) is None
    assert path in footers.find_damage(TABLES[0], DAY)
    with pytest.raises(WarehouseDamaged, match=path):
        list(footers.list_partitions(TABLES[0], DAY))


def test_notes_of_real_files_are_read_back(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    write(warehouse, "review", DAY, at(3), [review(), review("r2", engagement_start_time=at(9, day=day(0)))])
    table = FooterCache(warehouse, "UTC").partition(("tables", "review"), DAY)
    assert table is not None
    assert table.affected_dates == frozenset({DAY, day(0)})
    assert FooterCache(warehouse, "Europe/Prague").partition(("tables", "review"), DAY) != table, (
        "recorded in another zone"
    )
