"""Train the classifier of lexical tones: `python -m fauxbench.harness.training.tones`.

Reserved voices speak the studio's sentences; a linear discriminant with shrinkage learns which of eSpeak NG's tones a
syllable carries from `tone_features`. Other reserved voices, with sentences that were not learnt, test it. Labels and
weights go into `metrics/tone_classes.json`, and its digest must be put into `metrics/tone_classes.py`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..canonical import digest_of_bytes
from ..datasets.studio.speech import espeak
from ..datasets.studio.speech.languages import LANGUAGES as SPOKEN
from ..datasets.studio.speech.sentences import Sentence, sentences, sentences_of
from ..datasets.studio.speech.tones import labelled, phonemes_of
from ..datasets.studio.speech.voices import RESERVED_VOICES, voice
from ..errors import InputError
from ..media.item import Split
from ..metrics.audio_pitch import RESOLUTION, Contour, contour_of
from ..metrics.audio_prosody import flattened_f0, shuffled_f0
from ..metrics.audio_signal import wave_of
from ..metrics.tone_classes import FILE, LANGUAGES, Syllable, matched, token, tone_features

FIRST = RESERVED_VOICES + 300_000
"""First voice of the training; those of the test begin 1,000 later."""
EVERY = 3
"""Of the sentences that may be learnt, one in so many is."""
COARSE = 0.2
"""Semitones of the grid on which F0 of the training is found: six times as fast, and within 9 cents."""

Heard = tuple[Contour, tuple[Syllable, ...]]


def table() -> dict[str, str]:
    """Return the phonemes of every sentence with tones, as `ts Au/214 s. A/11`."""
    found = {}
    for language in LANGUAGES:
        for sentence in sentences(language):
            spoken = espeak.speak(sentence.spoken, language, phonemic=SPOKEN[language].phonemic)
            names = [one.mnemonic for one in spoken.phonemes if not one.mnemonic.startswith("_")]
            try:
                tokens = labelled(names, phonemes_of(sentence.spoken, language), language)
            except InputError as error:
                print(f"{sentence.id} is left out: {error}", file=sys.stderr)  # noqa: T201
                continue
            found[sentence.id] = " ".join(f"{name}/{tone}" if tone else name for name, tone in tokens)
    return found


def heard(
    language: str,
    numbers: Sequence[int],
    chosen: Sequence[Sentence],
    known: dict[str, str],
    resolution: float = RESOLUTION,
) -> Iterator[Heard]:
    """Yield contour and syllables of each sentence by each voice; those that cannot be labelled are left out."""
    for number in numbers:
        for sentence in chosen:
            spoken = voice(language, number).say(sentence)
            said = [(p.mnemonic, p.start, p.end) for p in spoken.phonemes if not p.mnemonic.startswith("_")]
            syllables = matched(said, [token(one) for one in known.get(sentence.id, "").split()])
            if syllables:
                yield contour_of(wave_of(spoken.sound, espeak.SAMPLE_RATE), resolution), tuple(syllables)


def rows_of(pairs: Sequence[Heard]) -> tuple[np.ndarray, np.ndarray]:
    """Return features and tones of all syllables that are voiced."""
    rows = np.concatenate([tone_features(contour, syllables) for contour, syllables in pairs])
    tones = np.array([one.tone for _, syllables in pairs for one in syllables])
    kept = np.isfinite(rows).all(axis=1)
    return rows[kept], tones[kept]


def fitted(pairs: Sequence[Heard]) -> dict[str, Any]:
    """Return the classifier of one language."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rows, tones = rows_of(pairs)
    names, counts = np.unique(tones, return_counts=True)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=np.full(len(names), 1 / len(names)))
    model.fit(rows, tones)
    return {
        "tones": names.tolist(),
        "weights": np.round(model.coef_, 5).tolist(),
        "offsets": np.round(model.intercept_, 5).tolist(),
        "shares": np.round(counts / counts.sum(), 5).tolist(),
    }


def balanced(pairs: Sequence[Heard], record: dict[str, Any]) -> float:
    """Return the mean over tones of the share that is told."""
    rows, tones = rows_of(pairs)
    scores = rows @ np.asarray(record["weights"]).T + np.asarray(record["offsets"])
    right = np.asarray(record["tones"])[scores.argmax(axis=1)] == tones
    return float(np.mean([right[tones == one].mean() for one in record["tones"] if (tones == one).any()]))


def taught(language: str, voices: int, known: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the classifier of a language, and what other voices and sentences say of it."""
    learnt = [one for split in (Split.TRAIN, Split.VALIDATION) for one in sentences_of(language, split)]
    record = fitted(list(heard(language, range(FIRST, FIRST + voices), learnt[::EVERY], known, COARSE)))
    numbers = range(FIRST + 1000, FIRST + 1000 + max(2, voices // 4))
    test = list(heard(language, numbers, sentences_of(language, Split.TEST), known))
    generator = np.random.default_rng(0)
    forms = {
        "told": test,
        "flattened": [(flattened_f0(contour), said) for contour, said in test],
        "shuffled": [(shuffled_f0(contour, generator), said) for contour, said in test],
    }
    report = {name: round(balanced(pairs, record), 3) for name, pairs in forms.items()}
    counts = {"voices": voices, "sounds": len(test), "syllables": sum(len(said) for _, said in test)}
    return record, {**report, "chance": round(1 / len(record["tones"]), 3), **counts}


def main() -> None:
    """Train, test and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--voices", type=int, default=8, help="Of the training; a quarter as many test.")
    parser.add_argument("--language", action="append", choices=LANGUAGES, help="Only this; the others are kept.")
    parser.add_argument("--labels", action="store_true", help="Print the labels, and train nothing.")
    given = parser.parse_args()
    known = table()
    if given.labels:
        print(json.dumps(known, ensure_ascii=False, indent=1))  # noqa: T201
        return
    document = json.loads(FILE.read_bytes()) if FILE.is_file() else {"classes": {}, "measured": {}}
    for language in given.language or LANGUAGES:
        document["classes"][language], document["measured"][language] = taught(language, given.voices, known)
        print(language, document["measured"][language], flush=True)  # noqa: T201
    for name in ("classes", "measured"):
        document[name] = {one: document[name][one] for one in LANGUAGES if one in document[name]}
    document["sentences"] = known
    content = json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
    FILE.write_bytes(content)
    print(f"DIGEST of {FILE.name}: {digest_of_bytes([content])}")  # noqa: T201


if __name__ == "__main__":
    main()
