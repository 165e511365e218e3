import json

import numpy as np
import pytest

from fauxbench import Artifact, Condition, Failure, Request, read_image
from fauxbench.generators.environment.weather import WEATHER

from .conftest import item


@pytest.fixture
def requests(blobs):
    return [Request(id=f"r{i}", seed=i, target=target) for i, target in enumerate(blobs[:6])]


@pytest.mark.parametrize("edit", ["one", "all", "weather", "light", "resolution", "background", *WEATHER])
def test_every_target_comes_back_changed_in_its_own_size(build, requests, context, edit):
    artifacts = list(build("environment", edit=edit).generate(requests, context))
    assert [a.request_id for a in artifacts] == [r.id for r in requests]
    for artifact, request in zip(artifacts, requests, strict=True):
        real = read_image(request.target.location)
        assert artifact.media.pixels.shape == real.shape
        assert not np.array_equal(artifact.media.pixels, real)
        json.dumps(artifact.facts, allow_nan=False)


def test_an_edit_depends_on_target_and_seed_alone(build, requests, context):
    together = {a.request_id: a.media.pixels for a in build("environment").generate(requests, context)}
    apart = {a.request_id: a.media.pixels for a in build("environment").generate(requests[4:1:-2], context)}
    assert all(np.array_equal(together[name], pixels) for name, pixels in apart.items())


def test_one_draws_different_edits(build, blobs, context):
    requests = [Request(id=str(i), seed=i, target=blobs[0]) for i in range(60)]
    names = {a.facts["edits"][0]["name"] for a in build("environment").generate(requests, context)}
    assert names == {"light", "resolution", "background", *WEATHER}
    names = {a.facts["edits"][0]["name"] for a in build("environment", edit="weather").generate(requests, context)}
    assert names == set(WEATHER)


def test_the_recorded_parameters_repeat_the_picture(build, requests, context):
    for artifact, request in zip(build("environment", edit="all").generate(requests, context), requests, strict=True):
        pixels = read_image(request.target.location)
        for edit in artifact.facts["edits"]:
            if edit["name"] in WEATHER:
                pixels = WEATHER[edit["name"]](pixels, **edit["parameters"])
            else:
                pixels, _ = Condition(**edit).apply(pixels, np.random.default_rng(0))
        assert np.array_equal(pixels, artifact.media.pixels)


@pytest.mark.parametrize("edit", ["light", *WEATHER])
def test_strength_grows(build, requests, context, edit):
    def change(strength):
        pairs = zip(
            build("environment", edit=edit, strength=strength).generate(requests, context), requests, strict=True
        )
        return np.mean([np.abs(a.media.pixels - read_image(r.target.location).astype(float)).mean() for a, r in pairs])

    assert change(1) < change(3) < change(5)


def test_failures_are_values_and_the_rest_goes_on(build, requests, context, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    broken = [
        Request(id="none", seed=0),
        Request(id="gone", seed=0, target=item("g", None)),
        Request(id="bad", seed=0, target=item("b", bad)),
        requests[0],
    ]
    none, gone, unreadable, fine = build("environment").generate(broken, context)
    assert isinstance(none, Failure)
    assert (none.kind, gone.kind, unreadable.kind) == ("missing", "missing", "unreadable")
    assert str(bad) in unreadable.message
    assert isinstance(fine, Artifact)
