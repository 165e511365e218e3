import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from tests.sealed import seal

from fauxbench import Terms
from fauxbench.harness import fit as fit_module
from fauxbench.harness.cards import GeneratorCard, Recipe, read_card
from fauxbench.harness.errors import InputError
from fauxbench.harness.generate_source import read_source
from fauxbench.harness.planning.shipped import shipped_folder, with_shipped
from fauxbench.harness.registry import Part
from fauxbench.harness.ship import install, with_tables
from fauxbench.harness.suite import DataSpec, SystemSpec

from .conftest import Said

Call = Callable[..., Said]
LEARNER = """
value = None

def fit(self, task, context):
    from pathlib import Path
    begun = context.checkpoints / "step"
    start = int(begun.read_text()) if begun.exists() else 0
    steps = self.parameters["steps"]
    context.progress(0.0, f"{len(task.train)} pictures from {start}")
    for step in range(start + 1, steps + 1):
        begun.write_text(str(step))
        context.show(np.full((64, 64, 3), 10 * step, np.uint8), f"step-{step}")
        if step == 3 and self.parameters["crash"] and not start:
            os._exit(9)
        context.progress(step / steps, f"step {step}: loss {1 / step:.3f}")
    self.value = [start, step, context.seed]

def save(self, folder):
    from safetensors.numpy import save_file
    save_file({"value": np.array(self.value, np.int64)}, folder / "weights.safetensors")
    (folder / "config.json").write_text("{}")

def load(self, folder):
    from safetensors.numpy import load_file
    self.value = load_file(folder / "weights.safetensors")["value"].tolist()

def generate(self, requests, context):
    for request in requests:
        pixels = np.full((32, 32, 3), 50 + self.value[1], np.uint8)
        yield Artifact(request_id=request.id, media=ImageMedia(pixels=pixels))
"""
PARAMETERS = """
[parameters.steps]
default = 40
low = 1
high = 1000
description = "Updates."

[parameters.crash]
default = false
description = "Whether the first try dies."

[parameters.tint]
default = 1
low = 0
high = 9
sampling = true
description = "Of what is made."
"""


@pytest.fixture
def learner(write_system: Callable[..., str]) -> str:
    use = write_system("learner", LEARNER, fits=True)
    card = Path(use.partition(":")[0]).with_name("card.toml")
    card.write_text(card.read_text().replace("fits = True", "fits = true") + PARAMETERS)
    return use


def order(photographs: Path, *words: object) -> list[object]:
    return ["--on", photographs, "--who", "none", "--size", 32, *words]


def test_fit_writes_weights_card_and_marked_pictures_and_generate_uses_them(
    call: Call, learner: str, photographs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "trained"
    said = call("fit", learner, *order(photographs, "--steps", 5, "--seed", 7, "--out", out))
    assert (said.code, said.out.strip()) == (0, str(out))
    assert load_file(out / "weights" / "weights.safetensors")["value"].tolist() == [0, 5, 7]
    assert {p.name for p in out.iterdir()} == {"weights", "card.json", "fit.json", "pictures"}
    card = json.loads((out / "card.json").read_text())
    assert card["parameters"] == {"steps": 5, "crash": False, "tint": 1}
    assert (card["seed"], card["card"]["name"]) == (7, "learner")
    pictures = out / "pictures"
    assert {p.name for p in pictures.glob("*.png")} == {f"step-{k}.png" for k in range(1, 6)}
    rows = [json.loads(line) for line in (pictures / "provenance.jsonl").read_text().splitlines()]
    assert {row["file"] for row in rows} == {f"step-{k}.png" for k in range(1, 6)}
    assert all(row["synthetic"] and row["generator"] == "learner@1" for row in rows)

    made = call(
        "generate",
        learner,
        "--weights",
        out,
        "--from",
        photographs,
        "--people",
        "none",
        "--n",
        3,
        "--out",
        tmp_path / "m",
    )
    assert made.code == 0, made.err
    pixels = np.asarray(Image.open(next((tmp_path / "m" / "media").iterdir())).convert("RGB"))
    assert abs(float(pixels.mean()) - 55) < 3  # 50 and the five steps of the weights

    again = call("fit", learner, *order(photographs, "--out", out))
    assert again.code == 2
    assert "go on with it by --resume" in again.err


def test_an_interrupted_fit_goes_on(call: Call, learner: str, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "trained"
    words = order(photographs, "--steps", 6, "-p", "crash=true", "--out", out)
    first = call("fit", learner, *words)
    assert first.code == 2
    assert "the worker process died" in first.err
    assert not (out / "weights").exists()
    second = call("fit", learner, "--resume", "--out", out)
    assert second.code == 0, second.err
    assert load_file(out / "weights" / "weights.safetensors")["value"].tolist() == [3, 6, 0]
    assert len(list((out / "pictures").glob("*.png"))) == 6
    store = Path(tmp_path / "store")
    assert not list((store / "checkpoints").iterdir())  # nothing is left once it is over


def test_minutes_choose_the_steps_by_a_trial(
    learner: str, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Done:
        seconds = 20.0

    def run(plan: object, unit: object, place: Path, display: object) -> Done:
        asked.append(unit.key["parameters"]["steps"])  # type: ignore[attr-defined]
        return Done()

    monkeypatch.setattr(fit_module, "_run", run)
    placed = fit_module.Order(use=learner, source=str(photographs), size=32, terms=Terms(people="none"))
    card = fit_module.GENERATORS.find(learner, tmp_path).card
    store = tmp_path / "store"
    found = read_source(placed.source, placed.terms)
    chosen = fit_module._for_minutes(placed, card, 2.0, found, store)
    assert asked == [10]  # at least ten updates, however few the default has
    assert chosen.parameters["steps"] == 60  # 120 seconds at 2 seconds each
    assert fit_module._for_minutes(placed, card, 1e6, found, store).parameters["steps"] == 1000


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["environment"], "'environment' has no training"),
        (["gna"], "unknown generator 'gna'; did you mean 'gan'"),
        (["gan", "--steps", 3, "--minutes", 1], "--steps and --minutes: give one of them"),
        (["gan", "-p", "wdith=3"], "did you mean 'width'"),
        (["gan", "-p", "width=2"], "legal: 4"),
        (["gan", "--resume"], "no training was begun"),
        (["gan", "--on", "nowhere"], "neither a folder nor 'studio'"),
        (["environment", "--ship"], "its card has no recipe"),
        (["gan", "--device", "cuda:9"], "not here"),
    ],
)
def test_wrong_input_is_one_line(call: Call, words: list[object], error: str, tmp_path: Path) -> None:
    said = call("fit", *words, "--out", tmp_path / "new")
    assert said.code == 2
    assert error in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_other_folders_are_left_alone(call: Call, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    assert "not empty, and no training was begun there" in call("fit", "gan", "--out", tmp_path / "full").err
    (tmp_path / "full" / "fit.json").write_text('{"use": "dcgan"}')
    assert "holds a training of 'dcgan', not of 'gan'" in call("fit", "gan", "--resume", "--out", tmp_path / "full").err
    (tmp_path / "full" / "fit.json").write_text("{")
    assert "is damaged" in call("fit", "gan", "--resume", "--out", tmp_path / "full").err


def test_pickles_offered_as_weights_are_refused(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "model.pt").write_bytes(pickle.dumps({"a": 1}))
    said = call("generate", "gan", "--weights", folder, "--n", 2, "--out", tmp_path / "made")
    assert said.code == 2
    assert "a pickle runs any code" in said.err


# Weights that come with a system


@pytest.fixture
def shipped(learner: str, tmp_path: Path) -> Part[GeneratorCard]:
    """Return a part with weights beside its card, as `--ship` leaves them."""
    part = fit_module.GENERATORS.find(learner, tmp_path)
    card = part.folder / "card.toml"
    card.write_text(card.read_text() + "\n[recipe]\npeople = 4\nper_person = 2\npopulation = 9\n")
    trained = tmp_path / "trained"
    trained.mkdir()
    save_file({"a": np.ones((4, 4), np.float32), "b": np.ones(4, np.float32)}, trained / "weights.safetensors")
    (trained / "config.json").write_text("{}")
    install(part, trained, {"steps": 77, "tint": 2})
    return fit_module.GENERATORS.find(learner, tmp_path)


def test_what_ships_is_half_precision_with_its_digests_and_parameters_in_the_card(shipped: Part[GeneratorCard]) -> None:
    state = load_file(shipped.folder / "weights" / "weights.safetensors")
    assert (state["a"].dtype, state["b"].dtype) == (np.float16, np.float32)
    assert shipped.card.recipe == Recipe(people=4, per_person=2, population=9, parameters={"steps": 77, "tint": 2})
    assert sorted(shipped.card.weights) == ["config.json", "weights.safetensors"]
    assert shipped_folder(shipped) == shipped.folder / "weights"
    text = (shipped.folder / "card.toml").read_text()
    assert with_tables(text, {"steps": 77, "tint": 2}, shipped.card.weights) == text
    (shipped.folder / "weights" / "config.json").write_text("{ }")
    with pytest.raises(InputError, match=r"config\.json: expected sha256 .* train anew with refit"):
        shipped_folder(shipped)


STUDIO = DataSpec(dataset="studio")


@pytest.mark.parametrize(
    ("fields", "data", "uses"),
    [
        ({}, STUDIO, True),
        ({"parameters": {"tint": 5}}, STUDIO, True),
        ({"parameters": {"steps": 5}}, STUDIO, False),
        ({"refit": True}, STUDIO, False),
        ({"seeds": (1,)}, STUDIO, False),
        ({"seeds": (0, 1, 2)}, STUDIO, False),
        ({"weights": Path("mine")}, STUDIO, False),
        ({}, DataSpec(dataset="studio", seed=9), False),
        ({}, DataSpec(dataset="folder", path=Path("x")), False),
    ],
)
def test_a_suite_uses_what_ships_where_it_is_what_was_asked_for(
    fields: dict[str, object], data: DataSpec, uses: bool, shipped: Part[GeneratorCard]
) -> None:
    spec = SystemSpec(use="learner", version=None, **fields)  # type: ignore[arg-type]
    found = with_shipped(shipped, spec, data)
    if not uses:
        assert found == spec
        return
    assert found.weights == shipped.folder / "weights"
    assert found.parameters == {"steps": 77, "tint": 2, **spec.parameters}


def test_every_recipe_is_of_people_whom_no_default_draws_and_of_legal_parameters() -> None:
    cards = [part.card for part in fit_module.GENERATORS.all().values() if part.card.recipe]
    assert {"gan", "dcgan", "progan", "stylegan", "vae", "diffusion"} <= {card.name for card in cards}
    for card in cards:
        assert card.recipe is not None
        assert card.recipe.population != 0
        card.fill(card.recipe.parameters)


def test_what_ships_with_the_package_is_what_the_cards_say() -> None:
    for part in fit_module.GENERATORS.all().values():
        folder = shipped_folder(part)
        if folder is not None:
            files = [file for file in folder.rglob("*") if file.is_file()]
            assert sum(file.stat().st_size for file in files) <= 4_000_000
            assert set(part.card.weights) == {file.relative_to(folder).as_posix() for file in files}
        assert read_card(part.folder / "card.toml", GeneratorCard) == part.card


def test_a_set_has_terms_of_its_own_that_no_flag_changes(call: Call, learner: str, tmp_path: Path) -> None:
    private, out = seal(tmp_path / "private", Terms(), count=8, side=32), tmp_path / "out"
    for words in (("fit", learner, "--on", private, "--who", "none"), ("generate", learner, "--from", private)):
        said = call(*words, "--permits", "train", "--grant", "x", "--out", out)
        assert said.code == 2
        assert "a sealed set with terms of its own (people real, permits evaluate)" in said.err
        assert len(said.err.strip().splitlines()) == 1
        assert not out.exists()
    assert "must permit 'train'" in call("fit", learner, "--on", private, "--out", out).err
    nobody = seal(tmp_path / "nobody", Terms(people="none"), count=8, side=32)
    said = call("fit", learner, "--on", nobody, "--size", 32, "--steps", 2, "--out", out)
    assert said.code == 0, said.err
    assert len(list((out / "pictures").glob("*.png"))) == 2
