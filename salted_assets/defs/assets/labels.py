"""The group, kinds and tags by which the UI sorts and finds an asset: the same rule for all of them."""

from typing import TypedDict

from salted_assets.settings import Settings


class Labels(TypedDict):
    """The arguments of `dg.asset` that label an asset."""

    group_name: str
    kinds: set[str]
    tags: dict[str, str]


def label_asset(settings: Settings, layer: str, *kinds: str, **tags: str) -> Labels:
    """The labels of an asset of a layer, which is the first part of its key.

    Simulated data are marked by a kind, which the graph shows, and by a tag, which is there in any case.
    """
    return {
        "group_name": layer,
        "kinds": {*kinds, "simulated"} if settings.simulated else set(kinds),
        "tags": {"layer": layer, "simulated": str(settings.simulated).lower(), **tags},
    }
