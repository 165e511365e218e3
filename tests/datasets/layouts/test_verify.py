import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from fauxbench.harness.datasets.verify import verify
from fauxbench.harness.media.content import VideoMedia
from fauxbench.harness.media.encode import write_video


def test_names_are_read_quickly_and_nothing_is_opened(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    count = 20_000
    root = tmp_path / "wav"
    for speaker in range(100):
        for video in range(10):
            folder = root / f"id1{speaker:04d}" / f"v{video:010d}"
            folder.mkdir(parents=True)
            for number in range(count // 1000):
                (folder / f"{number:05d}.wav").touch()
    start = time.thread_time()
    report = verify("voxceleb1", tmp_path)
    seconds = time.thread_time() - start
    record_property("cpu seconds for 100,000 names", seconds * 100_000 / count)
    assert report.files == count
    assert {finding.kind for finding in report.findings} == {"empty"}
    assert len(report.findings) == count
    assert seconds * 100_000 / count < 10


def test_a_file_of_4_gigabytes_is_a_finding_and_the_rest_is_read(tmp_path: Path, written: Callable[..., Any]) -> None:
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(written("celebdf-v2")[0], root)
    with (root / "YouTube-real" / "00000.mp4").open("r+b") as file:
        file.truncate(0)
        file.truncate(4 << 30)
    assert not verify("celebdf-v2", root).findings
    report = verify("celebdf-v2", root, deep=True)
    assert [(f.kind, f.path) for f in report.findings] == [("unreadable", "YouTube-real/00000.mp4")]


def test_a_header_that_lies_about_the_length_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (32, 32, 3), dtype=np.uint8) for _ in range(12)]
    path = tmp_path / "p0" / "clip.mp4"
    path.parent.mkdir()
    write_video(path, VideoMedia(frames=lambda: iter(frames), fps=12.0))
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        last = min(int(packet.pos) for packet in packets[6:])
        end = max(int(packet.pos) + packet.size for packet in packets)
    data = bytearray(path.read_bytes())
    data[last:end] = bytes(end - last)  # the second half of the frames is gone, the header says twelve
    path.write_bytes(bytes(data))
    report = verify("folder", tmp_path, deep=True)
    assert [(f.kind, f.path) for f in report.findings] == [("unreadable", "p0/clip.mp4")]


def test_the_report_counts_groups_splits_and_truths(written: Callable[..., Any]) -> None:
    root, _ = written("fakeavceleb")
    record = verify("fakeavceleb", root).record()
    assert record["fake"] == {"visual": 12, "audio": 12}
    assert record["groups"]["wav2lip"] == {"train": 2, "validation": 2, "test": 2}
    assert (record["items"], record["findings"], record["schema_version"]) == (24, [], 1)
