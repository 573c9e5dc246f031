"""Names of people, and phrases that they say or write."""

from salted_assets.simulator.data.randomness import number_of

# fmt: off
FIRST_NAMES = (
    "Ada", "Amir", "Ana", "Björn", "Carla", "Chloé", "Daniel", "Dora", "Elif", "Emma", "Farid", "Filip", "Grace",
    "Hana", "Igor", "Ines", "Jakub", "Jana", "João", "Kofi", "Lena", "Liam", "Marek", "Mei", "Nina", "Noor", "Oskar",
    "Paula", "Petr", "Priya", "Quentin", "Rosa", "Samuel", "Sofía", "Tereza", "Tom", "Uma", "Viktor", "Wanda", "Zoë",
)
LAST_NAMES = (
    "Adeyemi", "Bauer", "Benešová", "Costa", "Dubois", "Eriksson", "Ferrari", "García", "Horváth", "Ivanov", "Jensen",
    "Kowalska", "Lindqvist", "Müller", "Nakamura", "Novák", "O'Brien", "Petrov", "Quist", "Rossi", "Schäfer", "Silva",
    "Svoboda", "Tanaka", "Urban", "Varga", "Weber", "Yildiz", "Zhang", "Šimková",
)
# fmt: on


def person_name(seed: int, kind: str, index: int) -> str:
    """The name of the `index`-th person of a kind."""
    number = number_of(seed, kind, "name", index)
    return f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {LAST_NAMES[number // 64 % len(LAST_NAMES)]}"


AGENT_PHRASES = (
    "Good morning, thank you for reaching out to us, my name is on the screen and I am happy to help you today.",
    "I can see the order here; the parcel left our warehouse yesterday and should reach you within two days.",
    'The system shows the status "waiting for payment", so let me check what happened on our side.',
    "I am sorry for the trouble, I understand how annoying that is, especially after you had called us before.",
    "Could you please tell me the number printed on the label, right below the bar code?",
    "Let me summarise: we send a new device, you return the old one, and the refund follows in five days.",
    "I have changed the address, corrected the invoice, and sent you a confirmation.",
    "Please restart the router, wait a minute, and tell me whether the green light comes back.",
    "Is there anything else that I can do for you?",
    "Gerne, ich prüfe das sofort für Sie und melde mich gleich zurück.",
    "Por supuesto, le envío el enlace para la devolución ahora mismo.",
    "Děkuji za trpělivost, reklamaci jsem právě založil.",
    "We can offer the yearly plan with ten percent off; it would save you about 40 €.",
)
CUSTOMER_PHRASES = (
    "Hi, I ordered two weeks ago and nothing has come so far, can you tell me where it is?",
    "I was charged twice for the same invoice, and I would like to have the money back, please.",
    "Your colleague said it would be done by Monday. It was not.",
    "The thing doesn't turn on any more 😡, I have tried everything that the manual says.",
    "Great, that was quick, thank you so much! 🎉",
    'It only says "error 17", and then the screen goes dark again.',
    "I want to cancel my contract, it has become too expensive for what I get.",
    "No, that is not what I asked; I need the invoice, not the delivery note.",
    "Okay, I will try that and come back to you if it doesn't work.",
    "Ich habe das falsche Größe bekommen, kann ich das umtauschen?",
    "¿Cuánto tarda el reembolso? Llevo ya diez días esperando.",
    "Dobrý den, balík dorazil poškozený, posílám fotku.",
)
ODD_TEXTS = (
    "NA",
    "null",
    "None",
    "n/a",
    '""',
    "=SUM(A1:A9)",
    "👍",
    '👩‍👩‍👧‍👦, "семья"',
    "first line\nsecond line\n\nlast line",
    "pasted from Windows\r\nwith its line ends\r\n",
    "  spaces around  ",
    "tab\there, comma, \"quotes\", 'apostrophes'; and a semicolon",
    "مرحبا, أين طلبي؟",
    "007",
    "https://shop.example.com/?a=1&b=2#c",
)
COMMENTS = (
    "Greeted well, but never checked whether the problem was solved.",
    'Said "not my department", please talk about ownership.',
    "Excellent recovery of a difficult start.\nUse as an example in the training.",
    "Long silence, then the right answer.",
    "Děkuji, velmi ochotný přístup 🙂",
)
SURVEY_COMMENTS = (
    "Quick and friendly!",
    "Had to explain everything three times, really?",
    "ok",
    "Sehr nett, aber das Problem besteht weiter.",
    "👍👍",
)
