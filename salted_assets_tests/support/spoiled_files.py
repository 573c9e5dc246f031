"""Files of a warehouse that no longer hold what was written."""

from salted_assets.warehouse import Warehouse


def cut(warehouse: Warehouse, path: str) -> None:
    """Leave the first half of a file, as a copy that was broken off does."""
    content = warehouse.read_bytes(path)
    warehouse.write_bytes(path, content[: len(content) // 2])


def spoil(warehouse: Warehouse, path: str) -> None:
    """Other bytes in place of all data, under a footer that is whole."""
    content = warehouse.read_bytes(path)
    footer = int.from_bytes(content[-8:-4], "little") + 8
    warehouse.write_bytes(path, content[:4] + b"\xff" * (len(content) - footer - 4) + content[-footer:])
