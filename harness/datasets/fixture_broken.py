"""Known defects, put into fixtures: one function a data set, over shared ones. Each says what it must be found as."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from .fixture import Defect, Maker


def _note(maker: Maker, name: str, path: str, finding: str | None, *, deep: bool = False) -> None:
    maker.defects.append(Defect(name, path, finding, deep))


def _missing(maker: Maker, path: str) -> None:
    (maker.root / path).unlink()
    _note(maker, "missing file", path, "missing")


def _truncated(maker: Maker, path: str) -> None:
    place = maker.root / path
    place.write_bytes(place.read_bytes()[: place.stat().st_size // 2])
    _note(maker, "truncated file", path, "unreadable", deep=True)


def _empty(maker: Maker, path: str) -> None:
    (maker.root / path).write_bytes(b"")
    _note(maker, "file of zero bytes", path, "empty")


def _copied(maker: Maker, path: str, source: str) -> None:
    """Put the bytes of another clip in place of one: only decoding shows it."""
    (maker.root / path).write_bytes((maker.root / source).read_bytes())
    _note(maker, "the content of another clip", max(path, source), "duplicate", deep=True)


def _extra(maker: Maker, path: str) -> None:
    maker.clip(path, 0)
    _note(maker, "file that nobody knows", path, "extra")


def _link_out(maker: Maker, path: str) -> None:
    place = maker.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(Path(*[".."] * len(Path(path).parts)))  # the folder above the root, from the link's place
    _note(maker, "link that leaves the root", path, "outside")


def _text(maker: Maker, path: str, change: Callable[[str], str], name: str, finding: str | None) -> None:
    place = maker.root / path
    place.write_bytes(change(place.read_bytes().decode()).encode())
    _note(maker, name, path, finding)


def _bom(maker: Maker, path: str) -> None:
    _text(maker, path, lambda text: "\ufeff" + text.removeprefix("\ufeff"), "byte order mark", None)


def _no_last_newline(maker: Maker, path: str) -> None:
    _text(maker, path, lambda text: text.rstrip("\n"), "no final newline", None)


def _backslashes(maker: Maker, path: str) -> None:
    _text(maker, path, lambda text: text.replace("/", "\\"), "backslash paths", None)


def _line(maker: Maker, path: str, line: str, name: str, finding: str | None) -> None:
    """Add a line to a list."""
    _text(maker, path, lambda text: f"{text.rstrip()}\n{line}", name, finding)


def _cut_json(maker: Maker, path: str) -> None:
    _text(maker, path, lambda text: text[: len(text) // 2], "malformed JSON", "malformed")


def _entries(maker: Maker, path: str, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    place = maker.root / path
    table = json.loads(place.read_text(encoding="utf-8"))
    change(table)
    place.write_text(json.dumps(table), encoding="utf-8")


def faceforensics(maker: Maker) -> None:
    """Break a copy of FaceForensics++."""
    fakes = "manipulated_sequences/Deepfakes/c23/videos"
    reals = "original_sequences/youtube/c23/videos"
    _missing(maker, f"{fakes}/000_003.mp4")
    _empty(maker, f"{fakes}/003_000.mp4")
    _truncated(maker, f"{fakes}/071_054.mp4")
    _copied(maker, f"{fakes}/720_672.mp4", f"{fakes}/672_720.mp4")
    _extra(maker, f"{fakes}/holiday.mp4")
    maker.clip(f"{reals}/071_054.mp4", 0, 1)
    _note(maker, "fake among the reals", f"{reals}/071_054.mp4", "polarity")
    maker.clip("manipulated_sequences/FaceSwap/c23/001_870.mp4", 0, 1)
    _note(maker, "clip twice", "manipulated_sequences/FaceSwap/c23/videos/001_870.mp4", "duplicate")
    _link_out(maker, "original_sequences/youtube/elsewhere")
    _bom(maker, "train.json")
    _line(maker, "test.json", "]", "malformed JSON", "malformed")
    maker.json("val.json", [["720", "672"], ["003", "672"], ["1", "870"]])
    _note(maker, "sequence in two splits", "val.json", "overlap")
    _note(maker, "entry that is no pair", "val.json", "malformed")


def celebdf(maker: Maker) -> None:
    """Break a copy of Celeb-DF."""
    listed = "List_of_testing_videos.txt"
    _truncated(maker, "YouTube-real/00000.mp4")
    _missing(maker, "YouTube-real/00170.mp4")
    _empty(maker, "Celeb-synthesis/id0_id1_0003.mp4")
    _extra(maker, "Celeb-real/holiday.mp4")
    maker.clip("Celeb-real/id7_id8_0001.mp4", 0, 1)
    _note(maker, "fake among the reals", "Celeb-real/id7_id8_0001.mp4", "polarity")
    maker.clip("Celeb-real/videos/id0_0003.mp4", 0)
    _note(maker, "clip twice", "Celeb-real/videos/id0_0003.mp4", "duplicate")
    _link_out(maker, "Celeb-real/elsewhere")
    maker.clip("Celeb-synthesis/id1_id0_0009.mp4", 1, 0)
    _line(maker, listed, "1 Celeb-synthesis/id1_id0_0009.mp4", "fake listed as real", None)
    _note(maker, "fake listed as real", "Celeb-synthesis/id1_id0_0009.mp4", "polarity")
    _line(maker, listed, "1 Celeb-real/id1_0007.mp4", "line twice", "duplicate")
    _line(maker, listed, "1 ../../secret.mp4", "path that leaves the root", "outside")
    _line(maker, listed, "yes Celeb-real/id1_0007.mp4", "label that is none", "malformed")
    _text(maker, listed, lambda text: text.replace("1 Celeb-real/id0", "1\tCeleb-real/id0"), "tab variant", None)
    _text(maker, listed, lambda text: text.replace("0 Celeb-syn", "0,Celeb-syn", 1), "comma variant", None)
    _backslashes(maker, listed)
    _bom(maker, listed)


def dfdc(maker: Maker) -> None:
    """Break a copy of the Deepfake Detection Challenge."""
    first, second = "train/dfdc_train_part_0", "train/dfdc_train_part_1"
    _missing(maker, f"{first}/awnfpubqmo.mp4")
    _truncated(maker, f"{first}/abofeumbvv.mp4")
    _empty(maker, "test/tdofeumbvv.mp4")
    _extra(maker, f"{first}/holiday.mp4")
    _link_out(maker, f"{first}/elsewhere")

    def change(table: dict[str, dict[str, object]]) -> None:
        table["aaqaifqrwn.mp4"]["original"] = "bbqaifqrwn.mp4"  # REAL, and yet made from another
        table["../../secret.mp4"] = {"label": "FAKE", "split": "train", "original": "aaqaifqrwn.mp4"}
        table["abcdefghij.mp4"] = {"label": "PERHAPS", "split": "train"}

    _entries(maker, f"{first}/metadata.json", change)
    _note(maker, "REAL with an original", f"{first}/aaqaifqrwn.mp4", "polarity")
    _note(maker, "path that leaves the root", f"{first}/metadata.json", "outside")
    _note(maker, "label that is none", f"{first}/metadata.json", "malformed")
    _cut_json(maker, f"{second}/metadata.json")
    for stem in ("bbqaifqrwn", "bwnfpubqmo", "bbofeumbvv"):
        _note(maker, "clip without an entry", f"{second}/{stem}.mp4", "extra")
    _text(maker, "test/labels.csv", lambda text: text.replace(",", "\t"), "tab variant", None)
    _no_last_newline(maker, "test/labels.csv")
    _bom(maker, "test/labels.csv")
    maker.json("test/metadata.json", {"taofeumbvv.mp4": {"is_fake": 1}})
    _note(maker, "two lists that disagree", "test/taofeumbvv.mp4", "polarity")
    (maker.root / "validation/labels.csv").unlink()
    _note(maker, "no list", "validation/labels.csv", "missing")
    for letter in "abcd":
        _note(maker, "clip without a list", f"validation/v{letter}ofeumbvv.mp4", "extra")


def dfdc_preview(maker: Maker) -> None:
    """Break a copy of the preview."""
    test = "method_A/643049/643049_A/805259_643049_A_001.mp4"
    _missing(maker, test)
    _empty(maker, test.replace("method_A", "method_B"))
    _truncated(maker, "original_videos/643049/643049_A_001.mp4")
    _extra(maker, "original_videos/holiday.mp4")
    _link_out(maker, "method_A/elsewhere")

    def change(table: dict[str, dict[str, object]]) -> None:
        table["original_videos/805259/805259_A_001.mp4"]["label"] = "fake"
        table["../secret.mp4"] = {"label": "fake", "set": "test"}
        table["method_A/x.mp4"] = {"label": "fake", "set": "perhaps"}

    _entries(maker, "dataset.json", change)
    _note(maker, "real labelled fake", "original_videos/805259/805259_A_001.mp4", "polarity")
    _note(maker, "path that leaves the root", "dataset.json", "outside")
    _note(maker, "set that is none", "dataset.json", "malformed")
    _bom(maker, "dataset.json")


def voxceleb1(maker: Maker) -> None:
    """Break a copy of VoxCeleb1."""
    _empty(maker, "test/wav/id10271/x6uYqmx31kE/00001.wav")
    maker.sound("dev/wav/id10270/1zcIwhmdeo4/00002.wav", 7)
    _note(maker, "test speaker in dev", "dev/wav/id10270/1zcIwhmdeo4/00002.wav", "overlap")
    _extra(maker, "dev/wav/holiday.mp4")
    _link_out(maker, "dev/elsewhere")
    _line(maker, "vox1_meta.csv", "id11111\tNobody\tm\tIreland\tdev", "speaker without a clip", None)
    _note(maker, "speaker without a clip", "id11111", "missing")
    _line(maker, "vox1_meta.csv", "somebody\tdev", "line that is no speaker", "malformed")
    _line(maker, "veri_test.txt", "1 id10270/1zcIwhmdeo4/00001.wav id10270/1zcIwhmdeo4/00009.wav", "missing file", None)
    _note(maker, "trial without a clip", "id10270/1zcIwhmdeo4/00009.wav", "missing")
    _line(
        maker, "veri_test.txt", "1 ../secret.wav id10270/1zcIwhmdeo4/00001.wav", "path that leaves the root", "outside"
    )
    _line(maker, "veri_test.txt", "id10270", "line that is no trial", "malformed")
    _bom(maker, "vox1_meta.csv")


def voxceleb2(maker: Maker) -> None:
    """Break a copy of VoxCeleb2."""
    _empty(maker, "test/mp4/id09018/21Uxsk56VDQ/00001.mp4")
    _truncated(maker, "test/mp4/id09017/21Uxsk56VDQ/00001.mp4")
    _extra(maker, "test/mp4/holiday.mp4")
    _link_out(maker, "test/elsewhere")
    _text(maker, "vox2_meta.csv", lambda text: text.replace(" ,", "\t"), "tab variant", None)
    _no_last_newline(maker, "vox2_meta.csv")


def lrs2(maker: Maker) -> None:
    """Break a copy of LRS2."""
    main = "mvlrs_v1/main"
    _missing(maker, f"{main}/6330311066473698535/00011.mp4")
    _truncated(maker, f"{main}/6330311066473698535/00001.mp4")
    _empty(maker, f"{main}/5535496873950688380/00001.mp4")
    (maker.root / f"{main}/5535496873950688380/00011.txt").unlink()
    _note(maker, "no transcript", f"{main}/5535496873950688380/00011.txt", "missing")
    _extra(maker, f"{main}/5535496873950688380/00099.mp4")
    _link_out(maker, "mvlrs_v1/elsewhere")
    _line(maker, "test.txt", "../../secret/00001", "path that leaves the root", "outside")
    _line(maker, "test.txt", "00001", "line that is no clip", "malformed")
    _line(maker, "test.txt", "5535496873950688380/00001", "clip in two splits", "overlap")
    _line(maker, "val.txt", "5535496873950688380/00011", "line twice", "duplicate")
    _backslashes(maker, "train.txt")
    _no_last_newline(maker, "train.txt")
    _bom(maker, "train.txt")


def lrs3(maker: Maker) -> None:
    """Break a copy of LRS3."""
    _truncated(maker, "test/0Fi83BHQsMA/00001.mp4")
    _empty(maker, "test/0Fi83BHQsMA/00002.mp4")
    (maker.root / "test/0Fi83BHQsMA/00001.txt").write_bytes(b"")
    _note(maker, "transcript of zero bytes", "test/0Fi83BHQsMA/00001.txt", "empty")
    _extra(maker, "holiday.mp4")
    _link_out(maker, "trainval/elsewhere")
    talk = min(path.name for path in (maker.root / "trainval").iterdir() if not path.is_symlink())
    maker.clip(f"test/{talk}/00003.mp4", 0, voice=0)
    maker.text(f"test/{talk}/00003.txt", "Text:  GOOD MORNING\n")
    first = "pretrain" if (maker.root / f"pretrain/{talk}").is_dir() else "trainval"
    _note(maker, "talk in two splits", f"{first}/{talk}/00001.mp4", "overlap")


def fakeavceleb(maker: Maker) -> None:
    """Break a copy of FakeAVCeleb."""
    table = "FakeAVCeleb/meta_data.csv"
    clips = sorted(path.relative_to(maker.root).as_posix() for path in maker.root.rglob("*.mp4"))
    fakes = [clip for clip in clips if "/FakeVideo-FakeAudio/" in clip]
    reals = [clip for clip in clips if "/RealVideo-RealAudio/" in clip]
    _missing(maker, fakes[0])
    _empty(maker, fakes[1])
    _truncated(maker, fakes[2])
    _extra(maker, "FakeAVCeleb/RealVideo-RealAudio/African/men/id00001/holiday.mp4")
    _link_out(maker, "FakeAVCeleb/elsewhere")
    folder = reals[0].rpartition("/")[0]
    row = f",real,A,RealVideo-RealAudio,African,men,00109.mp4,{folder}"
    fixed = f",real,D,FakeVideo-FakeAudio,African,men,00109.mp4,{folder}"
    _text(maker, table, lambda text: text.replace(row, fixed), "real listed as fake", None)
    _note(maker, "real listed as fake", reals[0], "polarity")
    person = reals[1].split("/")[-2]
    again = f"{person},-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4,{reals[1].rpartition('/')[0]}"
    _line(maker, table, again, "line twice", None)
    _note(maker, "line twice", reals[1], "duplicate")
    secret = f"{person},-,-,real,A,RealVideo-RealAudio,African,men,secret.mp4,FakeAVCeleb/../.."
    _line(maker, table, secret, "path that leaves the root", "outside")
    _line(maker, table, "id00001,real", "line that is too short", "malformed")
    _text(maker, table, lambda text: text.replace(",", "\t"), "tab variant", None)
    _backslashes(maker, table)
    _bom(maker, table)


def deepfakebench(maker: Maker) -> None:
    """Break dataset JSON."""
    top = "rgb/FaceForensics++/original_sequences/youtube/c23/frames"
    (maker.root / f"{top}/870/040.png").unlink()
    missing = f"{top.removeprefix('rgb/')}/870/040.png"
    _note(maker, "missing frame", missing, "missing")
    _empty(maker, f"{top}/001/040.png")
    _truncated(maker, f"{top}/001/000.png")
    maker.picture(f"{top}/001/999.png", 0)
    _note(maker, "file that nobody knows", f"{top}/001/999.png", "extra")
    _link_out(maker, "rgb/elsewhere")
    path = "dataset_json/FaceForensics++.json"

    def change(table: dict[str, dict[str, object]]) -> None:
        labels: dict[str, dict[str, dict[str, dict[str, object]]]] = table["FaceForensics++"]  # type: ignore[assignment]
        labels["FF-DF"]["test"]["c23"]["bad"] = {"label": "FF-real", "frames": []}
        labels["FF-DF"]["test"]["c23"]["none"] = {"label": "FF-perhaps", "frames": []}
        labels["FF-real"]["val"] = {"label": "FF-real", "frames": ["x.png"]}  # type: ignore[dict-item]
        labels["FF-DF"]["test"]["c23"]["out"] = {"label": "FF-DF", "frames": ["..\\..\\secret.png"]}

    _entries(maker, path, change)
    _note(maker, "label of the other class", path, "polarity")
    _note(maker, "label that is none", path, "malformed")
    _note(maker, "one clip in place of a table", path, "malformed")
    for person in ("720", "672"):
        for number in ("000", "040"):
            _note(maker, "frame that is no longer listed", f"{top}/{person}/{number}.png", "extra")
    _note(maker, "path that leaves the root", path, "outside")
    _cut_json(maker, "dataset_json/Celeb-DF-v2.json")
    for clip in ("Celeb-real/frames/id1_0007", "Celeb-synthesis/frames/id1_id0_0007"):
        for number in ("000", "040"):
            _note(maker, "frame without a list", f"rgb/Celeb-DF-v2/{clip}/{number}.png", "extra")
    _bom(maker, path)


def folder(maker: Maker) -> None:
    """Break a folder."""
    _empty(maker, "person 0/0.png")
    _truncated(maker, "person 1/1.png")
    _copied(maker, "person 2/2.png", "person 2/1.png")
    _extra(maker, "person 3/holiday.mp4")
    _link_out(maker, "elsewhere")


def huggingface(maker: Maker) -> None:
    """Break a copy of a Hugging Face data set."""
    _missing(maker, "images/train/0-0.png")
    _empty(maker, "images/train/0-1.png")
    _truncated(maker, "images/train/1-0.png")
    _copied(maker, "images/validation/2-0.png", "images/validation/3-0.png")
    maker.picture("images/holiday.png", 0)
    _note(maker, "file that nobody knows", "images/holiday.png", "extra")
    _link_out(maker, "images/elsewhere")
    more = [
        ("images/test/4-0.png", 1, "person 4"),
        ("images/test/5-1.png", 1, "person 5"),
        ("../../secret.png", 1, "person 5"),
        ("images/test/5-0.png", None, "person 5"),
        ("somebody/elses/disk.png", 0, "person 5"),
    ]
    maker.rows("data/test-00001-of-00002.parquet", more, {4: b"\x89PNG"})
    table = "data/test-00001-of-00002.parquet"
    _note(maker, "real file listed as fake too", "images/test/4-0.png", "polarity")
    _note(maker, "row twice", "images/test/5-1.png", "duplicate")
    _note(maker, "path that leaves the root", f"{table}#2", "outside")
    _note(maker, "row without a label", f"{table}#3", "malformed")
    _note(maker, "picture inside the table", f"{table}#4", "missing")
    state = {"_data_files": [{"filename": f"data-0000{k}-of-00003.arrow"} for k in (0, 1)]}
    maker.json("validation/state.json", state)
    _note(maker, "shard that is not there", "validation/data-00001-of-00003.arrow", "missing")
    place = maker.root / "validation/data-00000-of-00001.arrow"
    place.rename(place.with_name("data-00000-of-00003.arrow"))
    (maker.root / "train/data-00009-of-00009.arrow").write_bytes(b"no table")
    _note(maker, "table that is none", "train/data-00009-of-00009.arrow", "malformed")
    _bom(maker, "fauxbench-labels.json")


DEFECTS: Mapping[str, Callable[[Maker], None]] = {
    "faceforensics": faceforensics,
    "celebdf-v1": celebdf,
    "celebdf-v2": celebdf,
    "dfdc": dfdc,
    "dfdc-preview": dfdc_preview,
    "voxceleb1": voxceleb1,
    "voxceleb2": voxceleb2,
    "lrs2": lrs2,
    "lrs3": lrs3,
    "fakeavceleb": fakeavceleb,
    "deepfakebench": deepfakebench,
    "folder": folder,
    "huggingface": huggingface,
}
"""Data set -> what breaks its fixture."""
