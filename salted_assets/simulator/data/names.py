"""Names of simulated people. Not here: who they are (`population`, `contacts`)."""

from functools import lru_cache

from salted_assets.simulator.data.randomness import number_of

FIRST_NAMES = (
    "Ada",
    "Amir",
    "Ana",
    "Björn",
    "Carla",
    "Chloé",
    "Daniel",
    "Dora",
    "Elif",
    "Emma",
    "Farid",
    "Filip",
    "Grace",
    "Hana",
    "Igor",
    "Ines",
    "Jakub",
    "Jana",
    "João",
    "Kofi",
    "Lena",
    "Liam",
    "Marek",
    "Mei",
    "Nina",
    "Noor",
    "Oskar",
    "Paula",
    "Petr",
    "Priya",
    "Quentin",
    "Rosa",
    "Samuel",
    "Sofía",
    "Tereza",
    "Tom",
    "Uma",
    "Viktor",
    "Wanda",
    "Zoë",
)
LAST_NAMES = (
    "Adeyemi",
    "Bauer",
    "Benešová",
    "Costa",
    "Dubois",
    "Eriksson",
    "Ferrari",
    "García",
    "Horváth",
    "Ivanov",
    "Jensen",
    "Kowalska",
    "Lindqvist",
    "Müller",
    "Nakamura",
    "Novák",
    "O'Brien",
    "Petrov",
    "Quist",
    "Rossi",
    "Schäfer",
    "Silva",
    "Svoboda",
    "Tanaka",
    "Urban",
    "Varga",
    "Weber",
    "Yildiz",
    "Zhang",
    "Šimková",
)


@lru_cache(maxsize=65_536)
def person_name(seed: int, kind: str, index: int) -> str:
    """The name of the `index`-th person of a kind."""
    number = number_of(seed, kind, "name", index)
    return f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {LAST_NAMES[number // 64 % len(LAST_NAMES)]}"
