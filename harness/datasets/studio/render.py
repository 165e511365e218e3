"""Render people: factors in, pictures and true points out.

The pictures are made by deferred shading: all geometry of a batch goes through one z-buffer, the attributes of the
visible triangles are interpolated once, and skin, eyes, hair and cloth are shaded only where they are seen.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
import torch.nn.functional as F

from .background import background
from .camera import Camera, Plate, camera, develop, develop_frame, jpeg, plate
from .geometry import Level, build, level_for
from .light import Lamps, ShadowMap, lamps
from .memory import Memory, scene_key
from .parts import Assembly
from .raster import rasterise
from .rig import Columns
from .surface import Looks, looks, radiance

Tensor = torch.Tensor
Factors = Mapping[str, float]

_SAMPLES = 1 << 18  # rendered at a time: more would leave the processor's cache, fewer are slowed by the calls

_BACKDROPS: Memory[tuple[Tensor, Plate | None]] = Memory(2)


class Rendered(NamedTuple):
    """A batch of pictures.

    Attributes:
        pixels: (B, H, W, 3) uint8 RGB.
        points: (B, len(POINTS), 2) float32, (x, y) in pixels, the centre of the first pixel at (0, 0).
    """

    pixels: Tensor
    points: Tensor


def _foreground(
    assembly: Assembly, cam: Camera, light: Lamps, look: Looks, level: Level, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Return flat pixel numbers (N,) and linear radiance (3, N) of everything in front of the background."""
    shadows = ShadowMap(assembly, light, look.softness, level.shadow)
    screen = cam.project(assembly.records[..., :3])
    seen = rasterise(screen, assembly.faces, size[0], size[1], assembly.two_sided)
    return seen.pixel, radiance(assembly, seen, cam, light, shadows, look)


def render(
    persons: Sequence[Factors],
    states: Sequence[Factors],
    scenes: Sequence[Factors],
    size: int | tuple[int, int],
    device: str = "cpu",
) -> Rendered:
    """Render one picture for each person, state and scene.

    Args:
        persons: B dictionaries over `PERSON`.
        states: B dictionaries over `STATE`.
        scenes: B dictionaries over `SCENE`.
        size: Height and width of a square picture, or (height, width).
        device: A torch device.

    Returns:
        Pixels (B, H, W, 3) and points (B, P, 2) on `device`.

    Raises:
        ValueError: If the three sequences differ in length or are empty, or the size is below 16 pixels.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if not len(persons) == len(states) == len(scenes) > 0:
        raise ValueError(
            f"{len(persons)} persons, {len(states)} states, {len(scenes)} scenes; give equally many, at least 1"
        )
    if min(height, width) < 16:
        raise ValueError(f"size is {height} x {width} pixels; give at least 16 x 16")
    threads = torch.get_num_threads() if device == "cpu" else 1
    parts = _parts(len(persons), _step((height, width)), threads)

    def work(part: slice) -> Rendered:
        return _render(persons[part], states[part], scenes[part], (height, width), device)

    if threads > 1 and len(parts) > 1:
        # each worker keeps to one core: many short operations gain nothing from a team of threads each
        with ThreadPoolExecutor(min(threads, len(parts)), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            done = list(pool.map(work, parts))
        torch.set_num_threads(threads)
    else:
        done = [work(part) for part in parts]
    return Rendered(torch.cat([d.pixels for d in done]), torch.cat([d.points for d in done]))


def _step(size: tuple[int, int]) -> int:
    """Return how many pictures are rendered at a time; from one on they are taken for the frames of a clip."""
    samples = size[0] * size[1] * level_for(size[0]).samples ** 2
    return int(_SAMPLES / samples) if 4 * samples <= _SAMPLES else 1


def _parts(count: int, step: int, threads: int) -> list[slice]:
    """Return even parts of at most `step` pictures, equally many for every thread if there are enough pictures."""
    number = -(-count // step)
    if number > 1:
        number = min(count, -(-number // threads) * threads)
    return [slice(k * count // number, (k + 1) * count // number) for k in range(number)]


def _reduce(canvas: Tensor, samples: float, size: tuple[int, int]) -> Tensor:
    """Average the samples (B, 3, h, w) of every pixel."""
    if samples == 2:
        return F.avg_pool2d(canvas, 2)
    return F.interpolate(canvas, size=size, mode="bilinear", antialias=True) if samples > 1 else canvas


def _render(
    persons: Sequence[Factors], states: Sequence[Factors], scenes: Sequence[Factors], size: tuple[int, int], device: str
) -> Rendered:
    with torch.inference_mode():
        level = level_for(size[0])
        p, s, c = Columns(persons, device), Columns(states, device), Columns(scenes, device)
        clip = len(persons) == 1 and _step(size) == 1
        look = looks(persons, scenes, c, level, device)
        assembly, posed = build(persons, scenes, look.textures(), p, s, c, level, shared=clip)
        fine = (round(size[0] * level.samples), round(size[1] * level.samples))
        cam = camera(c, posed.centre, *fine)
        light = lamps(c)
        sharp = 0.25 if level.samples > 1 else 0.5

        def backdrop() -> tuple[Tensor, Plate | None]:
            canvas = background(scenes, c, light, fine[0], fine[1], device)
            return canvas, plate(_reduce(canvas, level.samples, size), c, sharp) if clip else None

        if clip:
            canvas, back = _BACKDROPS.recall((scene_key(scenes[0]), size, device), backdrop)
            canvas = canvas.clone()
        else:
            canvas, back = backdrop()
        pixel, colour = _foreground(assembly, cam, light, look, level, fine)
        picture = torch.div(pixel, fine[0] * fine[1], rounding_mode="floor")
        where = pixel + picture * (2 * fine[0] * fine[1])
        for k in range(3):
            canvas.view(-1).index_copy_(0, where + k * (fine[0] * fine[1]), colour[k])
        linear = _reduce(canvas, level.samples, size)
        if back is None:
            pixels = develop(linear, c, scenes, sharp)
        else:
            covered = torch.zeros(fine[0] * fine[1], dtype=torch.bool, device=device)
            covered[pixel] = True
            covered = covered.view(fine)
            if level.samples > 1:  # a pixel that any covered sample may have reached
                covered = (
                    F.interpolate(covered[None, None].float(), size=size, mode="bilinear", antialias=True)[0, 0] > 0
                )
            pixels = develop_frame(linear, covered, back, c, scenes[0], sharp)
        pixels = jpeg(pixels, [scene["jpeg_quality"] for scene in scenes])
        scale = linear.new_tensor([size[1] / fine[1], size[0] / fine[0]])
        points = (cam.project(posed.points)[..., :2] + 0.5) * scale - 0.5
    return Rendered(pixels, points)
