import json
from collections.abc import Callable

import pytest

from fauxbench.harness.datasets.layouts.faceforensics import official_pairs
from fauxbench.harness.datasets.layouts.reading import Contents
from fauxbench.harness.errors import InputError
from fauxbench.harness.media.item import Item, Kind, Modality, Split

Read = Callable[..., Contents]
TRAIN, VALIDATION, TEST = Split.TRAIN, Split.VALIDATION, Split.TEST


def splits(contents: Contents) -> dict[str, Split | None]:
    return {item.path: item.split for item in contents.items}


def found(contents: Contents) -> list[tuple[str, str]]:
    return [(finding.kind, finding.path) for finding in contents.findings]


def one(contents: Contents, path: str) -> Item:
    return next(item for item in contents.items if item.path == path)


FF_LISTS = {"train.json": '[["000", "003"]]', "val.json": "[]", "test.json": '[["001", "870"]]'}
FF = ("000", "003", "001", "870")


def forensics(level: str = "c23/videos", top: str = "", youtube: str = "youtube/") -> dict[str, str | None]:
    files: dict[str, str | None] = {f"{top}{name}": text for name, text in FF_LISTS.items()}
    files |= {f"{top}original_sequences/{youtube}{level}/{name}.mp4": None for name in FF}
    pairs = ("000_003", "003_000", "001_870", "870_001")
    return files | {f"{top}manipulated_sequences/Face2Face/{level}/{pair}.mp4": None for pair in pairs}


@pytest.mark.parametrize(
    "files",
    [
        forensics(),
        forensics(level="raw/videos"),
        forensics(level="c0/videos"),
        forensics(level="c40"),
        forensics(top="FaceForensics++/"),
        forensics(top="data/ff ü/"),
        forensics(youtube=""),
        {path.replace("original", "Original").replace("Face2Face", "face2face"): t for path, t in forensics().items()},
        {path.replace("train.json", "splits/train.json"): text for path, text in forensics().items()},
    ],
    ids=["c23", "raw", "c0", "no videos level", "archive root", "two above", "no youtube level", "capitals", "splits"],
)
def test_faceforensics_in_every_documented_variant(read: Read, files: dict[str, str | None]) -> None:
    contents = read("faceforensics", files)
    assert not found(contents)
    assert len(contents.items) == 8
    fake = next(item for item in contents.items if item.path.endswith("001_870.mp4"))
    assert (fake.kind, fake.visual_fake, fake.audio_fake) == (Kind.PARTIALLY_SYNTHETIC, True, False)
    assert (fake.group, fake.split, fake.facts["split_by"]) == ("face2face", TEST, "official")
    assert fake.clusters == {"identity": "001", "source_identity": "870"}
    assert [source.rpartition("/")[2] for source in fake.sources] == ["001.mp4"]
    assert fake.facts["compression"] in {"raw", "c23", "c40"}


def test_faceforensics_masks_frames_and_other_levels_are_passed_over(read: Read) -> None:
    files = forensics() | {
        "manipulated_sequences/Face2Face/masks/videos/000_003.mp4": None,
        "manipulated_sequences/Face2Face/c23/frames/000_003/000.png": None,
        "downloaded_videos/abc.mp4": None,
        **forensics(level="c40/videos"),
    }
    assert not found(read("faceforensics", files))
    assert len(read("faceforensics", files).items) == 16
    assert len(read("faceforensics", files, compression="c40").items) == 8


def test_faceforensics_manipulations_can_be_chosen(read: Read) -> None:
    files = forensics() | {"manipulated_sequences/Deepfakes/c23/videos/000_003.mp4": None}
    files |= {"original_sequences/actors/c23/videos/01__hugging.mp4": None}
    files |= {"manipulated_sequences/DeepFakeDetection/c23/videos/01_02__hugging__ABCDEFGH.mp4": None}
    contents = read("faceforensics", files, manipulations=["Deepfakes"])
    assert contents.fake_groups == ("deepfakes",)
    assert len(contents.group(None)) == 4
    contents = read("faceforensics", files, manipulations=["DeepFakeDetection"])
    assert [item.clusters["identity"] for item in contents.group(None)] == ["actor-01"]
    fake = contents.group("deepfakedetection")[0]
    assert fake.sources == ("original_sequences/actors/c23/videos/01__hugging.mp4",)
    assert fake.facts["split_by"] == "fauxbench"


def test_faceforensics_without_split_files_has_the_official_splits(read: Read) -> None:
    files: dict[str, str | None] = {f"original_sequences/youtube/c23/videos/{n:03d}.mp4": None for n in range(1000)}
    contents = read("faceforensics", files)
    assert not found(contents)
    counts = [list(splits(contents).values()).count(split) for split in Split]
    assert counts == [720, 140, 140]
    pairs = official_pairs()
    assert pairs[TEST][0] == ("953", "974")
    assert pairs[VALIDATION][0] == ("720", "672")
    assert len({person for listed in pairs.values() for pair in listed for person in pair}) == 280
    del files["original_sequences/youtube/c23/videos/999.mp4"]


def test_faceforensics_says_what_is_missing(read: Read) -> None:
    files = forensics()
    del files["manipulated_sequences/Face2Face/c23/videos/870_001.mp4"]
    del files["original_sequences/youtube/c23/videos/003.mp4"]
    contents = read("faceforensics", files)
    assert found(contents) == [
        ("missing", "manipulated_sequences/Face2Face/c23/videos/870_001.mp4"),
        ("missing", "original_sequences/youtube/c23/videos/003.mp4"),
    ]
    lost = [finding.item for finding in contents.findings]
    assert [item.split for item in lost if item] == [TEST, TRAIN]


def celeb(top: str = "", videos: str = "", youtube: str = "YouTube-real") -> dict[str, str | None]:
    listed = f"1 {youtube}/00170.mp4\n1 Celeb-real/id1_0007.mp4\n0 Celeb-synthesis/id1_id0_0007.mp4"
    names = [f"{youtube}/{videos}00170", f"Celeb-real/{videos}id1_0007", f"Celeb-synthesis/{videos}id1_id0_0007"]
    names += [f"Celeb-synthesis/{videos}id5_id6_0001", f"{youtube}/{videos}00001"]
    files: dict[str, str | None] = {f"{top}List_of_testing_videos.txt": listed}
    return files | {f"{top}{name}.mp4": None for name in names}


@pytest.mark.parametrize(
    "files",
    [celeb(), celeb(top="Celeb-DF-v2/"), celeb(videos="videos/"), celeb(youtube="Youtube-real")],
    ids=["as published", "archive root", "videos level", "capitals"],
)
def test_celebdf_in_every_documented_variant(read: Read, files: dict[str, str | None]) -> None:
    contents = read("celebdf-v2", files)
    assert not found(contents)
    tested = [item for item in contents.items if item.split is TEST]
    assert sorted(item.visual_fake for item in tested) == [False, False, True]  # in the list 1 is real
    assert {item.facts["split_by"] for item in tested} == {"official"}
    fake = next(item for item in tested if item.visual_fake)
    assert fake.clusters == {"identity": "id1", "source_identity": "id0"}
    assert [source.rpartition("/")[2] for source in fake.sources] == ["id1_0007.mp4"]
    assert all(item.split is not TEST for item in contents.items if item not in tested)


def test_celebdf_without_its_list_has_no_test_split(read: Read) -> None:
    files = celeb()
    del files["List_of_testing_videos.txt"]
    contents = read("celebdf-v2", files)
    assert found(contents) == [("missing", "List_of_testing_videos.txt")]
    assert TEST not in splits(contents).values()


def dfdc_part(number: int, stem: str) -> dict[str, str | None]:
    table = {f"{stem}a.mp4": {"label": "REAL", "split": "train"}}
    table |= {f"{stem}b.mp4": {"label": "FAKE", "split": "train", "original": f"{stem}a.mp4"}}
    folder = f"dfdc_train_part_{number}"
    return {f"{folder}/metadata.json": json.dumps(table), f"{folder}/{stem}a.mp4": None, f"{folder}/{stem}b.mp4": None}


def test_dfdc_parts_alone_are_split_by_part(read: Read) -> None:
    contents = read("dfdc", dfdc_part(0, "x") | dfdc_part(36, "y") | dfdc_part(49, "z"))
    assert not found(contents)
    assert list(splits(contents).values()) == [TRAIN, TRAIN, VALIDATION, VALIDATION, TEST, TEST]
    assert one(contents, "dfdc_train_part_36/ya.mp4").facts["split_by"] == "fauxbench"
    fake = one(contents, "dfdc_train_part_0/xb.mp4")
    assert (fake.visual_fake, fake.audio_fake, fake.facts["audio_truth"]) == (True, False, "unknown")
    assert fake.sources == ("dfdc_train_part_0/xa.mp4",)
    assert fake.cluster == one(contents, "dfdc_train_part_0/xa.mp4").cluster == "xa.mp4"


def test_dfdc_official_folders_win_over_parts(read: Read) -> None:
    files = {f"train/{path}": text for path, text in (dfdc_part(49, "z") | dfdc_part(36, "y")).items()}
    files |= {"test/labels.csv": "filename,label\nt.mp4,1\n", "test/t.mp4": None}
    contents = read("dfdc", files)
    assert one(contents, "train/dfdc_train_part_49/za.mp4").split is TRAIN
    assert one(contents, "train/dfdc_train_part_36/ya.mp4").split is VALIDATION
    assert (one(contents, "test/t.mp4").split, one(contents, "test/t.mp4").visual_fake) == (TEST, True)


@pytest.mark.parametrize("label", ['{"is_fake": 1}', '{"label": "FAKE", "original": "o.mp4"}'])
def test_dfdc_test_metadata_in_both_forms(read: Read, label: str) -> None:
    contents = read("dfdc", {"test/metadata.json": f'{{"t.mp4": {label}}}', "test/t.mp4": None})
    assert [item.visual_fake for item in contents.items] == [True]


def test_voxceleb_with_and_without_the_split_folder(read: Read) -> None:
    tail = "1zcIwhmdeo4/00001.wav"
    merged = read("voxceleb1", {f"wav/id10001/{tail}": None, f"wav/id10270/{tail}": None})
    assert splits(merged)[f"wav/id10270/{tail}"] is TEST
    assert splits(merged)[f"wav/id10001/{tail}"] in {TRAIN, VALIDATION}
    assert {item.modality for item in merged.items} == {Modality.AUDIO}


def test_voxceleb_archives_side_by_side_and_kinds_of_files(read: Read) -> None:
    tail = "21Uxsk56VDQ/00001"
    files = {f"vox2_test_aac/aac/id00017/{tail}.m4a": None, f"dev/aac/id00012/{tail}.m4a": None}
    files |= {f"vox2_test_mp4/mp4/id00017/{tail}.mp4": None}
    assert splits(read("voxceleb2", files))[f"vox2_test_aac/aac/id00017/{tail}.m4a"] is TEST
    assert [item.modality for item in read("voxceleb2", files, media="mp4").items] == [Modality.VIDEO]
    assert len(read("voxceleb2", files, media="aac").items) == 2


def test_voxceleb_before_2019_named_people(read: Read) -> None:
    meta = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\nid10270\tEartha_Kitt\tf\tUSA\ttest\n"
    contents = read("voxceleb1", {"vox1_meta.csv": meta, "wav/Eartha_Kitt/x6uYqmx31kE_0000001.wav": None})
    assert not found(contents)
    item = contents.items[0]
    assert (item.clusters["speaker"], item.split, item.facts["gender"]) == ("id10270", TEST, "f")


@pytest.mark.parametrize("where", ["", "mvlrs_v1/"])
def test_lrs2_lists_beside_or_inside(read: Read, where: str) -> None:
    files: dict[str, str | None] = {f"{where}{name}.txt": "" for name in ("train", "val")}
    files |= {f"{where}test.txt": "6330311066473698535/00011 NF", "mvlrs_v1/main/6330311066473698535/00011.mp4": None}
    files |= {"mvlrs_v1/main/6330311066473698535/00011.txt": "Text:  A"}
    contents = read("lrs2", files)
    assert not found(contents)
    assert [(item.split, item.language, "identity" in item.clusters) for item in contents.items] == [
        (TEST, "en", False)
    ]


def test_fakeavceleb_keeps_picture_and_sound_apart_with_and_without_its_table(read: Read) -> None:
    folders = ("RealVideo-RealAudio", "RealVideo-FakeAudio", "FakeVideo-RealAudio", "FakeVideo-FakeAudio")
    stems = ("00109", "00109", "00109_id00076_faceswap", "00109_id00076_wavtolip")
    files: dict[str, str | None] = {
        f"FakeAVCeleb_v1.2/FakeAVCeleb/{folder}/Asian (East)/men/id00076/{stem}.mp4": None
        for folder, stem in zip(folders, stems, strict=True)
    }
    contents = read("fakeavceleb", files)
    assert found(contents) == [("missing", "FakeAVCeleb_v1.2/FakeAVCeleb/meta_data.csv")]
    truth = {item.path.split("/")[2]: (item.visual_fake, item.audio_fake, item.group) for item in contents.items}
    assert truth == {
        "RealVideo-RealAudio": (False, False, "fakeavceleb"),
        "RealVideo-FakeAudio": (False, True, "rtvc"),
        "FakeVideo-RealAudio": (True, False, "faceswap"),
        "FakeVideo-FakeAudio": (True, True, "wav2lip"),
    }
    rows = "source,target1,target2,method,category,type,race,gender,path,\n"
    rows += "id00076,-,-,rtvc,B,RealVideo-FakeAudio,Asian (East),men,00109.mp4,"
    rows += "FakeAVCeleb/RealVideo-FakeAudio/Asian (East)/men/id00076\n"
    contents = read("fakeavceleb", {"FakeAVCeleb_v1.2/FakeAVCeleb/meta_data.csv": rows})
    assert [item.group for item in contents.items] == ["rtvc"]
    assert [kind for kind, _ in found(contents)] == ["extra"] * 3


def test_deepfakebench_frames_are_numbers_and_reals_are_shared_between_lists(read: Read) -> None:
    frames = [f"./FaceForensics++/original_sequences/youtube/c23/frames/071/{n}.png" for n in (100, 20, 3)]
    table = {"FF-real": {"test": {"c23": {"071": {"label": "FF-real", "frames": frames}}}}}
    files: dict[str, str | None] = {frame[2:]: None for frame in frames}
    files |= {"FF-DF.json": json.dumps({"FF-DF": table}), "FF-FS.json": json.dumps({"FF-FS": table})}
    contents = read("deepfakebench", files)
    assert not found(contents)
    assert len(contents.items) == 3
    middle = read("deepfakebench", files, frames_per_clip=1, list_name="FF-DF")
    assert [item.facts["frame"] for item in middle.items] == [20]
    assert middle.items[0].clusters == {"identity": "071", "clip": "071"}


def test_an_option_that_a_data_set_does_not_know_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match="'celebdf-v2' takes no compression; it takes: nothing"):
        read("celebdf-v2", celeb(), compression="c23")


def test_another_folder_is_not_taken_for_a_data_set(read: Read) -> None:
    with pytest.raises(InputError, match=r"nothing of 'faceforensics'.* Found: holiday"):
        read("faceforensics", {"holiday/1.mp4": None})


def test_groups_of_fakes_can_be_chosen_where_there_are_several(read: Read) -> None:
    files: dict[str, str | None] = {
        f"{folder}/African/men/id00076/{stem}.mp4": None
        for folder, stem in (
            ("RealVideo-RealAudio", "1"),
            ("RealVideo-FakeAudio", "1"),
            ("FakeVideo-RealAudio", "1_fsgan"),
        )
    }
    contents = read("fakeavceleb", files, manipulations=["FSGAN"])
    assert contents.fake_groups == ("fsgan",)
    assert len(contents.group(None)) == 1
