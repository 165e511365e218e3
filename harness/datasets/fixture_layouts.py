"""The official layouts, written small: one function a data set."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count, islice

from ..media.item import Split
from .fixture import Maker
from .layouts.faceforensics import DFD, METHODS
from .layouts.fakeavceleb import CATEGORIES
from .layouts.ours import CARVED, SHARES, our_split

FF_PAIRS: Mapping[str, Sequence[Sequence[str]]] = {
    "train": [["000", "003"], ["071", "054"]],
    "val": [["720", "672"]],
    "test": [["001", "870"]],
}


def faceforensics(maker: Maker) -> None:
    """Write eight sequences, six manipulations, c23."""
    ids = [one for pairs in FF_PAIRS.values() for pair in pairs for one in pair]
    for name, pairs in FF_PAIRS.items():
        maker.json(f"{name}.json", pairs)
        for pair in pairs:
            for target, source in (pair, reversed(pair)):
                person, other = ids.index(target), ids.index(source)
                maker.clip(f"original_sequences/youtube/c23/videos/{target}.mp4", person)
                for group, folder in METHODS.items():
                    if group != DFD:
                        stem = f"manipulated_sequences/{folder}/c23/videos/{target}_{source}"
                        maker.clip(f"{stem}.mp4", person, other)
    for actor in (1, 2):
        maker.clip(f"original_sequences/actors/c23/videos/{actor:02d}__talking_against_wall.mp4", 8 + actor)
        stem = f"{actor:02d}_{3 - actor:02d}__talking_against_wall__{'AB'[actor - 1]}R5OVD4S"
        maker.clip(f"manipulated_sequences/DeepFakeDetection/c23/videos/{stem}.mp4", 8 + actor, 11 - actor)


def people_of(dataset: str, split: Split, number: int, pattern: str, shares: Mapping[Split, float]) -> list[str]:
    """Return the first `number` names of a pattern that our split puts there."""
    names = (pattern.format(k) for k in count(2))
    return list(islice((name for name in names if our_split(dataset, [name], shares) is split), number))


def _celebdf(name: str, maker: Maker) -> None:
    listed = ["1 YouTube-real/00170.mp4", "1 Celeb-real/id1_0007.mp4", "1 Celeb-real/id0_0003.mp4"]
    listed += ["0 Celeb-synthesis/id1_id0_0007.mp4", "0 Celeb-synthesis/id0_id1_0003.mp4"]
    maker.text("List_of_testing_videos.txt", "\n".join(listed))
    pairs = [("id0", "id1", "0003"), ("id1", "id0", "0007")]
    for split, number in ((Split.TRAIN, 4), (Split.VALIDATION, 2)):
        people = people_of(name, split, number, "id{}", CARVED)
        pairs += [(a, b, "0000") for a, b in zip(people, [*people[1:], people[0]], strict=True)]
    known = sorted({target for target, _, _ in pairs})
    for target, source, record in pairs:
        person, other = known.index(target), known.index(source)
        maker.clip(f"Celeb-real/{target}_{record}.mp4", person)
        maker.clip(f"Celeb-synthesis/{target}_{source}_{record}.mp4", person, other)
    for number in (0, 170):
        maker.clip(f"YouTube-real/{number:05d}.mp4", 8 + number % 7)


def dfdc(maker: Maker) -> None:
    """Write two train parts, validation and test; one original lies in another part."""
    parts: list[dict[str, tuple[int, str | None]]] = [
        {"aaqaifqrwn": (0, None), "awnfpubqmo": (0, "aaqaifqrwn"), "abofeumbvv": (0, "aaqaifqrwn")},
        {"bbqaifqrwn": (1, None), "bwnfpubqmo": (1, "bbqaifqrwn"), "bbofeumbvv": (0, "aaqaifqrwn")},
    ]
    for number, part in enumerate(parts):
        folder = f"train/dfdc_train_part_{number}"
        table = {}
        for stem, (person, original) in part.items():
            maker.clip(f"{folder}/{stem}.mp4", person, 2 if original else None, voice=person)
            entry = {"label": "FAKE" if original else "REAL", "split": "train"}
            table[f"{stem}.mp4"] = entry | ({"original": f"{original}.mp4"} if original else {})
        maker.json(f"{folder}/metadata.json", table)
    for folder, letter, person in (("validation", "v", 3), ("test", "t", 5)):
        rows = ["filename,label"]
        for number in range(4):
            fake = number % 2
            stem = f"{letter}{'abcd'[number]}ofeumbvv"
            maker.clip(f"{folder}/{stem}.mp4", person + number // 2, 2 if fake else None, voice=person)
            rows.append(f"{stem}.mp4,{fake}")
        maker.text(f"{folder}/labels.csv", "\n".join(rows) + "\n")


def dfdc_preview(maker: Maker) -> None:
    """Write reals and both methods, train and test."""
    train = people_of("dfdc-preview", Split.TRAIN, 2, "1{:05d}", CARVED)
    validation = people_of("dfdc-preview", Split.VALIDATION, 2, "1{:05d}", CARVED)
    table: dict[str, dict[str, object]] = {}
    for place, (people, subset) in enumerate(((train, "train"), (validation, "train"), (["643049", "805259"], "test"))):
        for turn, (target, swapped) in enumerate((people, reversed(people))):
            person, other = 2 * place + turn, 2 * place + 1 - turn
            common = {"set": subset, "augmentations": [], "target_id": int(target)}
            real = f"original_videos/{target}/{target}_A_001.mp4"
            maker.clip(real, person, voice=person)
            table[real] = {"label": "real", **common, "swapped_id": None}
            for letter in "AB":
                fake = f"method_{letter}/{target}/{target}_A/{swapped}_{target}_A_001.mp4"
                maker.clip(fake, person, other, voice=person)
                table[fake] = {"label": "fake", **common, "swapped_id": int(swapped)}
    maker.json("dataset.json", table)


def voxceleb1(maker: Maker) -> None:
    """Write speakers of dev and test, a table with tabs, and trials."""
    dev = people_of("voxceleb1", Split.TRAIN, 3, "id1{:04d}", CARVED)
    dev += people_of("voxceleb1", Split.VALIDATION, 2, "id1{:04d}", CARVED)
    rows = ["VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet"]
    videos = ("1zcIwhmdeo4", "x6uYqmx31kE")
    people = [(one, "dev") for one in dev] + [("id10270", "test"), ("id10271", "test")]
    for person, (speaker, subset) in enumerate(people):
        rows.append(f"{speaker}\tSome_Name{person}\t{'mf'[person % 2]}\tIreland\t{subset}")
        for video in videos:
            maker.sound(f"{subset}/wav/{speaker}/{video}/00001.wav", person)
    maker.text("vox1_meta.csv", "\n".join(rows) + "\n")
    same = f"1 id10270/{videos[0]}/00001.wav id10270/{videos[1]}/00001.wav"
    maker.text("veri_test.txt", f"{same}\n0 id10270/{videos[0]}/00001.wav id10271/{videos[0]}/00001.wav\n")


def voxceleb2(maker: Maker) -> None:
    """Write talking clips and a table with a BOM and ` ,` between its cells."""
    dev = people_of("voxceleb2", Split.TRAIN, 3, "id{:05d}", CARVED)
    dev += people_of("voxceleb2", Split.VALIDATION, 2, "id{:05d}", CARVED)
    rows = ["\ufeffVoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set "]
    people = [(one, "dev") for one in dev] + [("id09017", "test"), ("id09018", "test")]
    for person, (speaker, subset) in enumerate(people):
        rows.append(f"{speaker} ,n{person:06d} ,{'mf'[person % 2]} ,{subset}")
        for video in ("21Uxsk56VDQ", "_raOc3-IRsw"):
            maker.clip(f"{subset}/mp4/{speaker}/{video}/00001.mp4", person, voice=person)
    maker.text("vox2_meta.csv", "\n".join(rows) + "\n")


def lrs2(maker: Maker) -> None:
    """Write main and pretrain; test.txt has a second column."""
    lists = {"train": ["5535415699068794046", "5535423430009926848"], "val": ["5535496873950688380"]}
    lists |= {"test": ["6330311066473698535"], "pretrain": ["5535415699068794046"]}
    for person, (name, programmes) in enumerate(lists.items()):
        lines = []
        folder = "pretrain" if name == "pretrain" else "main"
        for programme in programmes:
            for clip in ("00001", "00011"):
                stem = f"mvlrs_v1/{folder}/{programme}/{clip}"
                maker.clip(f"{stem}.mp4", person, voice=person)
                maker.text(f"{stem}.txt", "Text:  GOOD MORNING\nConf:  5\n")
                lines.append(f"{programme}/{clip}" + (" NF" if name == "test" else ""))
        maker.text(f"{name}.txt", "\n".join(lines) + "\n")


def lrs3(maker: Maker) -> None:
    """Write the three folders; the talks of trainval are in both of our splits."""
    talks = people_of("lrs3", Split.TRAIN, 2, "abcdefgh{:03d}", CARVED)
    talks += people_of("lrs3", Split.VALIDATION, 1, "abcdefgh{:03d}", CARVED)
    for person, (folder, talk) in enumerate(
        [("pretrain", talks[0]), *(("trainval", t) for t in talks), ("test", "0Fi83BHQsMA")]
    ):
        for clip in ("00001", "00002"):
            maker.clip(f"{folder}/{talk}/{clip}.mp4", person, voice=person)
            maker.text(f"{folder}/{talk}/{clip}.txt", f"Text:  GOOD MORNING\nConf:  5\nRef:  {talk}\n")


def fakeavceleb(maker: Maker) -> None:
    """Write the four classes of two people of each of our splits, and the table with its empty header cell."""
    rows = ["source,target1,target2,method,category,type,race,gender,path,"]
    folders = ("RealVideo-RealAudio", "RealVideo-FakeAudio", "FakeVideo-RealAudio", "FakeVideo-FakeAudio")
    methods = ("real", "rtvc", "faceswap", "wav2lip")
    for place, split in enumerate(SHARES):
        people = people_of("fakeavceleb", split, 2, "id{:05d}", SHARES)
        for turn, (source, target) in enumerate((people, reversed(people))):
            person, other = 2 * place + turn, 2 * place + 1 - turn
            for folder, method in zip(folders, methods, strict=True):
                swaps = method in {"faceswap", "wav2lip"}
                stem = f"00109_{target}_{method.replace('wav2lip', 'wavtolip')}" if swaps else "00109"
                where = f"{folder}/African/men/{source}"
                voice = other + 10 if folder.endswith("FakeAudio") else person
                face = other if folder.startswith("FakeVideo") else None
                maker.clip(f"FakeAVCeleb/{where}/{stem}.mp4", person, face, voice=voice)
                cells = [source, target if swaps else "-", "-", method, CATEGORIES[folder.lower()], folder]
                rows.append(",".join([*cells, "African", "men", f"{stem}.mp4", f"FakeAVCeleb/{where}"]))
    maker.text("FakeAVCeleb/meta_data.csv", "\n".join(rows) + "\n")


def deepfakebench(maker: Maker) -> None:
    """Write a list with a compression level and one without; its paths are somebody else's, with backslashes."""
    forensics: dict[str, dict[str, object]] = {"FF-real": {}, "FF-DF": {}}
    ids = [one for pairs in FF_PAIRS.values() for pair in pairs for one in pair]
    for split, pairs in FF_PAIRS.items():
        real, fake = {}, {}
        for pair in pairs:
            for target, source in (pair, reversed(pair)):
                person, other = ids.index(target), ids.index(source)
                top = "FaceForensics++/original_sequences/youtube/c23/frames"
                real[target] = _frames(maker, f"{top}/{target}", "FF-real", person)
                top = "FaceForensics++/manipulated_sequences/Deepfakes/c23/frames"
                fake[f"{target}_{source}"] = _frames(maker, f"{top}/{target}_{source}", "FF-DF", person, other)
        forensics["FF-real"][split], forensics["FF-DF"][split] = {"c23": real}, {"c23": fake}
    maker.json("dataset_json/FaceForensics++.json", {"FaceForensics++": forensics})
    celeb = _frames(maker, "Celeb-DF-v2/Celeb-real/frames/id1_0007", "CelebDFv2_real", 8)
    swapped = _frames(maker, "Celeb-DF-v2/Celeb-synthesis/frames/id1_id0_0007", "CelebDFv2_fake", 8, 9)
    table = {"CelebDFv2_real": {"test": {"id1_0007": celeb}}, "CelebDFv2_fake": {"test": {"id1_id0_0007": swapped}}}
    maker.json("dataset_json/Celeb-DF-v2.json", {"Celeb-DF-v2": table})


def _frames(maker: Maker, folder: str, label: str, person: int, source: int | None = None) -> dict[str, object]:
    names = [f"{number:03d}.png" for number in (0, 40)]
    for name in names:
        maker.picture(f"rgb/{folder}/{name}", person, source)
    prefix = "D:\\deepfakes\\" + folder.replace("/", "\\")
    return {"label": label, "frames": [f"{prefix}\\{name}" for name in names]}


def folder(maker: Maker) -> None:
    """Write pictures of six people."""
    for person in range(6):
        for number in range(3):
            maker.picture(f"person {person}/{number}.png", person)


def huggingface(maker: Maker) -> None:
    """Write what `save_to_disk` does, of pictures that lie beside it, and one split as Parquet."""
    maker.json("fauxbench-labels.json", {"label": "label", "fake": ["fake"], "real": ["real"], "person": "who"})
    maker.json("dataset_dict.json", {"splits": ["train", "validation"]})
    for place, split in enumerate(("train", "validation", "test")):
        rows = []
        for person in (2 * place, 2 * place + 1):
            for fake in (0, 1):
                path = f"images/{split}/{person}-{fake}.png"
                maker.picture(path, person, person + 1 if fake else None)
                rows.append((path, fake, f"person {person}"))
        if split == "test":
            maker.rows("data/test-00000-of-00001.parquet", rows)
            continue
        maker.rows(f"{split}/data-00000-of-00001.arrow", rows)
        maker.json(f"{split}/state.json", {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": split})
        maker.json(f"{split}/dataset_info.json", {"features": {"image": {"_type": "Image"}}})


LAYOUTS: Mapping[str, Callable[[Maker], None]] = {
    "faceforensics": faceforensics,
    "celebdf-v1": lambda maker: _celebdf("celebdf-v1", maker),
    "celebdf-v2": lambda maker: _celebdf("celebdf-v2", maker),
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
"""Data set -> what writes its fixture."""
