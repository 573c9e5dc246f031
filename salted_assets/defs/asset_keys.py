"""The keys of assets within an account and in Dagster, which sees those of all accounts.

Each account has a code server of its own, whose settings name it (`SALTED_ACCOUNT`). Within the account, and in its
warehouse, an asset has a path such as `tables/turn`. Dagster knows it as `north/tables/turn`.
"""

from collections.abc import Iterable, Sequence

import dagster as dg

RAW_EXPORT = dg.AssetKey(["raw", "export"])
EXPORT_HISTORY = dg.AssetKey(["raw", "export_history"])
RAW_RETENTION = dg.AssetKey(["raw", "retention"])
REJECTS_RETENTION = dg.AssetKey(["rejects", "retention"])
CHANGES_RETENTION = dg.AssetKey(["changes", "retention"])
SCORECARD = dg.AssetKey(["report", "scorecard"])
CATALOG = dg.AssetKey(["catalog"])

_PATH_PARTS = 2


def table_key(dataset: str) -> dg.AssetKey:
    """The key of a dataset's table."""
    return dg.AssetKey(["tables", dataset])


def score_key(name: str) -> dg.AssetKey:
    """The key of a score table."""
    return dg.AssetKey(["scores", name])


def local_path(key: dg.AssetKey) -> tuple[str, ...]:
    """The path of an asset within its account and its warehouse: the last two parts of its key.

    >>> local_path(dg.AssetKey(["north", "tables", "turn"]))
    ('tables', 'turn')
    """
    return tuple(key.path[-_PATH_PARTS:])


def account_key(path: Sequence[str], account: str) -> dg.AssetKey:
    """The key of the asset at a path of an account; without an account the path itself.

    >>> account_key(("tables", "turn"), "north").to_user_string()
    'north/tables/turn'
    """
    return dg.AssetKey([*filter(None, [account]), *path])


def sibling_key(key: dg.AssetKey, path: Sequence[str]) -> dg.AssetKey:
    """The key of the asset at another path of the account that the asset belongs to.

    >>> sibling_key(dg.AssetKey(["north", "tables", "turn"]), ("raw", "export")).to_user_string()
    'north/raw/export'
    """
    return dg.AssetKey([*key.path[:-_PATH_PARTS], *path])


def in_account(assets: Iterable[dg.AssetsDefinition], account: str) -> list[dg.AssetsDefinition]:
    """The assets under the keys that Dagster knows them by, with what they depend on and their checks."""
    whole = list(assets)
    keys = {key: account_key(key.path, account) for asset in whole for key in asset.keys}
    return [asset.with_attributes(asset_key_replacements=keys) for asset in whole] if account else whole


def pool_of(account: str) -> str:
    """The pool whose slots exports at the account's vendor take."""
    return f"salted_api_{account}" if account else "salted_api"
