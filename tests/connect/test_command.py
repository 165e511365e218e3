import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fauxbench import Artifact, Context, Failure, FitTask, InputError, Item
from fauxbench.harness.connect.attach import command_identity, declared_files, resolved
from fauxbench.harness.connect.command import CommandGenerator
from fauxbench.harness.connect.spec import CommandSpec
from fauxbench.harness.errors import FauxbenchError
from fauxbench.harness.media.item import Kind, Modality

from .conftest import GOOD, asked

Write = Callable[..., Path]
Keep = Callable[[Iterator[Artifact | Failure]], dict[str, bytes | Failure]]


def system(program: Path, *, parameters: dict[str, object] | None = None, **more: object) -> CommandGenerator:
    document = {"argv": [sys.executable, program.name], "folder": str(program.parent), **more}
    spec = CommandSpec.model_validate(document)
    return CommandGenerator(spec.card("mine", "2", "fully_synthetic"), parameters or {}, spec)


def failure(found: dict[str, bytes | Failure], request_id: str) -> Failure:
    one = found[request_id]
    assert isinstance(one, Failure), one
    return one


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def gone(pid: int, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_outputs_are_kept_byte_for_byte(write_program: Write, context: Context, kept: Keep) -> None:
    found = kept(system(write_program()).generate(asked(4), context))
    assert list(found) == ["r0", "r1", "r2", "r3"]
    assert all(isinstance(one, bytes) and one.startswith(b"P6 16 12 255\n") for one in found.values())
    assert len(set(found.values())) == 4  # type: ignore[arg-type]
    assert found == kept(system(write_program()).generate(asked(4), context))
    assert not list(context.scratch.iterdir())


def test_the_program_is_told_everything(write_program: Write, context: Context, tmp_path: Path) -> None:
    person = Item(id="p/1", modality=Modality.IMAGE, kind=Kind.REAL, group="g", location=tmp_path / "a.png")
    program = write_program(
        """
        said = [hello["system"], hello["parameters"], hello["seed"], hello["device"], order["seed"], order["output"]]
        said += [order["target"], order["references"], order["text"], order["attributes"], os.environ["MODE"]]
        say(type="failure", id=i, kind="refused", message=json.dumps(said))
        """
    )
    one = system(program, parameters={"depth": 3}, environment={"MODE": "x"})
    request = asked(1, target=person, references=(person,), text="hello", attributes={"age": 0.5})
    (answer,) = one.generate(request, context)
    assert isinstance(answer, Failure)
    assert answer.kind == "refused"
    item = {"id": "p/1", "modality": "image", "language": None, "file": str(tmp_path / "a.png")}
    output = {"width": 16, "height": 12, "fps": None, "seconds": None}
    expected = ["mine@2", {"depth": 3}, 3, "cpu", 10, output, item, [item], "hello", {"age": 0.5}, "x"]
    assert __import__("json").loads(answer.message) == expected


def test_answers_may_come_in_any_order_and_together(write_program: Write, context: Context, kept: Keep) -> None:
    program = write_program(
        "todo = [*globals().get('todo', []), order]",
        end=f"for order in reversed(todo):\n    i = order['id']\n    {GOOD}\nbreak",
    )
    found = kept(system(program).generate(asked(5), context))
    assert list(found) == ["r4", "r3", "r2", "r1", "r0"]
    assert all(isinstance(one, bytes) for one in found.values())


def test_thousands_of_requests_do_not_jam_the_pipes(write_program: Write, context: Context) -> None:
    program = write_program('say(type="failure", id=i, kind="refused", message="x" * 500)')
    assert len(list(system(program).generate(asked(3000), context))) == 3000


LINE = "line 3 of standard output"
BAD = {
    "not JSON": ("print('loading...', flush=True)", LINE, "not JSON: 'loading...'"),
    "no object": ("print('[1]', flush=True)", LINE, "expected a JSON object, found '[1]'"),
    "too deep": ("print('[' * 100000, flush=True)", LINE, "not JSON: '[[["),
    "binary": ("sys.stdout.buffer.write(bytes([255, 0, 10])); sys.stdout.flush()", LINE, "not JSON"),
    "no type": ("say(id=i)", LINE, "expected an artifact or a failure with an id"),
    "an id that is a number": ("say(type='artifact', id=7)", LINE, "with an id, found"),
    "an unknown id": ("say(type='artifact', id='x9', file=picture(scratch / 'a.ppm'))", "x9", None),
    "outside": ("say(type='artifact', id=i, file=picture('/tmp/faux-outside.ppm'))", "r1",
                "not inside the scratch folder: it is"),
    "dots": ("say(type='artifact', id=i, file='../../etc/passwd')", "r1", "not inside the scratch folder"),
    "a link out": ("os.symlink('/etc/passwd', scratch / 'l.ppm'); say(type='artifact', id=i, file='l.ppm')", "r1",
                   "not inside the scratch folder: a link leads to /etc/passwd"),
    "a folder linked out": ("os.symlink('/etc', scratch / 'etc'); say(type='artifact', id=i, file='etc/passwd')", "r1",
                            "a link leads to /etc/passwd"),
    "a link to itself": ("os.symlink(scratch / 'me', scratch / 'me'); say(type='artifact', id=i, file='me')", "r1",
                         "'me'"),
    "missing": ("say(type='artifact', id=i, file='nothing.png')", "r1", "'nothing.png': No such file or directory"),
    "a folder": ("(scratch / 'd.png').mkdir(); say(type='artifact', id=i, file='d.png')", "r1", "is no regular file"),
    "a pipe": ("os.mkfifo(scratch / 'p.png'); say(type='artifact', id=i, file='p.png')", "r1", "is no regular file"),
    "empty": ("(scratch / 'e.png').touch(); say(type='artifact', id=i, file='e.png')", "r1", "is empty"),
    "too large": ("open(scratch / 'h.ppm', 'wb').truncate(10 << 30); say(type='artifact', id=i, file='h.ppm')", "r1",
                  "has 10737418240 bytes, more than the 1048576"),
    "no file": ("say(type='artifact', id=i)", "r1", "file: expected a path inside the scratch folder, found None"),
    "a zero byte": ("say(type='artifact', id=i, file='a\\0b')", "r1", "null"),
    "a name too long": ("say(type='artifact', id=i, file='a' * 5000)", "r1", "File name too long"),
    "facts that are a list": ("say(type='artifact', id=i, file=picture(scratch / 'a.ppm'), facts=[1])", "r1",
                              "facts: expec"),
    "masks that are a number": ("say(type='artifact', id=i, file=picture(scratch / 'a.ppm'), masks=3)", "r1",
                                "a file name or"),
    "a mask that is missing": ("say(type='artifact', id=i, file=picture(scratch / 'a.ppm'), masks='m.png')", "r1",
                               "m.png"),
    "an unknown kind of failure": ("say(type='failure', id=i, kind='sad', message='no')", "r1", "no"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer_is_a_failure_and_the_rest_goes_on(
    case: str, write_program: Write, context: Context, kept: Keep
) -> None:
    body, request_id, words = BAD[case]
    program = write_program(f"if i == 'r1':\n    {body}\nelse:\n    {GOOD}")
    found = kept(system(program, largest_mb=1).generate(asked(3), context))
    assert isinstance(found["r0"], bytes)
    assert isinstance(found["r2"], bytes)
    assert request_id in found
    if words is not None:
        assert words in failure(found, request_id).message
        assert failure(found, request_id).kind in {"invalid", "error"}
    if request_id != "r1":
        assert failure(found, "r1").kind == "missing"
    assert not list(context.scratch.iterdir())


def test_a_second_answer_comes_through_for_the_harness_to_record(write_program: Write, context: Context) -> None:
    answers = [one.request_id for one in system(write_program(f"{GOOD}\n{GOOD}")).generate(asked(2), context)]
    assert answers == ["r0", "r0", "r1", "r1"]


ENDINGS = {
    "raises": ("raise RuntimeError('no GPU')", "crashed", "ended with exit status 1 after 1 of 3 items", "no GPU"),
    "exits": ("sys.exit(7)", "crashed", "exit status 7 after 1 of 3", None),
    "is killed": ("os.kill(os.getpid(), 9)", "crashed", "signal 9 after 1 of 3", None),
    "stops": ("sys.exit(0)", "missing", "the program ended after 1 of 3 items", None),
    "closes its output": ("os.close(1); time.sleep(60)", "crashed", "after 1 of 3 items", None),
    "is silent": ("print('stuck', file=sys.stderr, flush=True); time.sleep(60)", "timeout",
                  "no line from the program for 4 s", "stuck"),
    "never ends a line": ("while True: sys.stdout.write('x' * 65536)", "invalid",
                          "a line of more than 1048576 bytes", None),
    "floods standard error": ("sys.stderr.write('y' * 3000000); raise SystemExit(2)", "crashed", "exit status 2",
                              "yyy"),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDINGS)
def test_when_the_program_ends_what_came_is_kept(
    case: str, write_program: Write, context: Context, kept: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fauxbench.harness.connect.process.PATIENCE", 1.0)
    body, kind, words, tail = ENDINGS[case]
    program = write_program(f"if i == 'r1':\n    {body}\n{GOOD}")
    found = kept(system(program, heartbeat=4).generate(asked(3), context))
    assert isinstance(found["r0"], bytes)
    for request_id in ("r1", "r2"):
        assert failure(found, request_id).kind == kind
        assert words in failure(found, request_id).message
        assert tail is None or tail in str(failure(found, request_id).traceback)
        assert len(failure(found, request_id).traceback or "") <= 4000


def test_heartbeats_and_progress_keep_a_slow_program_alive(write_program: Write, context: Context, kept: Keep) -> None:
    program = write_program(
        "for n in range(8):\n    time.sleep(0.5)\n"
        f"    say(type='heartbeat') if n % 2 else say(type='progress', fraction=n / 8, message='n')\n{GOOD}"
    )
    seen: list[float] = []
    watched = Context(seed=0, scratch=context.scratch, progress=lambda fraction, message: seen.append(fraction))
    found = kept(system(program, heartbeat=3).generate(asked(1), watched))
    assert isinstance(found["r0"], bytes)
    assert seen == [0, 0.25, 0.5, 0.75]


def test_a_time_limit_keeps_what_came_before_it(write_program: Write, context: Context, kept: Keep) -> None:
    program = write_program(f"if i == 'r1':\n    while True: time.sleep(0.1); say(type='heartbeat')\n{GOOD}")
    short = Context(seed=0, scratch=context.scratch, time_limit=2)
    began = time.monotonic()
    found = kept(system(program).generate(asked(3), short))
    assert time.monotonic() - began < 8
    assert isinstance(found["r0"], bytes)
    assert failure(found, "r2").kind == "timeout"
    assert "no end before its time limit of 2 s" in failure(found, "r2").message


CHILDREN = """
import subprocess
where = Path(os.environ["PIDS"])
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
one = subprocess.Popen([sys.executable, "-c", stubborn])
two = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
where.write_text(f"{os.getpid()} {one.pid} {two.pid}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="those that leave the process group are found on Linux alone")
@pytest.mark.parametrize("ending", ["time.sleep(600)", "sys.exit(0)"])
def test_nothing_of_the_program_is_left(ending: str, write_program: Write, context: Context, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = write_program(f"{CHILDREN}\ntime.sleep(0.3)\n{ending}")
    list(system(program, heartbeat=2, environment={"PIDS": str(pids)}).generate(asked(1), context))
    found = [int(word) for word in pids.read_text().split()]
    assert len(found) == 3
    assert all(gone(pid) for pid in found)


ASKING = """
import sys, pathlib, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background lets its jobs ignore it
from fauxbench import Context, Request
from fauxbench.harness.connect.command import CommandGenerator
from fauxbench.harness.connect.spec import CommandSpec
program, scratch, pids = sys.argv[1:]
spec = CommandSpec(argv=(sys.executable, program), environment={"PIDS": pids})
one = CommandGenerator(spec.card("mine", "2", "fully_synthetic"), {}, spec)
list(one.generate([Request(id="r0", seed=0)], Context(seed=0, scratch=pathlib.Path(scratch))))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="those that leave the process group are found on Linux alone")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_program_ends_with_the_process_that_asked(
    sign: signal.Signals, write_program: Write, context: Context, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    program = write_program(f"{CHILDREN}\ntime.sleep(600)")
    order = [sys.executable, "-c", ASKING, str(program), str(context.scratch), str(pids)]
    with subprocess.Popen(order, stderr=subprocess.DEVNULL) as asking:
        deadline = time.monotonic() + 30
        while asking.poll() is None and (not pids.exists() or not pids.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        asking.send_signal(sign)
        asking.wait(timeout=30)
    assert asking.returncode != 0
    assert all(gone(int(word)) for word in pids.read_text().split())


WRONG_HELLO = {
    "another protocol": ("say(type='hello', protocol=9)", "speaks protocol 9; this fauxbench speaks 1"),
    "no protocol": ("say(type='hello')", "speaks protocol None"),
    "chatter": (
        "print('Loading model', flush=True)",
        "the first answer of .* must be hello; not JSON: 'Loading model'",
    ),
    "an answer before": ("say(type='artifact', id='r0')", "must be hello; found type 'artifact'"),
    "another version": ("say(type='hello', protocol=1, card={'version': '3'})", "says version '3', the suite '2'"),
    "another kind": ("say(type='hello', protocol=1, card={'kind': 'augmented_real'})", "says kind 'augmented_real'"),
    "a card that is a word": ("say(type='hello', protocol=1, card='x')", "card: expected a JSON object"),
    "a crash": ("import no_such_module", r"before it said hello \(exit status 1\); .*No module named 'no_such_module'"),
    "silence": ("time.sleep(60)", "no line from the program for 1.5 s"),
}


@pytest.mark.parametrize("case", WRONG_HELLO)
def test_a_program_that_does_not_greet_ends_the_unit(case: str, write_program: Write, context: Context) -> None:
    hello, words = WRONG_HELLO[case]
    with pytest.raises(InputError, match=words):
        list(system(write_program(hello=hello), heartbeat=1.5).generate(asked(2), context))


def test_a_card_that_agrees_is_welcome(write_program: Write, context: Context, kept: Keep) -> None:
    hello = "say(type='hello', protocol=1, card={'name': 'mine', 'version': '2', 'uses': [], 'more': 1})"
    assert isinstance(kept(system(write_program(hello=hello)).generate(asked(1), context))["r0"], bytes)


def test_a_program_that_cannot_be_started(tmp_path: Path, context: Context) -> None:
    (tmp_path / "text").write_text("no program")
    spec = CommandSpec(argv=("./text",), folder=tmp_path)
    one = CommandGenerator(spec.card("mine", "2", "fully_synthetic"), {}, spec)
    with pytest.raises(InputError, match="cannot be started: Permission denied"):
        list(one.generate(asked(1), context))
    for argv, words in ((("./text",), r"no program './text' in .* that can be run"), (("no-such",), "on the PATH")):
        with pytest.raises(InputError, match=words):
            resolved(CommandSpec(argv=argv), tmp_path)
    with pytest.raises(InputError, match="expected a folder at"):
        resolved(CommandSpec(argv=("sh",), folder=Path("nowhere")), tmp_path)


def test_masks_are_frames(write_program: Write, context: Context) -> None:
    program = write_program(
        "say(type='artifact', id=i, file=picture(scratch / 'a.ppm'), masks=[picture(scratch / 'm.ppm')])"
    )
    (answer,) = system(program).generate(asked(1), context)
    assert isinstance(answer, Artifact)
    program_run = system(program).generate(asked(1), context)
    answer = next(program_run)
    assert isinstance(answer, Artifact)
    assert answer.masks
    (mask,) = answer.masks()
    assert (mask.shape, mask.dtype) == ((12, 16), np.uint8)
    program_run.close()  # type: ignore[attr-defined]


def test_fit_save_and_load(write_program: Write, context: Context, kept: Keep, tmp_path: Path) -> None:
    program = write_program(
        "order['seed'] += json.loads((Path(hello['weights']) / 'shift.json').read_text())\n" + GOOD,
        fit="say(type='progress', fraction=0.5)\n"
        "(Path(order['weights']) / 'shift.json').write_text(str(len(order['train'])))\nsay(type='fitted')",
    )
    items = tuple(
        Item(id=str(i), modality=Modality.IMAGE, kind=Kind.REAL, group="g", location=tmp_path / f"{i}.png")
        for i in range(5)
    )
    one, weights = system(program, fits=True), tmp_path / "weights"
    assert one.card.fits
    one.fit(FitTask(train=items), context)
    one.save(weights)
    assert (weights / "shift.json").read_text() == "5"
    other = system(program, fits=True)
    other.load(weights)
    made = kept(other.generate(asked(1), context))["r0"]
    assert made == kept(system(write_program()).generate((asked(6)[5].__class__(id="r0", seed=15),), context))["r0"]


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        ("say(type='failure', message='too few people')", "training failed: too few people"),
        ("sys.exit('out of memory')", "end of its standard error: out of memory"),
        ("say(type='done')", "expected fitted, failure or progress; found type 'done'"),
        ("time.sleep(60)", "no line from the program for 4 s"),
    ],
)
def test_a_failed_training_says_why(fit: str, words: str, write_program: Write, context: Context) -> None:
    with pytest.raises(FauxbenchError, match=words):
        system(write_program(fit=fit), fits=True, heartbeat=4).fit(FitTask(train=()), context)


def test_the_identity_covers_words_variables_and_files(write_program: Write) -> None:
    program = write_program()
    folder = program.parent
    (folder / "net").mkdir()
    (folder / "net" / "weights.bin").write_bytes(b"1")
    (folder / "helper.py").write_text("x = 1\n")

    def identity(**changes: object) -> str:
        document = {"argv": ["python3", "program.py"], "folder": str(folder), "files": ["net", "helper.py"], **changes}
        return command_identity(CommandSpec.model_validate(document))

    first = identity()
    assert identity() == first
    assert identity(heartbeat=7, largest_mb=3) == first  # how it is looked after changes no picture
    seen = {first, identity(argv=["python3", "program.py", "-x"]), identity(environment={"A": "1"}), identity(files=[])}
    for path in (folder / "net" / "weights.bin", folder / "helper.py", program):  # the script needs no declaration
        path.write_bytes(path.read_bytes() + b"\n")
        seen.add(identity())
    assert len(seen) == 7
    os.utime(program)
    assert identity() in seen
    with pytest.raises(InputError, match=r"files: gone\.py is not in"):
        identity(files=["gone.py"])
    names = [name for name, _ in declared_files(CommandSpec(argv=("sh", "program.py"), folder=folder))]
    assert names == ["program.py"]
