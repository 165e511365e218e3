"""How lips are learned: first whether lips and sound go together, then what a mouth does, and how to paint it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench import Context
from fauxbench.generators._faces_reader import initialise
from fauxbench.generators._lips import PER_FRAME, STEPS, Talk, hidden_part
from fauxbench.generators._lips_ears import other_voices
from fauxbench.generators._training import Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches, as_floats
from fauxbench.generators.lipsync.networks import SYNC_FRAMES, Critic, Expert, Talker, Watcher

_INIT, _DRAW = 0, 1
EXPERT_SHARE = 0.25
"""Of the updates are the expert's."""
SYNC_FROM, CRITIC_FROM = 0.5, 0.6
"""Shares of the updates from which the expert and the critic have a say."""
EXPERT_WINDOWS, PER_CLIP = 48, 4
APART = 6
"""Frames between windows of one clip that the expert must tell apart, and between a frame and its reference."""


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
    """Clips of people who talk, window by window of five frames.

    A code of 12 numbers stands between ear and brush. In the beginning a watcher reads it off the frame itself, so that
    the painter learns what mouths look like while the listener learns to tell the same numbers from the sound; towards
    the end all codes are the listener's. The losses are those of Prajwal et al. 2020 (arXiv:2008.10010), equations 3 to
    6: L1, an expert's opinion on the window and the sound, and a critic's on the picture.
    """

    def __init__(self, talks: Sequence[Talk], recipe: Recipe, context: Context) -> None:
        """Take at least two clips; seed and device are the context's."""
        self.talks, self.recipe, self.device = talks, recipe, torch.device(context.device)
        self.talker: Talker = build_quietly(Talker, width=recipe.width, ears=recipe.ears)
        self.watcher: Watcher = build_quietly(Watcher, width=recipe.width)
        self.expert: Expert = build_quietly(Expert)
        self.critic: Critic = build_quietly(Critic)
        for place, net in enumerate((self.talker, self.watcher, self.expert, self.critic)):
            initialise(net, context.torch_rng(_INIT, place))
        for layer, spread in ((self.talker.painter.last, 0.01), (self.talker.painter.told[2], 0.02)):
            nn.init.normal_(layer.weight, 0.0, spread, generator=context.torch_rng(_INIT, 9))
        self.mean = Average(self.talker, 0.995)
        named = {"talker": self.talker, "watcher": self.watcher, "expert": self.expert, "critic": self.critic}
        self.networks = {**named, "mean": self.mean.network}
        for net in self.networks.values():
            net.to(self.device)
        both = [*self.talker.parameters(), *self.watcher.parameters()]
        rate = recipe.learning_rate
        self.optimisers = {
            "talker": torch.optim.Adam(both, rate, (0.9, 0.99)),
            "expert": torch.optim.Adam(self.expert.parameters(), rate),
            "critic": torch.optim.Adam(self.critic.parameters(), rate, (0.5, 0.99)),
        }
        self.hidden = torch.from_numpy(hidden_part())[None, None].to(self.device)
        self.draws = context.torch_rng(_DRAW)
        self.randoms = {"draws": self.draws}
        self.batches = Batches(torch.zeros(len(talks), 3, 1, 1, dtype=torch.uint8), flip=False, rng=self.draws)
        self.drawn: list[tuple[Talk, int]] = []
        self.flipped = torch.zeros(0, dtype=torch.bool)

    def update(self, step: int, share: float) -> dict[str, float]:
        """Update the expert, or what listens and paints."""
        if share <= EXPERT_SHARE:
            set_rate([self.optimisers["expert"]], self.recipe.learning_rate * rising_and_falling(share / EXPERT_SHARE))
            return {"expert": self._teach_expert()}
        self.expert.requires_grad_(False)
        rest = (share - EXPERT_SHARE) / (1 - EXPERT_SHARE)
        rate = self.recipe.learning_rate * rising_and_falling(rest)
        set_rate([self.optimisers["talker"], self.optimisers["critic"]], rate)
        return self._teach_talker(step, share, rest)

    def _teach_expert(self) -> float:
        """Let the expert find the sound of each window among those of all others, some of them of the same clip.

        The cross-entropy over the similarities of both sides (van den Oord et al. 2018, arXiv:1807.03748) takes the
        place of the paper's pairs, because it learns from every pair of a batch.
        """
        mouths, sounds = self._windows(EXPERT_WINDOWS, PER_CLIP)
        sound = sounds[:, SYNC_FRAMES // 2]
        alike = self.expert.see(mouths) @ self.expert.hear(sound).T * self.expert.scale.exp()
        wanted = torch.arange(len(alike), device=self.device)
        loss = functional.cross_entropy(alike, wanted) + functional.cross_entropy(alike.T, wanted)
        self._step("expert", loss)
        return float(loss.detach())

    def _windows(self, count: int, per_clip: int) -> tuple[Tensor, Tensor]:
        """Return (N, 5, 3, 48, 64) in [-1, 1] and what is heard around each frame, (N, 5, 1, 40, 36)."""
        self.drawn = [window for _ in range(-(-count // per_clip)) for window in self._of_one_clip(per_clip)][:count]
        mouths = torch.stack([talk.mouths[first : first + SYNC_FRAMES] for talk, first in self.drawn])
        self.flipped = torch.rand(len(self.drawn), generator=self.draws) < 0.5
        mouths = torch.where(self.flipped[:, None, None, None, None], mouths.flip(4), mouths)
        sounds = other_voices(torch.stack([_heard(talk, first) for talk, first in self.drawn]), self.draws)
        return as_floats(mouths).to(self.device), sounds.to(self.device)

    def _of_one_clip(self, count: int) -> list[tuple[Talk, int]]:
        """Return windows of the next clip, well apart; every clip once in each pass."""
        if not len(self.batches.pool):
            self.batches.pool = torch.randperm(len(self.talks), generator=self.draws)
        talk, self.batches.pool = self.talks[int(self.batches.pool[0])], self.batches.pool[1:]
        last = len(talk.mouths) - SYNC_FRAMES
        phase = int(torch.randint(last + 1, (1,), generator=self.draws))
        return [(talk, (phase + place * max(APART, last // count)) % (last + 1)) for place in range(count)]

    def _teach_talker(self, step: int, share: float, rest: float) -> dict[str, float]:
        mouths, sounds = self._windows(self.recipe.windows, 1)
        whole = mouths.flatten(0, 1)
        references = self._references()
        told = self.talker.listener(sounds.flatten(0, 1))
        seen = self.watcher(whole)
        by_ear = torch.rand(len(mouths), generator=self.draws) < min(1.0, 0.2 + 1.2 * rest)
        ear = by_ear.repeat_interleave(SYNC_FRAMES)[:, None].to(self.device)
        shaken = seen + 0.05 * torch.randn(seen.shape, generator=self.draws).to(self.device)
        made = self.talker.painter(whole, references, self.hidden, torch.where(ear, told, shaken))
        away = ((made - whole).abs() * self.hidden).mean() / self.hidden.mean()
        code = (told - seen.detach()).square().mean()
        loss = away + code
        losses = {"l1": float(away.detach()), "code": float(code.detach())}
        if share > SYNC_FROM and self.recipe.sync:
            windows = made.reshape(mouths.shape)
            heard = self.expert.hear(sounds[:, SYNC_FRAMES // 2])
            sync = (1 - (self.expert.see(windows) * heard).sum(1)).mean()
            loss = loss + self.recipe.sync * sync
            losses["sync"] = float(sync.detach())
        fights = share > CRITIC_FROM and self.recipe.adversarial > 0
        if fights:
            self.critic.requires_grad_(False)
            loss = loss - self.recipe.adversarial * self.critic(made).mean()
        self._step("talker", loss)
        if fights:
            losses["critic"] = self._teach_critic(whole, made.detach())
        self.mean.follow(self.talker, step)
        return losses

    def _teach_critic(self, whole: Tensor, made: Tensor) -> float:
        """Let the critic tell true from painted, by the hinge loss."""
        self.critic.requires_grad_(True)
        apart = functional.relu(1 - self.critic(whole)).mean() + functional.relu(1 + self.critic(made)).mean()
        self._step("critic", apart)
        return float(apart.detach())

    def _references(self) -> Tensor:
        """Return for every window one frame of the same clip, at least six frames away, five times over."""
        rows = []
        for talk, first in self.drawn:
            count = len(talk.mouths)
            away = int(torch.randint(APART, max(APART + 1, count - APART), (1,), generator=self.draws))
            rows.append(talk.mouths[(first + away) % count])
        frames = torch.stack(rows)
        frames = torch.where(self.flipped[:, None, None, None], frames.flip(3), frames)
        return as_floats(frames).to(self.device).repeat_interleave(SYNC_FRAMES, 0)

    def _step(self, name: str, loss: Tensor) -> None:
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return rows of what is seen, of the reference, of what is painted by ear, and of the truth."""
        rows: list[list[Tensor]] = [[], [], []]
        talker = self.mean.network
        assert isinstance(talker, Talker)
        for place in range(8):
            talk = self.talks[place % len(self.talks)]
            at = (7 * place + 5) % (len(talk.mouths) - 1)
            whole = as_floats(talk.mouths[at][None]).to(self.device)
            reference = as_floats(talk.mouths[:1]).to(self.device)
            sound = _heard(talk, at)[:1].to(self.device)
            made = talker.painter(whole, reference, self.hidden, talker.listener(sound))
            for row, picture in zip(rows, (reference, made, whole), strict=True):
                row.append(functional.pad(picture[0].cpu(), (0, 0, 8, 8), value=-1.0))
        return torch.stack([picture for row in rows for picture in row])

    def finished(self) -> nn.Module:
        """Return the running mean of what listens and paints."""
        return self.mean.network.cpu().eval()


def _heard(talk: Talk, first: int) -> Tensor:
    """Return what is heard around five frames from `first` on, (5, 1, 40, 36)."""
    stretch = talk.mel[PER_FRAME * first : PER_FRAME * (first + SYNC_FRAMES - 1) + STEPS]
    return stretch.unfold(0, STEPS, PER_FRAME)[:, None]
