"""Several accounts in one deployment: what keeps their assets and their exports apart.

Each account has a code server of its own, whose settings name it (`SALTED_ACCOUNT`). Within the account, and in its
warehouse, an asset is known by its place, such as `tables/turn`. Dagster sees those of all accounts and knows it as
`north/tables/turn`. Here: how one becomes the other. Not here: where an account's files are (`settings`).
"""

from collections.abc import Iterable, Sequence

import dagster as dg

_PLACE_PARTS = 2


def place_of(key: dg.AssetKey) -> tuple[str, ...]:
    """The place of an asset within its account: the last two parts of its key.

    >>> place_of(dg.AssetKey(["north", "tables", "turn"]))
    ('tables', 'turn')
    """
    return tuple(key.path[-_PLACE_PARTS:])


def key_at(place: Sequence[str], account: str) -> dg.AssetKey:
    """The key of what is at a place of an account; without an account the place itself.

    >>> key_at(("tables", "turn"), "north").to_user_string()
    'north/tables/turn'
    """
    return dg.AssetKey([*filter(None, [account]), *place])


def beside(key: dg.AssetKey, place: Sequence[str]) -> dg.AssetKey:
    """The key of what is at another place of the account that the asset belongs to.

    >>> beside(dg.AssetKey(["north", "tables", "turn"]), ("raw", "export")).to_user_string()
    'north/raw/export'
    """
    return dg.AssetKey([*key.path[:-_PLACE_PARTS], *place])


def in_account(assets: Iterable[dg.AssetsDefinition], account: str) -> list[dg.AssetsDefinition]:
    """The assets under the keys that Dagster knows them by, with what they depend on and their checks."""
    whole = list(assets)
    keys = {key: key_at(key.path, account) for asset in whole for key in asset.keys}
    return [asset.with_attributes(asset_key_replacements=keys) for asset in whole] if account else whole


def pool_of(account: str) -> str:
    """The pool whose slots exports at the account's vendor take."""
    return f"salted_api_{account}" if account else "salted_api"
