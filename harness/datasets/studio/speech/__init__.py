"""Speech for the studio: voices, visemes, rooms and talking clips. Needs the extra `speech` when it speaks.

Importing this package is light: eSpeak NG, torch and scipy are loaded on first use.
"""

from .clips import HEIGHTS, ClipPlan, ClipRecipe, SpeechRecipe, plan_clip, render_clips, render_speech
from .espeak import SAMPLE_RATE, Phoneme, Spoken, Word, speak
from .languages import LANGUAGES, Language, find_language
from .mouth import COLUMNS, MouthTrack, opening
from .room import Room, hear
from .sentences import Sentence, sentences, sentences_of
from .utterance import Said, Utterance, utter
from .visemes import VISEMES, Viseme, visemes_of
from .voices import RESERVED_VOICES, Voice, voice, voice_of_person

__all__ = [
    "COLUMNS",
    "HEIGHTS",
    "LANGUAGES",
    "RESERVED_VOICES",
    "SAMPLE_RATE",
    "VISEMES",
    "ClipPlan",
    "ClipRecipe",
    "Language",
    "MouthTrack",
    "Phoneme",
    "Room",
    "Said",
    "Sentence",
    "SpeechRecipe",
    "Spoken",
    "Utterance",
    "Viseme",
    "Voice",
    "Word",
    "find_language",
    "hear",
    "opening",
    "plan_clip",
    "render_clips",
    "render_speech",
    "sentences",
    "sentences_of",
    "speak",
    "utter",
    "visemes_of",
    "voice",
    "voice_of_person",
]
