"""What the people of the embedded dataset say, and with which voices.

Held-out splits share neither sentences nor voices with training. The sentences are written for this project.
"""

from collections.abc import Iterator

import numpy as np

from segtalker.synthetic.speech import Voice

LANGUAGES = ("en-us", "de", "fr", "es", "it")

_TRAIN: dict[str, tuple[str, ...]] = {
    "en-us": (
        "The baker opens his shop before the sun comes up.",
        "My brother bought five purple balloons for the party.",
        "We walked along the river and talked about music.",
        "Please move the big wooden table away from the window.",
        "Every morning she feeds the pigeons in the park.",
        "A warm wind blew over the empty fields all afternoon.",
        "They built a small boat and named it after their mother.",
        "The film was about a painter who lost her memory.",
        "Put the apples in the bowl and the bread on the shelf.",
        "He whistled loudly while washing his old blue bicycle.",
        "Both of my neighbours have opened vegetable shops.",
        "Nobody knew why the music stopped before midnight.",
    ),
    "de": (
        "Am Morgen öffnet der Bäcker seine kleine Bude.",
        "Meine Mutter pflückt im Sommer gern Blaubeeren.",
        "Wir haben lange über den alten Film gesprochen.",
        "Das Wasser im Brunnen war kalt und vollkommen klar.",
        "Bitte bring mir morgen fünf Pfund Äpfel mit.",
        "Der Wind bewegt die Blumen auf der offenen Wiese.",
    ),
    "fr": (
        "Le boulanger ouvre sa boutique avant le lever du jour.",
        "Ma voisine adore les pommes et les poires mûres.",
        "Nous avons beaucoup parlé de musique et de peinture.",
        "Le bateau bleu avance lentement sur la rivière.",
        "Pouvez-vous fermer la porte avant de partir ?",
        "Un vent doux souffle sur les champs de blé.",
    ),
    "es": (
        "El panadero abre su tienda antes de que salga el sol.",
        "Mi abuela compra manzanas y peras en el mercado.",
        "Hablamos mucho tiempo de la película y de la música.",
        "El barco azul pasa despacio por debajo del puente.",
        "Por favor, mueve la mesa grande cerca de la ventana.",
        "Un viento suave sopla sobre los campos vacíos.",
    ),
    "it": (
        "Il fornaio apre la bottega prima dell'alba.",
        "Mia nonna compra mele e pere al mercato.",
        "Abbiamo parlato a lungo del film e della musica.",
        "La barca blu passa lenta sotto il vecchio ponte.",
        "Per favore, sposta il tavolo vicino alla finestra.",
        "Un vento leggero muove i fiori in mezzo al prato.",
    ),
}
_HELD_OUT: dict[str, dict[str, tuple[str, ...]]] = {
    "val": {
        "en-us": (
            "Four brave women climbed the mountain in one day.",
            "Open the map and follow the road to the harbour.",
        ),
        "de": ("Im Hof bellt ein großer brauner Hund.", "Abends spielen wir oft gemeinsam Schach."),
        "fr": ("La famille habite une maison au bord de la mer.", "Il faut boire beaucoup d'eau pendant l'été."),
        "es": ("La familia vive en una casa cerca del mar.", "Cada mañana bebo un vaso de agua fría."),
        "it": ("La famiglia abita in una casa vicino al mare.", "Ogni mattina bevo un bicchiere d'acqua fresca."),
    },
    "test": {
        "en-us": (
            "Maybe the weather will improve by Wednesday afternoon.",
            "She poured a cup of coffee and opened the newspaper.",
            "A famous pianist will perform at the theatre above the bay.",
            "The children jumped over puddles on their way home.",
            "Our village has a bridge, two mills and a very old tower.",
            "Follow me, but be careful with the broken step.",
            "Thirty brown cows were grazing behind the old farm.",
            "Every evening the fishermen repair their nets.",
            "You should taste the soup before adding pepper.",
            "Black clouds were moving over the empty harbour.",
            "He promised to bring four boxes of fresh oranges.",
            "Some people never look up from their phones.",
        ),
        "de": (
            "Vielleicht bleibt das Wetter bis Freitag freundlich.",
            "Auf dem Marktplatz musizieren vier junge Leute.",
            "Sie öffnete das Fenster und rief nach ihrem Hund.",
            "Morgen fahren wir mit dem Bus zum Museum.",
        ),
        "fr": (
            "Peut-être que le temps va changer avant demain.",
            "Elle ouvre le journal et boit un bon café.",
            "Les enfants jouent au ballon devant la mairie.",
            "Mon frère prépare une soupe aux champignons.",
        ),
        "es": (
            "Quizás el tiempo cambie antes del viernes.",
            "Ella abre el periódico y toma un café.",
            "Los niños juegan a la pelota en la plaza.",
            "Mi hermano prepara una sopa de verduras.",
        ),
        "it": (
            "Forse il tempo cambia prima di venerdì.",
            "Lei apre il giornale e beve un buon caffè.",
            "I bambini giocano a palla davanti alla chiesa.",
            "Mio fratello prepara una zuppa di verdure.",
        ),
    },
}
SENTENCES: dict[str, dict[str, tuple[str, ...]]] = {"train": _TRAIN, **_HELD_OUT}

VARIANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "train": {"female": ("f1", "f2", "f4", "belinda", "steph"), "male": ("m1", "m2", "m3", "m5", "m7")},
    "val": {"female": ("steph2",), "male": ("m6",)},
    "test": {"female": ("f3", "f5", "linda"), "male": ("m4", "m8", "paul")},
}


def sentences(split: str, language: str, rng: np.random.Generator) -> Iterator[str]:
    """Sentences of a split in random order, again and again."""
    while True:
        yield from rng.permutation(SENTENCES[split][language]).tolist()


def draw_voice(split: str, language: str, gender: str, rng: np.random.Generator) -> Voice:
    """A person's voice."""
    variants = VARIANTS[split][gender]
    return Voice(
        language=language,
        variant=variants[rng.integers(len(variants))],
        rate_wpm=int(rng.integers(130, 176)),
        pitch=int(rng.integers(35, 66)),
        pitch_range=int(rng.integers(40, 71)),
    )
