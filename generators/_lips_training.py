"""How lips are learned: first whether lips and sound go together, then what a mouth does, and how to paint it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fauxbench import Context
from fauxbench.generators._faces_reader import initialise
from fauxbench.generators._lips import COLUMNS, PER_FRAME, ROWS, STEPS, Talk, hidden_part
from fauxbench.generators._lips_ears import other_voices
from fauxbench.generators._lips_networks import SHOWN, SYNC_FRAMES, Critic, Expert, Talker, looked
from fauxbench.generators._training import Average, Training, build_quietly, rising_and_falling, set_rate
from fauxbench.generators._training_pictures import Batches, as_floats

_INIT, _DRAW = 0, 1
EXPERT_SHARE = 0.15
"""Of the updates are the expert's."""
SYNC_FROM, CRITIC_FROM = 0.5, 0.6
"""Shares of the updates from which the expert and the critic have a say."""
EXPERT_WINDOWS, PER_CLIP = 48, 4
EARS_FRAMES = 64
"""That the listener hears in an update, besides those that are painted."""
RIDGE = 3000.0
MOUTH = 12.0
"""How much more than skin L1 counts where pixels move with the sound most."""
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

    A code of 8 numbers stands between ear and brush. Three of them are movements of pixels that follow from the sound
    (`spoken_basis`): at first most are read off the frame itself, so that the painter learns what mouths look like, and
    the listener to tell the same numbers from the sound; towards the end all are the listener's. What the other
    five say, the pixels teach. The losses are those of Prajwal et al. 2020 (arXiv:2008.10010), equations 3 to 6: L1, an
    expert's opinion on the window and the sound, and a critic's on the picture.
    """

    def __init__(self, talks: Sequence[Talk], recipe: Recipe, context: Context) -> None:
        """Take at least two clips; seed and device are the context's."""
        self.talks, self.recipe, self.device = talks, recipe, torch.device(context.device)
        self.talker: Talker = build_quietly(Talker, width=recipe.width, ears=recipe.ears)
        self.expert: Expert = build_quietly(Expert)
        self.critic: Critic = build_quietly(Critic)
        for place, net in enumerate((self.talker, self.expert, self.critic)):
            initialise(net, context.torch_rng(_INIT, place))
        for layer, spread in ((self.talker.painter.last, 0.01), (self.talker.painter.told[2], 0.02)):
            nn.init.normal_(layer.weight, 0.0, spread, generator=context.torch_rng(_INIT, 9))
        self.talker.basis.copy_(spoken_basis(talks))
        self.codes = [self.talker.watch(talk.mouths) for talk in talks]
        self.place = {id(talk): k for k, talk in enumerate(talks)}
        self.mean = Average(self.talker, 0.99)
        self.networks = {
            "talker": self.talker,
            "expert": self.expert,
            "critic": self.critic,
            "mean": self.mean.network,
        }
        for net in self.networks.values():
            net.to(self.device)
        rate = recipe.learning_rate
        self.optimisers = {
            "talker": torch.optim.Adam(self.talker.parameters(), rate, (0.9, 0.99)),
            "expert": torch.optim.Adam(self.expert.parameters(), rate),
            "critic": torch.optim.Adam(self.critic.parameters(), rate, (0.5, 0.99)),
        }
        self.hidden = torch.from_numpy(hidden_part())[None, None].to(self.device)
        self.weight = self.hidden * (1 + MOUTH * spoken_places(self.talker.basis).to(self.device))
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
        code = self._teach_ears()
        mouths, sounds = self._windows(self.recipe.windows, 1)
        whole = mouths.flatten(0, 1)
        references, shown = self._references()
        seen = torch.cat([self._codes(talk)[first : first + SYNC_FRAMES] for talk, first in self.drawn]).to(self.device)
        told = self.talker.hear(sounds.flatten(0, 1))
        by_ear = torch.rand(len(mouths), generator=self.draws) < min(1.0, 0.2 + 1.2 * rest)
        ear = by_ear.repeat_interleave(SYNC_FRAMES)[:, None].to(self.device)
        wanted = torch.cat([torch.where(ear, told[:, :SHOWN], seen), told[:, SHOWN:], shown], 1)
        made = self.talker.painter(whole, references, self.hidden, wanted)
        away = ((made - whole).abs() * self.weight).mean() / self.weight.mean()
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

    def _teach_ears(self) -> Tensor:
        """Return how far the listener is off the codes of many frames, in deviations."""
        clips = torch.randint(len(self.talks), (EARS_FRAMES,), generator=self.draws).tolist()
        shares = torch.rand(EARS_FRAMES, generator=self.draws).tolist()
        sounds, codes = [], []
        for clip, share in zip(clips, shares, strict=True):
            first = int(share * len(self.talks[clip].mouths))
            sounds.append(self.talks[clip].mel[PER_FRAME * first : PER_FRAME * first + STEPS].T[None])
            codes.append(self.codes[clip][first])
        heard = other_voices(torch.stack(sounds)[:, None], self.draws)[:, 0].to(self.device)
        told, wanted = self.talker.hear(heard)[:, :SHOWN], torch.stack(codes).to(self.device)
        return torch.as_tensor(functional.smooth_l1_loss(told, wanted, beta=0.5))

    def _codes(self, talk: Talk) -> Tensor:
        found: Tensor = self.codes[self.place[id(talk)]]
        return found

    def _references(self) -> tuple[Tensor, Tensor]:
        """Return for every window one frame of its clip, at least six frames away, and its code, five times over."""
        rows, codes = [], []
        for talk, first in self.drawn:
            count = len(talk.mouths)
            away = int(torch.randint(APART, max(APART + 1, count - APART), (1,), generator=self.draws))
            rows.append(talk.mouths[(first + away) % count])
            codes.append(self._codes(talk)[(first + away) % count])
        frames = torch.stack(rows)
        frames = torch.where(self.flipped[:, None, None, None], frames.flip(3), frames)
        both = as_floats(frames).to(self.device), torch.stack(codes).to(self.device)
        return both[0].repeat_interleave(SYNC_FRAMES, 0), both[1].repeat_interleave(SYNC_FRAMES, 0)

    def _step(self, name: str, loss: Tensor) -> None:
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Return rows of references, of what is painted by ear, and of the truth."""
        rows: list[list[Tensor]] = [[], [], []]
        talker = self.mean.network
        assert isinstance(talker, Talker)
        for place in range(8):
            talk = self.talks[place % len(self.talks)]
            at = (7 * place + 5) % (len(talk.mouths) - 1)
            whole = as_floats(talk.mouths[at][None]).to(self.device)
            reference = as_floats(talk.mouths[:1]).to(self.device)
            told = talker.hear(_heard(talk, at)[:1].to(self.device))
            code = torch.cat([told, self.codes[place % len(self.talks)][:1].to(self.device)], 1)
            made = talker.painter(whole, reference, self.hidden, code)
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


def spoken_basis(talks: Sequence[Talk]) -> Tensor:
    """Return the directions of pixels (768, 3) that follow best from the sound: reduced-rank regression.

    Ridge regression of what each frame differs by from the second around it on the spectrogram beside it; of what it
    explains, the principal components (Izenman 1975, Reduced-rank regression for the multivariate linear model). The
    head's own movement does not follow from the sound, and so is not in it.
    """
    pixels, sounds = [], []
    for talk in talks:
        seen = looked(talk.mouths)
        pixels.append(seen / seen.square().mean().sqrt().clamp(min=1e-4))
        windows = talk.mel.unfold(0, STEPS, PER_FRAME)[:, None]
        sounds.append(functional.avg_pool2d(windows, (2, 4)).flatten(1))
    y, x = torch.cat(pixels).double(), torch.cat(sounds).double()
    x = torch.cat([x - x.mean(0), torch.ones(len(x), 1, dtype=torch.float64)], 1)
    slopes = torch.linalg.solve(x.T @ x + RIDGE * torch.eye(x.shape[1], dtype=torch.float64), x.T @ y)
    told = x @ slopes
    _, vectors = torch.linalg.eigh(told.T @ told)
    basis = vectors[:, -SHOWN:].flip(1)
    signs = torch.sign(basis[basis.abs().argmax(0), torch.arange(SHOWN)])
    return torch.as_tensor(basis * signs).float()


def spoken_places(basis: Tensor) -> Tensor:
    """Return how much of a basis (768, 3) lies at each place of a face, (1, 1, 48, 64) in [0, 1]."""
    energy = basis.square().sum(1).sqrt().reshape(1, 1, ROWS // 2, COLUMNS // 2)
    spread = functional.avg_pool2d(energy, 3, 1, 1)
    return functional.interpolate(spread / spread.max().clamp(min=1e-6), size=(ROWS, COLUMNS), mode="bilinear")
