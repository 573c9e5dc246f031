"""Contacts of customers: who they are, how their rows change over the years, which address belongs to whom.

Not here: what they want from the company (`conversations`).
"""

from collections.abc import Iterator

from salted_assets.simulator.clock import DAY_MS
from salted_assets.simulator.names import LAST_NAMES, person_name
from salted_assets.simulator.population import OPENED_MS, World
from salted_assets.simulator.randomness import happens, keyed_random, number_of, pick, pid_of
from salted_assets.simulator.versions import Cell, Change

_CONTACT_CYCLE_DAYS = 365
_LONGEST_NUMBER = 12
_SECOND_CONTACT_DIGIT = 4


def contact_pid(seed: int, index: int) -> str:
    """The pid of the `index`-th contact."""
    return pid_of(seed, "contact", index)


def contact_name(seed: int, index: int) -> str:
    """The first name that the contact was known under."""
    return person_name(seed, "contact", _profile_head(index))


def contact_changes_until(seed: int, index: int, as_of_ms: int) -> list[Change]:
    """The history of a contact's row in customers.csv up to `as_of_ms`; empty before the account opened."""
    if as_of_ms < OPENED_MS:
        return []
    changes = [Change(OPENED_MS, _contact_cells(seed, index))]
    cycle = 0
    while (at_ms := _contact_change_ms(seed, index, cycle)) <= as_of_ms:
        cells = _contact_change(seed, index, cycle)
        if cells:
            changes.append(Change(at_ms, cells))
        cycle += 1
    return changes


def contacts_changing(world: World, start_ms: int, end_ms: int) -> Iterator[int]:
    """Contacts whose row may change in `[start_ms, end_ms)`: each has its day of the year."""
    for day in range((start_ms - OPENED_MS) // DAY_MS, (end_ms - 1 - OPENED_MS) // DAY_MS + 1):
        yield from range(day % _CONTACT_CYCLE_DAYS, world.contact_count, _CONTACT_CYCLE_DAYS)


def contact_addresses(index: int) -> tuple[str, str]:
    """The e-mail address and phone number of a contact, both from ranges that belong to nobody."""
    return f"customer{index}@example.com", f"+99955{index:07d}"


def profile_of(world: World, address: str) -> frozenset[int] | None:
    """The contacts of the customer who owns an e-mail address or phone number.

    None when the account does not know the address; empty for a known contact without customers
    (`unlinked@example.com`). One customer in ten has two contacts.
    """
    wanted = address.strip().lower()
    if wanted == "unlinked@example.com":
        return frozenset()
    digits = (
        wanted.removeprefix("+99955") if wanted.startswith("+") else wanted.partition("@")[0].removeprefix("customer")
    )
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER
    if not is_number or wanted not in contact_addresses(int(digits)):
        return None
    head = _profile_head(int(digits))
    members = {index for index in (head, head + 1) if _profile_head(index) == head and index < world.contact_count}
    return frozenset(members) if int(digits) in members else None


def _profile_head(index: int) -> int:
    return index - 1 if index % 10 == _SECOND_CONTACT_DIGIT else index


def _contact_cells(seed: int, index: int) -> dict[str, Cell]:
    random = keyed_random(seed, "contact-facts", _profile_head(index))
    kind = "Agent" if happens(random, 0.01) else "Organization" if happens(random, 0.06) else "Person"
    region, country, state = pick(
        random,
        (
            ("EMEA", "Czechia", None),
            ("EMEA", "Germany", None),
            ("AMER", "United States", "Ohio"),
            ("APAC", "Japan", None),
        ),
    )
    is_company = kind == "Organization"
    return {
        "pid": contact_pid(seed, index),
        "external_id": f"{index:08d}",
        "name": contact_name(seed, index),
        "link": f"https://crm.example.com/contacts/{index}",
        "type": kind,
        "category": "B2B" if is_company else "B2C",
        "segment": pick(random, ("Standard", "Standard", "Gold", "At risk", None)),
        "organization": f"{pick(random, LAST_NAMES)} & Sons, Ltd." if is_company else None,
        "region": region,
        "country": country,
        "state": state,
    }


def _contact_change_ms(seed: int, index: int, cycle: int) -> int:
    day = cycle * _CONTACT_CYCLE_DAYS + index % _CONTACT_CYCLE_DAYS
    return OPENED_MS + day * DAY_MS + number_of(seed, "contact-hour", index, cycle) % 86_400 * 1000


def _contact_change(seed: int, index: int, cycle: int) -> dict[str, Cell]:
    random = keyed_random(seed, "contact-change", index, cycle)
    if happens(random, 0.3):
        first = contact_name(seed, index).partition(" ")[0]
        return {"name": f"{first} {pick(random, LAST_NAMES)}"}
    if happens(random, 0.3):
        return {"segment": pick(random, ("Standard", "Gold", "At risk"))}
    return {}
