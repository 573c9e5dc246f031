"""Contacts of customers: their rows, how these change over the years, and which address belongs to whom."""

import re

import numpy as np
import pyarrow as pa

from salted_assets.simulator.data.columns import Rows, chosen, coded, digit_texts, joined, picked, plain, uuid_texts
from salted_assets.simulator.data.contact_centre import OPENED_MS, ContactCentre
from salted_assets.simulator.data.randomness import Dice, Integers, Keys, child_keys, keys_of
from salted_assets.simulator.data.vocabulary import FIRST_NAMES, LAST_NAMES
from salted_assets.simulator.data.windows import DAY_MS, SECOND_MS, Window

_CONTACT_CYCLE_DAYS = 365
_ADDRESS = re.compile(r"customer([0-9]{1,12})@example\.com|\+99955([0-9]{7,12})")
_SECOND_CONTACT_DIGIT = 4
_AGENT, _ORGANIZATION, _PERSON = range(3)
_SEGMENTS = ("Standard", "Standard", "Gold", "At risk", None, "Standard", "Gold", "At risk")
_FIRST_NEW_SEGMENT = 5


def contact_keys(seed: int, indices: Integers) -> Keys:
    """The keys of contacts."""
    return keys_of(seed, "contact", indices=indices)


def contact_pid(seed: int, index: int) -> str:
    """The pid of the `index`-th contact."""
    return str(uuid_texts(contact_keys(seed, np.array([index])), 0)[0])


def contact_names(seed: int, indices: Integers) -> pa.Array:
    """The names that contacts were first known under."""
    dice = _profile_dice(seed, indices)
    return _full_names(dice, _first_last_names(dice))


def contact_rows(centre: ContactCentre, indices: Integers, linked: Integers, window: Window) -> Rows:
    """The rows of customers.csv of those contacts that the window holds, as of its as-of time.

    A contact's row is there from the opening of the account on and may change once a year. `linked` are the contacts of
    engagements in the window.
    """
    keys = contact_keys(centre.seed, indices)
    updated_ms, last_name, segment = _changed(centre.seed, indices, keys, window)
    held = window.selects(OPENED_MS, updated_ms, is_linked=np.isin(indices, linked))
    indices, keys, last_name, segment = indices[held], keys[held], last_name[held], segment[held]
    dice = _profile_dice(centre.seed, indices)
    kind = np.select(
        [dice.happens("agent", 0.01), dice.happens("organization", 0.06)], [_AGENT, _ORGANIZATION], _PERSON
    )
    is_company = kind == _ORGANIZATION
    owner = picked(dice, "owner", LAST_NAMES)
    columns = {
        "pid": uuid_texts(keys, 0),
        "external_id": digit_texts(indices, 8),
        "name": _full_names(dice, last_name),
        "link": joined("https://crm.example.com/contacts/", plain(indices)),
        "type": coded(kind, ("Agent", "Organization", "Person")),
        "category": coded(is_company, ("B2C", "B2B")),
        "segment": coded(segment, _SEGMENTS),
        "organization": chosen(is_company, joined(owner, " & Sons, Ltd."), None),
        "region": picked(dice, "place", ("EMEA", "EMEA", "AMER", "APAC")),
        "country": picked(dice, "place", ("Czechia", "Germany", "United States", "Japan")),
        "state": picked(dice, "place", (None, None, "Ohio", None)),
    }
    return Rows(columns, updated_ms[held])


def contacts_changing(centre: ContactCentre, window: Window) -> Integers:
    """Contacts whose row may change in the window: each has its day of the year."""
    days = np.arange((window.start_ms - OPENED_MS) // DAY_MS, (window.end_ms - 1 - OPENED_MS) // DAY_MS + 1)
    own_days = np.arange(centre.contact_count) % _CONTACT_CYCLE_DAYS
    return np.flatnonzero(np.isin(own_days, days % _CONTACT_CYCLE_DAYS))


def contact_addresses(index: int) -> tuple[str, str]:
    """The e-mail address and phone number of a contact, both from ranges that belong to nobody."""
    return f"customer{index}@example.com", f"+99955{index:07d}"


def profile_of(centre: ContactCentre, address: str) -> frozenset[int] | None:
    """The contacts of the customer who owns an e-mail address or phone number.

    None when the account does not know the address; empty for a known contact without customers
    (`unlinked@example.com`). One customer in ten has two contacts.
    """
    wanted = address.strip().lower()
    if wanted == "unlinked@example.com":
        return frozenset()
    match = _ADDRESS.fullmatch(wanted)
    index = int(match[1] or match[2]) if match else -1
    if not 0 <= index < centre.contact_count or wanted not in contact_addresses(index):
        return None
    neighbours = np.arange(max(0, index - 1), min(index + 2, centre.contact_count))
    heads = _profile_heads(neighbours)
    return frozenset(neighbours[heads == heads[neighbours == index]].tolist())


def _profile_heads(indices: Integers) -> Integers:
    """The first contact of each contact's owner."""
    return indices - np.where(indices % 10 == _SECOND_CONTACT_DIGIT, 1, 0)


def _profile_dice(seed: int, indices: Integers) -> Dice:
    """Draws that both contacts of a customer share."""
    return Dice(keys_of(seed, "contact-facts", indices=_profile_heads(indices)))


def _first_last_names(dice: Dice) -> Integers:
    return dice.between("last name", 0, len(LAST_NAMES))


def _full_names(dice: Dice, last_name: Integers) -> pa.Array:
    return joined(picked(dice, "first name", FIRST_NAMES), " ", coded(last_name, LAST_NAMES))


def _changed(seed: int, indices: Integers, keys: Keys, window: Window) -> tuple[Integers, Integers, Integers]:
    """When each contact's row last changed before the as-of time, and the last name and segment that came of it."""
    dice = _profile_dice(seed, indices)
    last_name, segment = _first_last_names(dice), dice.between("segment", 0, _FIRST_NEW_SEGMENT)
    updated_ms = np.full(len(indices), OPENED_MS)
    for cycle in range(max(0, window.as_of_ms - OPENED_MS) // (_CONTACT_CYCLE_DAYS * DAY_MS) + 1):
        dice = Dice(child_keys(keys, cycle))
        day = cycle * _CONTACT_CYCLE_DAYS + indices % _CONTACT_CYCLE_DAYS
        at_ms = OPENED_MS + day * DAY_MS + dice.between("second", 0, 86_400) * SECOND_MS
        renames = dice.happens("renames", 0.3) & (at_ms <= window.as_of_ms)
        moves = dice.happens("moves", 0.3) & (at_ms <= window.as_of_ms) & ~renames
        last_name = np.where(renames, dice.between("last name", 0, len(LAST_NAMES)), last_name)
        segment = np.where(moves, dice.between("segment", _FIRST_NEW_SEGMENT, len(_SEGMENTS)), segment)
        updated_ms = np.where(renames | moves, at_ms, updated_ms)
    return updated_ms, last_name, segment
