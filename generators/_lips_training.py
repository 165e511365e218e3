"""How lips are learned: in closed form first, then against an expert on sync and a critic."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench import Context
from fauxbench.generators._faces_codes import ridge
from fauxbench.generators._faces_reader import Reader, initialise
from fauxbench.generators._lips import PER_FRAME, Speech, Talk, sound_windows
from fauxbench.generators._lips_cut import COLUMNS, ROWS
from fauxbench.generators._lips_ears import STEPS, other_voices
from fauxbench.generators._lips_networks import (
    CODE,
    SYNC_FRAMES,
    Critic,
    Expert,
    Talker,
    eigen,
    sizes,
    vectors,
)
from fauxbench.generators._training import Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches, as_floats

_INIT, _DRAW, _VOICES = 0, 1, 2
EXPERT_SHARE = 0.15
"""Of the updates are the expert's."""
SYNC_FROM, CRITIC_FROM = 0.4, 0.6
"""Shares of the updates from which the expert and the critic have a say."""
EXPERT_WINDOWS, PER_CLIP = 96, 4
EARS_FRAMES = 224
"""That the listener hears in an update, besides those that are drawn."""
APART = 6
"""Frames between windows of one clip that the expert must tell apart."""
SLOW = 25
"""Frames of the moving mean that is taken off movements: heads move more slowly than mouths."""
READ, BRUSH, SOUND = 0.5, 0.01, 1.0
"""Strengths of ridges, in shares of the number of frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What of the training can be chosen."""

    width: int
    ears: int
    windows: int
    learning_rate: float
    sync: float
    adversarial: float


class Speaking(Training):
    """Clips of people who talk, window by window of five frames, all of it in eigen-numbers.

    Everything begins in closed form (`begin`) and works as that; the updates add what straight lines cannot say. Losses
    are those of Prajwal et al. 2020 (arXiv:2008.10010), equations 3 to 6, on numbers in place of pixels: L1, an
    expert's opinion on the window and the sound, and a critic's on the movement.
    """

    def __init__(
        self, talks: Sequence[Talk], speech: Sequence[Speech], finder: Reader | None, recipe: Recipe, context: Context
    ) -> None:
        """Take at least two clips, and sounds that teach to listen; seed and device are the context's."""
        self.talks, self.recipe, self.device = talks, recipe, torch.device(context.device)
        known = finder is not None
        self.talker: Talker = build_quietly(Talker, width=recipe.width, ears=recipe.ears, finder=known)
        self.expert: Expert = build_quietly(Expert)
        self.critic: Critic = build_quietly(Critic)
        for place, net in enumerate((self.talker, self.expert, self.critic)):
            initialise(net, context.torch_rng(_INIT, place))
        if self.talker.finder is not None and finder is not None:
            self.talker.finder.load_state_dict(finder.state_dict())
        found = begin(self.talker, talks, speech, context.torch_rng(_VOICES))
        self.moves, self.looks, self.codes, self.lessons = found.moves, found.looks, found.codes, found.lessons
        self.unit = max(float(torch.cat(self.moves).abs().mean()), 1e-6)
        self.mean = Average(self.talker, 0.99)
        self.networks = {"talker": self.talker, "expert": self.expert, "critic": self.critic, "mean": self.mean.network}
        for net in self.networks.values():
            net.to(self.device)
        rate = recipe.learning_rate
        learns = [*self.talker.listener.parameters(), *self.talker.drawer.parameters()]
        self.optimisers = {
            "talker": torch.optim.AdamW(learns, rate, (0.9, 0.99), weight_decay=1e-3),
            "expert": torch.optim.AdamW(self.expert.parameters(), rate, weight_decay=1e-2),
            "critic": torch.optim.Adam(self.critic.parameters(), rate, (0.5, 0.99)),
        }
        self.draws = context.torch_rng(_DRAW)
        self.randoms = {"draws": self.draws}
        self.batches = Batches(torch.zeros(len(talks), 3, 1, 1, dtype=torch.uint8), flip=False, rng=self.draws)

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update the expert, or what listens and draws."""
        if share <= EXPERT_SHARE:
            set_rate([self.optimisers["expert"]], self.recipe.learning_rate * rising_and_falling(share / EXPERT_SHARE))
            return {"expert": self._teach_expert()}
        self.expert.requires_grad_(False)
        rest = (share - EXPERT_SHARE) / (1 - EXPERT_SHARE)
        rate = self.recipe.learning_rate * rising_and_falling(rest)
        set_rate([self.optimisers["talker"], self.optimisers["critic"]], rate)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(1 << 31, (1,), generator=self.draws)))  # of what is left out
            return self._teach_talker(step, share)

    def _teach_expert(self) -> float:
        """Let the expert find the sound of each window among those of all others, some of them of the same clip.

        The cross-entropy over the similarities of both sides (van den Oord et al. 2018, arXiv:1807.03748) takes the
        place of the paper's pairs, because it learns from every pair of a batch.
        """
        drawn, sounds = self._windows(EXPERT_WINDOWS, PER_CLIP)
        heard = self.expert.hear(self.talker.listener.seen(sounds[:, SYNC_FRAMES // 2]).detach())
        alike = self.expert.see(self._part(self.moves, drawn)) @ heard.T * self.expert.scale.exp()
        wanted = torch.arange(len(alike), device=self.device)
        loss = functional.cross_entropy(alike, wanted) + functional.cross_entropy(alike.T, wanted)
        self._step("expert", loss)
        return float(loss.detach())

    def _windows(self, count: int, per_clip: int) -> tuple[list[tuple[int, int]], Tensor]:
        """Return windows (clip, first frame) and what is heard around each frame, (N, 5, 1, 40, 36)."""
        drawn = [window for _ in range(-(-count // per_clip)) for window in self._of_one_clip(per_clip)][:count]
        sounds = other_voices(
            torch.stack([windows_of(self.talks[clip].mel, first) for clip, first in drawn]), self.draws
        )
        return drawn, sounds.to(self.device)

    def _of_one_clip(self, count: int) -> list[tuple[int, int]]:
        """Return windows of the next clip, well apart; every clip once in each pass."""
        if not len(self.batches.pool):
            self.batches.pool = torch.randperm(len(self.talks), generator=self.draws)
        clip, self.batches.pool = int(self.batches.pool[0]), self.batches.pool[1:]
        last = len(self.talks[clip].mouths) - SYNC_FRAMES
        phase = int(torch.randint(last + 1, (1,), generator=self.draws))
        return [(clip, (phase + place * max(APART, last // count)) % (last + 1)) for place in range(count)]

    def _part(self, rows: Sequence[Tensor], drawn: Sequence[tuple[int, int]]) -> Tensor:
        """Return the five rows of each window, (N, 5, K)."""
        return torch.stack([rows[clip][first : first + SYNC_FRAMES] for clip, first in drawn]).to(self.device)

    def _teach_talker(self, step: int, share: float) -> dict[str, float]:
        code = self._teach_ears()
        drawn, sounds = self._windows(self.recipe.windows, 1)
        moves, seen = self._part(self.moves, drawn), self._part(self.codes, drawn)
        looks = torch.stack([self.looks[clip] for clip, _ in drawn]).to(self.device).repeat_interleave(SYNC_FRAMES, 0)
        told = self.talker.hear(sounds.flatten(0, 1))
        by_eye = self.talker.drawer(seen.flatten(0, 1), looks).reshape(moves.shape)
        by_ear = self.talker.drawer(told, looks).reshape(moves.shape)
        away = (by_eye - moves).abs().mean() / self.unit  # not by ear: what is unsure would be drawn small
        loss = away + code
        losses = {"l1": float(away.detach()), "code": float(code.detach())}
        if share > SYNC_FROM and self.recipe.sync:
            heard = self.expert.hear(self.talker.listener.seen(sounds[:, SYNC_FRAMES // 2]))
            sync = (1 - (self.expert.see(by_ear) * heard).sum(1)).mean()
            loss = loss + self.recipe.sync * sync
            losses["sync"] = float(sync.detach())
        fights = share > CRITIC_FROM and self.recipe.adversarial > 0
        if fights:
            self.critic.requires_grad_(False)
            loss = loss - self.recipe.adversarial * self.critic(by_ear).mean()
        self._step("talker", loss)
        if fights:
            losses["critic"] = self._teach_critic(moves, by_ear.detach())
        self.mean.follow(self.talker, step)
        return losses

    def _teach_critic(self, true: Tensor, made: Tensor) -> float:
        """Let the critic tell true from drawn, by the hinge loss."""
        self.critic.requires_grad_(True)
        apart = functional.relu(1 - self.critic(true)).mean() + functional.relu(1 + self.critic(made)).mean()
        self._step("critic", apart)
        return float(apart.detach())

    def _teach_ears(self) -> Tensor:
        """Return how far the listener is off the codes of many frames, in deviations."""
        drawn = torch.randint(len(self.lessons), (EARS_FRAMES,), generator=self.draws).tolist()
        shares = torch.rand(EARS_FRAMES, generator=self.draws).tolist()
        frames = [
            (self.lessons[k], int(share * len(self.lessons[k].codes))) for k, share in zip(drawn, shares, strict=True)
        ]
        sounds = torch.stack([windows_of(lesson.mel, at, 1) for lesson, at in frames])
        wanted = torch.stack([lesson.codes[at] for lesson, at in frames]).to(self.device)
        told = self.talker.hear(other_voices(sounds, self.draws)[:, 0].to(self.device))
        return functional.mse_loss(told, wanted)

    def _step(self, name: str, loss: Tensor) -> None:
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return rows of mouths as they look in the mean, of what is drawn by ear, and of the truth."""
        rows: list[list[Tensor]] = [[], [], []]
        talker = self.mean.network.eval()
        assert isinstance(talker, Talker)
        for place in range(8):
            clip = place % len(self.talks)
            talk = self.talks[clip]
            at = (7 * place + 5) % len(talk.mouths)
            truth = as_floats(talk.mouths[at][None])
            middle = talk.mouths.float().mean(0)[None] / 127.5 - 1.0
            told = talker.hear(windows_of(talk.mel, at, 1).to(self.device))
            made = middle + talker.paint(told, self.looks[clip][None].to(self.device)).cpu()
            for row, picture in zip(rows, (middle, made, truth), strict=True):
                row.append(functional.pad(picture[0], (0, 0, (COLUMNS - ROWS) // 2, (COLUMNS - ROWS) // 2), value=-1.0))
        return torch.stack([picture for row in rows for picture in row])

    def finished(self) -> nn.Module:
        """Return the running mean of what listens and draws."""
        return self.mean.network.cpu().eval()


def windows_of(mel: Tensor, first: int, count: int = SYNC_FRAMES) -> Tensor:
    """Return what is heard around frames from `first` on, (count, 1, 40, 36), of a spectrogram (4 T + 32, 40)."""
    return sound_windows(mel[PER_FRAME * first : PER_FRAME * (first + count - 1) + STEPS])


class Lesson(NamedTuple):
    """A sound, and what a mouth does that says it."""

    mel: Tensor
    """(4 T + 32, 40)."""
    codes: Tensor
    """(T, 5)."""


class Begun(NamedTuple):
    """Train clips in numbers."""

    moves: list[Tensor]
    """(T, 40) of each clip, numbers of its movements in its own size."""
    looks: list[Tensor]
    """(40,) of each, how its mouth looks."""
    codes: list[Tensor]
    """(T, 5) of each."""
    lessons: list[Lesson]
    """Of clips, then of sounds."""


@torch.no_grad()
def begin(talker: Talker, talks: Sequence[Talk], speech: Sequence[Speech], rng: torch.Generator) -> Begun:
    """Let everything but the finder begin in closed form."""
    seen = [vectors(talk.mouths) for talk in talks]
    middles = torch.stack([one.mean(0) for one in seen])
    talker.middle.copy_(middles.mean(0))
    spread, looks = eigen(middles - talker.middle)
    talker.looks.copy_(looks)
    talker.spread.copy_(spread.sqrt().clamp(min=float(spread[0]) ** 0.5 * 1e-2 + 1e-6))
    moves = [one - one.mean(0) for one in seen]
    size = torch.tensor([sizes(one) for one in moves])
    talker.moves.copy_(eigen(torch.cat([one / s for one, s in zip(moves, size, strict=True)]))[1])
    numbers = [(one / s) @ talker.moves.T for one, s in zip(moves, size, strict=True)]
    look = talker.look(middles)
    talker.contrast[:-1] = ridge(look, size.log()[:, None], 10.0 + len(talks))[:, 0]
    talker.contrast[-1] = float(size.log().mean()) - float((look @ talker.contrast[:-1]).mean())
    flat = torch.cat(numbers)
    changes = [_small(talk.mouths) / s for talk, s in zip(talks, size, strict=True)]
    talker.brush.copy_(ridge(flat, torch.cat(changes), BRUSH * len(flat)))
    codes, size_of_codes = spoken_codes(talks, numbers)
    talker.reading.copy_(ridge(flat, torch.cat(codes), READ * len(flat)))
    lessons = [Lesson(talk.mel, code) for talk, code in zip(talks, codes, strict=True)]
    if size_of_codes is not None:
        lessons += [Lesson(sound.mel, (sound.said - sound.said.mean(0)) / size_of_codes) for sound in speech]
    talker.listener.begin(((sound_windows(mel), aims) for mel, aims in lessons), rng)
    nn.init.zeros_(talker.drawer.last.weight)
    talker.drawer.straight.weight.copy_(ridge(torch.cat(codes), flat, 0.02 * len(flat)).T)
    return Begun(numbers, list(look), codes, lessons)


def _small(mouths: Tensor) -> Tensor:
    """Return what frames (T, 3, 48, 64) uint8 differ by from their mean, (T, 2304) at 24 x 32."""
    small = functional.avg_pool2d(mouths.float() / 127.5, 2).flatten(1)
    return small - small.mean(0)


def spoken_codes(talks: Sequence[Talk], numbers: Sequence[Tensor]) -> tuple[list[Tensor], Tensor | None]:
    """Return what mouths do, (T, 5) of each clip about its mean, in deviations; and these (5,), if labels say them.

    Where all clips say in their labels how lips move, that. Otherwise what pixels and sound share: ridge regression of
    quick movements on the spectrogram beside them, and the principal components of what it explains (Izenman 1975,
    Reduced-rank regression for the multivariate linear model).
    """
    told = [talk.said for talk in talks if talk.said is not None]
    if len(told) == len(talks):
        apart = [said - said.mean(0) for said in told]
        size = torch.cat(apart).std(0).clamp(min=1e-3)
        return [said / size for said in apart], size
    quick = [_quick(one) for one in numbers]
    y = torch.cat(quick)
    x = torch.cat([functional.avg_pool2d(sound_windows(talk.mel), (4, 4)).flatten(1) for talk in talks])
    explained = (x - x.mean(0)) @ ridge(x, y, SOUND * len(x))
    basis = eigen(explained, CODE)[1].T
    size = (y @ basis).std(0).clamp(min=1e-6)
    return [one @ basis / size for one in quick], None


def _quick(rows: Tensor) -> Tensor:
    """Return rows (T, K) without their moving mean over a second."""
    around = functional.pad(rows.T[:, None], (SLOW // 2, SLOW // 2), mode="replicate")
    return rows - functional.avg_pool1d(around, SLOW, 1)[:, 0].T
