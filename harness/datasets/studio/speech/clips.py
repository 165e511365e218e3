"""Talking clips and spoken sounds of the studio: recipes, and the media they make, streamed in a fixed order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....canonical import JSON
from ....errors import InputError
from ....media.content import Picture, Sound, SoundMedia, VideoMedia
from ....media.item import Item, Kind, Modality, Split
from ..factors import POINTS, STATE, sample_scene
from ..recipe import name_of_person, person_factors
from .espeak import SAMPLE_RATE
from .languages import find_language
from .motion import HeadMotion
from .mouth import MouthTrack, state_of
from .room import Room, check_room, hear
from .sentences import sentences_of
from .utterance import Utterance, utter
from .voices import Voice, voice_of_person

HEIGHTS = (240, 360, 480, 720, 1080)
"""The usual heights of clips in pixels; any even height from 32 on works."""
LONGEST = 300.0
"""Seconds."""

LABELLED = 8
"""Frames of a clip whose points and factors stand in its facts, for systems that learn from labels."""
SPOKEN = ("jaw_open", "lip_width", "lip_round", "lip_part", "lip_press", "chin_raise", "upper_lip_raise")
"""Factors that speech moves, told of the first 40 s at most: of every frame, of a sound `HEARD_RATE` times a second."""
HEARD_RATE = 25
_TOLD = 1000
_SMALL = 72  # pixels of height in which points are found

_CLIP, _SPEECH = 11, 12  # streams of randomness, apart from those of pictures
_PIXELS_PER_BATCH = 1 << 19
_FRAMES_PER_BATCH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRecipe:
    """What to speak.

    Attributes:
        people: Number of people. Person p speaks `languages[p % len(languages)]`, with the voice of the same person's
            clips.
        per_person: Sounds of each person; with `every_language`, in each language.
        seconds: Length of each, 1 to 300; without it, one whole sentence each.
        languages: Codes of `languages.LANGUAGES`.
        seed: Of the whole set.
        room: Where it is heard; without it, dry.
        first_person: Number of the first person. From `RESERVED_PEOPLE` on they belong to judges.
        every_language: Every person speaks all the languages, with one throat: languages are then matched by speaker.
    """

    people: int
    per_person: int
    seconds: float | None = None
    languages: tuple[str, ...] = ("en",)
    seed: int = 0
    room: Room | None = None
    first_person: int = 0
    every_language: bool = False

    @property
    def each(self) -> int:
        """Sounds of each person in all."""
        return self.per_person * (len(self.languages) if self.every_language else 1)

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: A field is outside its range.
        """
        _check_people(self.people, self.per_person, self.seed, self.first_person)
        _check_speech(self.seconds, self.languages, self.room)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRecipe:
    """What to film.

    Attributes:
        people: Number of people. Person p speaks `languages[p % len(languages)]`.
        clips_per_person: Clips of each person, each in a light, place and clothes of its own.
        seconds: Length of each, 1 to 300.
        height: Pixels: 240, 360, 480, 720, 1080, or any even number from 32 on.
        width: Pixels, even; default 16:9.
        fps: Frames a second.
        languages: Codes of `languages.LANGUAGES`.
        seed: Of the whole set.
        offset_frames: Frames by which the sound comes later than the picture (negative: earlier); the true offset.
        room: Where it is heard; without it, dry.
        first_person: Number of the first person. From `RESERVED_PEOPLE` on they belong to judges.
        max_yaw: Largest mean turn of a head, degrees.
    """

    people: int
    clips_per_person: int
    seconds: float
    height: int = 240
    width: int | None = None
    fps: float = 25.0
    languages: tuple[str, ...] = ("en",)
    seed: int = 0
    offset_frames: int = 0
    room: Room | None = None
    first_person: int = 0
    max_yaw: float = 15.0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: A field is outside its range.
        """
        _check_people(self.people, self.clips_per_person, self.seed, self.first_person)
        _check_speech(self.seconds, self.languages, self.room)
        for name, side in (("height", self.height), ("width", self.width or 32)):
            if not 32 <= side <= 3840 or side % 2:
                raise InputError(f"{name} is {side} pixels; give an even number from 32 to 3840, as {HEIGHTS}")
        if not 5 <= self.fps <= 60:
            raise InputError(f"fps is {self.fps}; give 5 to 60")
        if abs(self.offset_frames) > 10 * self.fps:
            raise InputError(f"offset of {self.offset_frames} frames; give at most 10 seconds")
        if not 0 <= self.max_yaw <= 40:
            raise InputError(f"max_yaw is {self.max_yaw} degrees; give 0 to 40")

    @property
    def frames(self) -> int:
        """Frames of each clip."""
        return round(self.seconds * self.fps)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.width or 2 * round(self.height * 8 / 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPlan:
    """One clip before it is rendered: everything that is true of it.

    Attributes:
        item: Its Item, complete but for the file.
        utterance: What is heard, times from the first sample of the clip.
        sound: (samples,) float32 at 22,050 Hz, in its room.
        mouth: The mouth, in the time of `lead` below.
        motion: Head and eyes, in the same time.
        lead: Seconds to add to a frame's time to get the mouth's.
        person: Factors.
        scene: Factors.
    """

    recipe: ClipRecipe
    item: Item
    utterance: Utterance
    sound: Sound
    mouth: MouthTrack
    motion: HeadMotion
    lead: float
    person: Mapping[str, float]
    scene: Mapping[str, float]

    def states(self, first: int, count: int) -> list[dict[str, float]]:
        """Return the factors of `STATE` for frames `first` to `first + count - 1`, at the middle of each."""
        times = (np.arange(first, first + count, dtype=np.float64) + 0.5) / self.recipe.fps + self.lead
        return _states(self.mouth.at(times), self.motion.at(times))

    def frames(self, device: str = "cpu") -> Iterator[Picture]:
        """Yield the frames, (H, W, 3) uint8, rendered in small batches."""
        from ..render import render

        height, width = self.recipe.size
        batch = max(1, min(_FRAMES_PER_BATCH, _PIXELS_PER_BATCH // (height * width)))
        for first in range(0, self.recipe.frames, batch):
            states = self.states(first, min(batch, self.recipe.frames - first))
            scenes = [self._scene(first + k) for k in range(len(states))]
            pixels = render([self.person] * len(states), states, scenes, (height, width), device).pixels
            yield from pixels.cpu().numpy()

    def media(self, device: str = "cpu") -> VideoMedia:
        """Return the clip, to be written by `MediaSetWriter.add`."""
        return VideoMedia(
            frames=lambda: self.frames(device), fps=self.recipe.fps, sound=self.sound, sample_rate=SAMPLE_RATE
        )

    def labelled(self, device: str = "cpu") -> Item:
        """Return its Item with more labels: of some frames under `frames`, of every mouth under `mouth`."""
        states = self.states(0, min(self.recipe.frames, _TOLD))
        more: dict[str, JSON] = {"frames": self.labels(device), "mouth": _mouth_facts(states)}
        return replace(self.item, facts={**self.item.facts, **more})

    def labels(self, device: str = "cpu") -> list[JSON]:
        """Return what is true of `LABELLED` frames, evenly over the clip: number, points in pixels, factors of `STATE`.

        Points are found in a smaller picture of the same shape: nothing but the points is looked at.
        """
        from ..render import render

        count, (height, width) = self.recipe.frames, self.recipe.size
        numbers = sorted({int((k + 0.5) * count / LABELLED) for k in range(LABELLED)})
        states = [self.states(number, 1)[0] for number in numbers]
        size = (_SMALL, max(16, round(width * _SMALL / height)))
        found = render([self.person] * len(states), states, [self.scene] * len(states), size, device).points
        scale = np.array([width / size[1], height / size[0]])
        placed = (found.cpu().numpy().astype(np.float64) + 0.5) * scale - 0.5
        return [
            {
                "frame": number,
                "points": {name: [round(float(v), 2) for v in xy] for name, xy in zip(POINTS, points, strict=True)},
                "factors": {name: round(value, 4) for name, value in state.items()},
            }
            for number, points, state in zip(numbers, placed, states, strict=True)
        ]

    def _scene(self, frame: int) -> dict[str, float]:
        grain = (self.scene["noise_seed"] + 7919.0 * frame) % 16777216.0
        return {**self.scene, "noise_seed": grain, "jpeg_quality": 100.0}  # H.264 is the last step


def plan_clip(recipe: ClipRecipe, person: int, index: int, split: Split | None = None) -> ClipPlan:
    """Plan clip `index` of person number `first_person + person`; everything but the pixels.

    It depends on the seed, the person, the index, the split and the recipe's numbers other than how many there are.

    Raises:
        InputError: The extra `speech` is not installed.
    """
    number = recipe.first_person + person
    body = person_factors(recipe.seed, number)
    language = recipe.languages[person % len(recipe.languages)]
    speaker = voice_of_person(language, number, body["masculinity"])
    rng = np.random.default_rng([recipe.seed, number, index, _CLIP])
    shift = recipe.offset_frames / recipe.fps
    spoken = utter(speaker, sentences_of(language, split), rng, seconds=recipe.seconds + abs(shift))
    heard = spoken.window(max(0.0, -shift), recipe.seconds)
    sound = hear(heard.sound, recipe.room, SAMPLE_RATE, rng) if recipe.room else heard.sound
    scene = sample_scene(rng, body)
    articulation = float(rng.uniform(0.9, 1.25))
    mouth = MouthTrack(
        spoken.phonemes, find_language(language).family, articulation=articulation, shortest=1.1 / recipe.fps
    )
    motion = HeadMotion(rng, recipe.seconds + abs(shift), spoken.phonemes, max_yaw=recipe.max_yaw)
    facts: dict[str, JSON] = {
        **_speech_facts(heard, recipe.room),
        "factors": {**body, **scene},
        "articulation": articulation,
        "offset_frames": recipe.offset_frames,
        "offset_seconds": shift,
    }
    identity = name_of_person(recipe.seed, number)
    item = Item(
        id=f"{identity}/clip-{index:03d}",
        modality=Modality.VIDEO,
        kind=Kind.REAL,
        group="studio",
        split=split,
        language=language,
        clusters=_clusters(identity, heard),
        seed=recipe.seed,
        facts=facts,
    )
    return ClipPlan(
        recipe=recipe,
        item=item,
        utterance=heard,
        sound=sound,
        mouth=mouth,
        motion=motion,
        lead=max(0.0, shift),
        person=body,
        scene=scene,
    )


def render_clips(
    recipe: ClipRecipe,
    splits: Mapping[str, Split] | None = None,
    device: str = "cpu",
    part: range | None = None,
) -> Iterator[tuple[Item, VideoMedia]]:
    """Yield the clips of a recipe, person by person; frames are rendered while they are written.

    Args:
        recipe: What to film.
        splits: Identity (`studio-00017`) -> split. Sentences are disjoint between splits; without it, all are said.
        device: A torch device.
        part: The people that are filmed now, as if the others were too; default: everybody.

    Raises:
        InputError: The extra `speech` is not installed.
    """
    for person in range(recipe.people) if part is None else part:
        split = (splits or {}).get(name_of_person(recipe.seed, recipe.first_person + person))
        for index in range(recipe.clips_per_person):
            plan = plan_clip(recipe, person, index, split)
            yield plan.labelled(device), plan.media(device)


def render_speech(recipe: SpeechRecipe, splits: Mapping[str, Split] | None = None) -> Iterator[tuple[Item, SoundMedia]]:
    """Yield the sounds of a recipe, person by person; their facts tell what a mouth that says it does (`mouth`).

    Args:
        recipe: What to speak.
        splits: As for `render_clips`.

    Raises:
        InputError: The extra `speech` is not installed.
    """
    for person in range(recipe.people):
        number = recipe.first_person + person
        identity = name_of_person(recipe.seed, number)
        split = (splits or {}).get(identity)
        build = person_factors(recipe.seed, number)["masculinity"]
        spoken = recipe.languages if recipe.every_language else (recipe.languages[person % len(recipe.languages)],)
        for place in range(recipe.per_person * len(spoken)):
            index, language = place // len(spoken), spoken[place % len(spoken)]
            speaker = voice_of_person(language, number, build)
            rng = np.random.default_rng([recipe.seed, number, index, _SPEECH])
            heard = utter(speaker, sentences_of(language, split), rng, seconds=recipe.seconds)
            sound = hear(heard.sound, recipe.room, SAMPLE_RATE, rng) if recipe.room else heard.sound
            item = Item(
                id=f"{identity}/speech-{language + '-' if recipe.every_language else ''}{index:03d}",
                modality=Modality.AUDIO,
                kind=Kind.REAL,
                group="studio",
                split=split,
                language=language,
                clusters=_clusters(identity, heard),
                seed=recipe.seed,
                facts={**_speech_facts(heard, recipe.room), "mouth": _mouth_facts(_mouth_states(heard))},
            )
            yield item, SoundMedia(sound=sound, sample_rate=SAMPLE_RATE)


def _states(mouth: NDArray[np.float64], head: Mapping[str, NDArray[np.float64]]) -> list[dict[str, float]]:
    """Return rows (T, 7) of a mouth and what a head does meanwhile, (T,) each, as factors of `STATE`."""
    still = {factor.name: 0.0 for factor in STATE}
    rows = ({name: float(values[k]) for name, values in head.items()} for k in range(len(mouth)))
    return [_in_range({**still, **row, **state_of(mouth[k])}) for k, row in enumerate(rows)]


def _mouth_states(heard: Utterance) -> list[dict[str, float]]:
    """Return what a mouth that says an utterance does, `HEARD_RATE` times a second, articulated as usual."""
    family = find_language(heard.voice.language).family
    track = MouthTrack(heard.phonemes, family, shortest=1.1 / HEARD_RATE)
    count = min(len(heard.sound) * HEARD_RATE // SAMPLE_RATE, _TOLD)
    return _states(track.at((np.arange(count, dtype=np.float64) + 0.5) / HEARD_RATE), {})


def _mouth_facts(states: list[dict[str, float]]) -> JSON:
    return {"names": list(SPOKEN), "values": [[round(state[name], 3) for name in SPOKEN] for state in states]}


def _speech_facts(heard: Utterance, room: Room | None) -> dict[str, JSON]:
    speaker: Voice = heard.voice
    return {
        "rendered": True,
        "transcript": heard.transcript,
        "sentences": [one.record() for one in heard.said],
        "phonemes": [[p.mnemonic, round(p.start, 4), round(p.end, 4)] for p in heard.phonemes],
        "tonal": find_language(speaker.language).tonal,
        "speaker": speaker.id,
        "voice": speaker.numbers(),
        "room": None if room is None else dict(room._asdict()),
        "sample_rate": SAMPLE_RATE,
    }


def _clusters(identity: str, heard: Utterance) -> dict[str, str]:
    return {
        "identity": identity,
        "speaker": heard.voice.id,
        "sentence": "+".join(dict.fromkeys(one.id for one in heard.said)),
    }


def _in_range(state: dict[str, float]) -> dict[str, float]:
    return {f.name: float(np.clip(state[f.name], f.low, f.high)) for f in STATE}


def _check_people(people: int, each: int, seed: int, first: int) -> None:
    if people < 1 or each < 1:
        raise InputError(f"{people} people with {each} each; give at least 1 of both")
    if seed < 0 or first < 0:
        raise InputError(f"seed {seed}, first person {first}; neither may be negative")


def _check_speech(seconds: float | None, languages: tuple[str, ...], room: Room | None) -> None:
    if seconds is not None and not 1.0 <= seconds <= LONGEST:
        raise InputError(f"{seconds} seconds; give 1 to {LONGEST:g}")
    if not languages:
        raise InputError("no language; give at least one")
    for code in languages:
        find_language(code)
    if room is not None:
        check_room(room)
