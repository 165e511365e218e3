"""Talking reserved people for studio-sync, and speaking ones for studio-voice."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.studio.recipe import RESERVED_PEOPLE
from ..datasets.studio.speech import (
    LANGUAGES,
    RESERVED_VOICES,
    SAMPLE_RATE,
    ClipPlan,
    ClipRecipe,
    MouthTrack,
    Room,
    Sentence,
    Voice,
    hear,
    plan_clip,
    sentences_of,
    utter,
    voice,
)
from ..datasets.studio.speech.motion import HeadMotion
from ..instruments import studio_sync as sync
from ..instruments import studio_voice
from ..instruments.logmel import log_mel
from ..media.content import Sound, SoundMedia
from ..media.item import Split
from .faces import SEED, TEST_PEOPLE, close_up
from .runtime import Arrays

TEST_VOICES = RESERVED_VOICES + 2 * (TEST_PEOPLE - RESERVED_PEOPLE)
"""First of the voices that only tests hear: those of the people that only tests see."""
CLIP_SECONDS = 2.0
CLIP_FRAMES = 50
LARGE = 200
"""Pixels of the frames that are rendered whole."""
VOICE_STEPS = 250
PER_VOICE = 8

_CODES = tuple(LANGUAGES)


@lru_cache(maxsize=16)
def words(language: str) -> tuple[str, ...]:
    """Return what training sentences of a language are made of: words, characters of Chinese, syllables of Thai."""
    found: dict[str, None] = {}
    for sentence in sentences_of(language, Split.TRAIN):
        text = sentence.spoken
        if not LANGUAGES[language].phonemic:
            text = "".join(c if c.isalnum() or c in "'’" else " " for c in text)
        parts = "".join(text.split()) if language in {"cmn", "yue"} else text.split()
        found.update(dict.fromkeys(parts))
    return tuple(found)


def mixed_sentences(language: str, rng: np.random.Generator, count: int = 12) -> tuple[Sentence, ...]:
    """Return sentences without sense: words of the training sentences in any order, which no test has."""
    known = words(language)
    gap = "" if language in {"cmn", "yue"} else " "
    texts = [gap.join(known[int(k)] for k in rng.integers(0, len(known), rng.integers(3, 9))) for _ in range(count)]
    return tuple(Sentence(f"{language}-mixed-{k}", language, text, text) for k, text in enumerate(texts))


def some_room(rng: np.random.Generator) -> Room | None:
    """Draw a room; most often none."""
    if rng.uniform() < 0.6:
        return None
    rt60 = float(rng.uniform(0.1, 0.6)) if rng.uniform() < 0.6 else 0.0
    snr = float(rng.uniform(8.0, 35.0)) if rng.uniform() < 0.7 else None
    return Room(rt60, float(rng.uniform(0.0, 10.0)), snr, "pink" if rng.uniform() < 0.5 else "white")


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkJobs:
    """Job k films one clip of two seconds of one person, only as much of it as the network sees.

    Attributes:
        seed: Of everything but the people.
        large_every: One clip in so many is rendered larger and reduced, as finer renders look a little different.
    """

    seed: int = 2
    large_every: int = 20

    def __call__(self, k: int) -> Arrays:
        """Return `mouths` (1, 50, 48, 68, 3) uint8, `mel` (1, 200, 64) and `track` (1, 50, 7) float16, in step."""
        rng = np.random.default_rng([SEED, self.seed, k])
        plan = self._plan(RESERVED_PEOPLE + k % (TEST_PEOPLE - RESERVED_PEOPLE), rng)
        large = self.large_every > 0 and k % self.large_every == self.large_every - 1
        mouths = film(plan, plan.states(0, CLIP_FRAMES), LARGE if large else None)
        if rng.uniform() < 0.5:
            mouths = compressed(mouths, int(rng.integers(30, 95)))
        mel = log_mel(plan.sound, SAMPLE_RATE, bands=sync.BANDS, window=sync.WINDOW)
        track = plan.mouth.at((np.arange(CLIP_FRAMES, dtype=np.float64) + 0.5) / plan.recipe.fps + plan.lead)
        half: Arrays = {"mel": mel[: 4 * CLIP_FRAMES], "track": track}
        return {"mouths": mouths[None], **{name: values[None].astype(np.float16) for name, values in half.items()}}

    def _plan(self, number: int, rng: np.random.Generator) -> ClipPlan:
        language = _CODES[int(rng.integers(len(_CODES)))]
        recipe = ClipRecipe(
            people=1, clips_per_person=1, seconds=CLIP_SECONDS, height=240, width=240,
            languages=(language,), seed=SEED, room=some_room(rng), first_person=number, max_yaw=25.0,
        )  # fmt: skip
        plan = plan_clip(recipe, 0, int(rng.integers(1 << 20)), Split.TRAIN)
        return with_other_words(plan, rng) if rng.uniform() < 0.6 else plan


def with_other_words(plan: ClipPlan, rng: np.random.Generator) -> ClipPlan:
    """Return the same clip with mixed sentences said instead."""
    language = plan.utterance.voice.language
    seconds = plan.recipe.seconds
    said = utter(plan.utterance.voice, mixed_sentences(language, rng), rng, seconds=seconds)
    mouth = MouthTrack(
        said.phonemes,
        LANGUAGES[language].family,
        articulation=float(rng.uniform(0.85, 1.2)),
        shortest=1.1 / plan.recipe.fps,
    )
    motion = HeadMotion(rng, seconds, said.phonemes, max_yaw=plan.recipe.max_yaw)
    sound = hear(said.sound, plan.recipe.room, SAMPLE_RATE, rng) if plan.recipe.room else said.sound
    return replace(plan, utterance=said, sound=sound, mouth=mouth, motion=motion, lead=0.0)


def film(plan: ClipPlan, states: list[dict[str, float]], height: int | None = None) -> NDArray[np.uint8]:
    """Return the mouths (T, 48, 68, 3) of a clip.

    Args:
        plan: The clip.
        states: Of its frames.
        height: Pixels of square frames from which mouths are cut; None looks at the mouth alone, through a longer lens,
            at a fraction of the time.
    """
    from ..datasets.studio.render import render

    near = (sync.HEIGHT, sync.WIDTH), close_up(plan.scene, sync.TOP, sync.BOTTOM)
    size, scene = ((height, height), plan.scene) if height else near
    out: list[NDArray[np.uint8]] = []
    for first in range(0, len(states), 16):
        part = states[first : first + 16]
        grain = [(scene["noise_seed"] + 7919.0 * (first + k)) % 16777216.0 for k in range(len(part))]
        scenes = [{**scene, "noise_seed": seed, "jpeg_quality": 100.0} for seed in grain]
        pixels = render([plan.person] * len(part), part, scenes, size).pixels.cpu().numpy()
        out += [sync.mouth(frame) for frame in pixels] if height else list(pixels)
    return np.stack(out)


def compressed(mouths: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return pictures after JPEG, which stands for what a video codec does to them."""
    import cv2

    out = []
    for picture in mouths:
        _, code = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        out.append(np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))[:, :, ::-1])
    return np.stack(out).astype(np.uint8)


def as_integers(sound: Sound) -> NDArray[np.int16]:
    """Return a sound as it is written to a file."""
    return np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutTalks:
    """Job k films clip k of three seconds: a held-out person with a held-out voice says held-out sentences.

    Attributes:
        height: Pixels of the square frames; None films the mouth alone.
        first: Offset into the held-out people.
        seconds: Of a clip.
        offset: Frames by which the sound is late; None draws -10 to 10.
        wrong: Share of another clip's mouth that is mixed into this one's.
    """

    height: int | None
    first: int = 0
    seconds: float = 3.0
    offset: int | None = None
    wrong: float = 0.0

    def __call__(self, k: int) -> Arrays:
        """Return `mouths` (1, T, 48, 68, 3), `sound` (1, samples) int16 at 22,050 Hz, and `offset` (1,)."""
        number = TEST_PEOPLE + self.first + k
        late = int(np.random.default_rng([SEED, number, 13]).integers(-10, 11)) if self.offset is None else self.offset
        plan = self.plan(number, late)
        count = plan.recipe.frames
        states = plan.states(0, count)
        if self.wrong:
            other = self.plan(number + 1_000, late).states(0, count)
            states = [_towards(mine, theirs, self.wrong) for mine, theirs in zip(states, other, strict=True)]
        mouths = film(plan, states, self.height)
        sound = as_integers(plan.sound)
        return {"mouths": mouths[None], "sound": sound[None], "offset": np.array([late])}

    def plan(self, number: int, late: int) -> ClipPlan:
        """Return the clip of a held-out person whose sound is `late` frames late."""
        recipe = ClipRecipe(
            people=1, clips_per_person=1, seconds=self.seconds, height=240, width=240,
            languages=(_CODES[number % len(_CODES)],), seed=SEED, offset_frames=late, first_person=number,
        )  # fmt: skip
        return plan_clip(recipe, 0, 0, Split.TEST)


_MOUTH = ("jaw_open", "lip_width", "lip_round", "lip_part", "lip_press", "tongue", "chin_raise", "upper_lip_raise")


def _towards(mine: Mapping[str, float], theirs: Mapping[str, float], share: float) -> dict[str, float]:
    return {**mine, **{name: mine[name] + share * (theirs[name] - mine[name]) for name in _MOUTH}}


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceJobs:
    """Job k lets one voice speak `PER_VOICE` times, in four languages.

    Attributes:
        seed: Of everything but the voices.
    """

    seed: int = 3

    def __call__(self, k: int) -> Arrays:
        """Return `mel` (rows, 250, 80) float16."""
        rng = np.random.default_rng([SEED, self.seed, k])
        number = RESERVED_VOICES + k % (TEST_VOICES - RESERVED_VOICES)
        codes = [_CODES[int(c)] for c in rng.permutation(len(_CODES))[: PER_VOICE // 2]] * 2
        rows = []
        for place, code in enumerate(codes):
            pool = mixed_sentences(code, rng) if place % 2 or rng.uniform() < 0.4 else sentences_of(code, Split.TRAIN)
            said = utter(voice(code, number), pool, rng, seconds=3.0).sound
            room = some_room(rng)
            rows.append(piece(hear(said, room, SAMPLE_RATE, rng) if room else said))
        return {"mel": np.stack(rows).astype(np.float16)}


def piece(sound: Sound) -> NDArray[np.float32]:
    """Return `VOICE_STEPS` of the spectrogram of what is said, repeated if it is shorter."""
    mel = studio_voice.speech(SoundMedia(sound=sound, sample_rate=SAMPLE_RATE))
    return np.asarray(np.tile(mel, (-(-VOICE_STEPS // len(mel)), 1))[:VOICE_STEPS])


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutVoices:
    """Job k lets a held-out voice say held-out sentences of three seconds.

    Attributes:
        per_voice: Sounds of each.
        languages: Languages that each voice speaks; 1 as in the studio's recipe.
        snr: Of added noise in dB; None is none.
        blend: Share of another voice's numbers that is mixed into this one's.
        first: Offset into the held-out voices.
    """

    per_voice: int
    languages: int = 1
    snr: float | None = None
    blend: float = 0.0
    first: int = 0

    def __call__(self, k: int) -> Arrays:
        """Return `sound` (rows, samples) int16 at 22,050 Hz, and `label` (rows,) the number of the voice."""
        number = TEST_VOICES + self.first + k
        rng = np.random.default_rng([SEED, number, 17])
        codes = [_CODES[int(c)] for c in rng.permutation(len(_CODES))[: self.languages]]
        rows = []
        for place in range(self.per_voice):
            code = codes[place % len(codes)]
            speaker = between(voice(code, number), voice(code, number + 2_001), self.blend)
            said = utter(speaker, sentences_of(code, Split.TEST), rng, seconds=3.0).sound
            heard = hear(said, Room(snr=self.snr), SAMPLE_RATE, rng) if self.snr is not None else said
            rows.append(as_integers(heard))
        return {"sound": np.stack(rows), "label": np.full(self.per_voice, number)}


def between(a: Voice, b: Voice, share: float) -> Voice:
    """Return a voice whose numbers lie between those of two others."""
    if share == 0:
        return a

    def mix(x: Any, y: Any) -> Any:  # noqa: ANN401 - numbers of either kind, or tuples of them
        if isinstance(x, tuple):
            return tuple(mix(i, j) for i, j in zip(x, y, strict=True))
        value = x + (y - x) * share
        return round(value) if isinstance(x, int) else value

    fixed = {"id", "language", "number", "feminine"}
    moved = {name: mix(getattr(a, name), getattr(b, name)) for name in a._fields if name not in fixed}
    return a._replace(**moved)
