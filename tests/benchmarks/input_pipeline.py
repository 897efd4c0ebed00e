"""Photographs to batches: this project, torchvision and Grain with Pillow, in turn.

    python tests/benchmarks/input_pipeline.py --photos=bsds500/train --torch=PYTHON

JPEG files -> random_resized_crop 224 (bilinear, antialiased) and flips -> uint8 batches
of 16, from --photos, a folder of JPEG files of about 500 x 375 pixels, and from 24 of
1500 x 1000 pixels, quality 90, that are made of the photographs in scikit-image and
scikit-learn. PYTHON is one with torch and torchvision; by default this one.

Each contestant is a process with its workers, alive for all rounds. In a round each
reads for --seconds, one after the other, and every other round in the reverse order.
The table has medians over the rounds: images per second of the clock, and per second
that the processors worked for it, in the process and its workers (Linux only).
Torchvision is v2 on uint8 tensors, decoded by its decode_jpeg or by Pillow, one thread
a process, in a DataLoader; Grain is a MapDataset whose map is written with Pillow. Of
resnet_jax all but 'turbo' antialias; that one does from a factor of two on.
"""

import argparse
import itertools
import json
import math
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

BATCH, SIZE, AHEAD = 16, 224, 2
LARGE = (1500, 1000)
CHECK = {
    "torchvision": "import torchvision.transforms.v2, torchvision.io",
    "grain": "import grain",
    "resnet_jax": "import resnet_jax.data",
    "resnet_jax[turbo]": "import resnet_jax.data, cv2, simplejpeg",
}


def ours(files, workers, decode):
    from resnet_jax.data import Data

    crop = {"size": SIZE, "decode": decode}
    section = {
        "source": {"name": "folder", "root": str(files[0].parents[2])},
        "train": {
            "split": "train",
            "transforms": {"random_resized_crop": crop, "flip": {}},
        },
    }
    return Data(section, batch_size=BATCH, seed=0, workers=workers).train(0)


class PillowCrop:
    """A file -> pixels, as one writes it with Pillow."""

    def __init__(self):
        from resnet_jax.data.transforms import build_transforms

        (self.crop,) = build_transforms({"random_resized_crop": {"size": SIZE}})

    def __call__(self, file, rng):
        import numpy as np
        from PIL import Image

        image = Image.open(file).convert("RGB")
        y, x, h, w = self.crop.box(image.height, image.width, rng.random(22))
        part = image.crop((x, y, x + w, y + h))
        part = part.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        if rng.random() < 0.5:
            part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return {"image": np.asarray(part), "label": 0}


def grain_pillow(files, workers):
    import grain
    from absl import flags

    flags.FLAGS.mark_as_parsed()
    names = grain.MapDataset.source([str(file) for file in files]).shuffle(0).repeat()
    batches = names.seed(0).random_map(PillowCrop()).batch(BATCH)
    # The threads and the batches ahead of time are those of resnet_jax.
    threads, ahead = (1, AHEAD) if workers else (4, 4)
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
    batches = batches.to_iter_dataset(options)
    if workers:
        batches = batches.mp_prefetch(
            grain.MultiprocessingOptions(
                num_workers=workers, per_worker_buffer_size=AHEAD
            )
        )
    return iter(batches)


def torchvision(files, workers, decoder):
    import torch
    from PIL import Image
    from torchvision.io import ImageReadMode, decode_jpeg, read_file
    from torchvision.transforms import v2

    torch.set_num_threads(1)
    crop = v2.Compose(
        [v2.RandomResizedCrop(SIZE, antialias=True), v2.RandomHorizontalFlip()]
    )

    class Files(torch.utils.data.Dataset):
        def __getitem__(self, index):
            file = str(files[index])
            if decoder == "decode_jpeg":
                image = decode_jpeg(read_file(file), mode=ImageReadMode.RGB)
            else:
                image = v2.functional.pil_to_tensor(Image.open(file).convert("RGB"))
            return crop(image), 0

    def numbers():
        while True:
            order = torch.randperm(len(files)).tolist()
            for i in range(0, len(order) - BATCH + 1, BATCH):
                yield order[i : i + BATCH]

    loader = torch.utils.data.DataLoader(
        Files(), batch_sampler=numbers(), num_workers=workers, prefetch_factor=None
    )
    return iter(loader)


CONTESTANTS = {  # name -> what it needs, files and workers -> batches
    "resnet_jax": ("resnet_jax", lambda f, w: ours(f, w, "scaled")),
    "resnet_jax, full": ("resnet_jax", lambda f, w: ours(f, w, "full")),
    "resnet_jax, turbo": ("resnet_jax[turbo]", lambda f, w: ours(f, w, "turbo")),
    "grain + Pillow": ("grain", grain_pillow),
    "torchvision decode_jpeg": (
        "torchvision",
        lambda f, w: torchvision(f, w, "decode_jpeg"),
    ),
    "torchvision Pillow": ("torchvision", lambda f, w: torchvision(f, w, "Pillow")),
}

TORCHVISION = ("torchvision decode_jpeg", "torchvision Pillow")


def serve(name: str, folder: str, workers: int) -> None:
    """Reads for as many seconds as each line says, and answers what came of it."""
    files = sorted(pathlib.Path(folder, "train").glob("*/*"))
    batches = CONTESTANTS[name][1](files, workers)
    answer = sys.stdout
    sys.stdout = sys.stderr
    for line in itertools.chain(["0.1"], iter(sys.stdin.readline, "")):
        for _ in range(AHEAD):  # that were made before
            next(batches)
        start, worked, images = time.perf_counter(), cpu_time(os.getpid()), 0
        while time.perf_counter() - start < float(line):
            next(batches)
            images += BATCH
        seconds = time.perf_counter() - start
        worked = cpu_time(os.getpid()) - worked
        figures = {"clock": images / seconds, "processor": images / max(worked, 1e-9)}
        print(json.dumps(figures), file=answer, flush=True)


def cpu_time(process: int) -> float:
    """Seconds that a process and its children have worked."""
    own = pathlib.Path(f"/proc/{process}")
    fields = (own / "stat").read_text().rpartition(")")[2].split()
    worked = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    for children in own.glob("task/*/children"):
        worked += sum(cpu_time(int(child)) for child in children.read_text().split())
    return worked


class Contestant:
    """A process that stands still except in its rounds."""

    def __init__(self, python, name, folder, workers):
        command = [python, __file__, "--serve", name, str(folder), str(workers)]
        self.name, self.workers = name, workers
        self.figures: dict[str, list[float]] = {"clock": [], "processor": []}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self._answer()

    def read(self, seconds: float) -> None:
        os.killpg(self.process.pid, signal.SIGCONT)
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        for key, value in self._answer().items():
            self.figures[key].append(value)

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def median(self, key: str) -> float:
        return statistics.median(self.figures[key])

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} with {self.workers} workers has ended.")
        os.killpg(self.process.pid, signal.SIGSTOP)
        return json.loads(line)


def make_small(photos: str, folder: pathlib.Path) -> None:
    target = folder / "train" / "photos"
    target.mkdir(parents=True)
    for file in sorted(pathlib.Path(photos).glob("*.jpg")):
        os.symlink(file.resolve(), target / file.name)


def make_large(folder: pathlib.Path, count: int = 24) -> None:
    """Photographs and their mirror images, side by side up to the size."""
    import numpy as np
    from PIL import Image

    from resnet_jax.data.photographs import photos

    target = folder / "train" / "photos"
    target.mkdir(parents=True)
    source = photos("train", patch=None)
    for i in range(count):
        photo = source[i % len(source)]["image"]
        photo = np.roll(photo, 37 * i, (0, 1))
        row = np.concatenate([photo, photo[:, ::-1]], 1)
        tile = np.concatenate([row, row[::-1]], 0)
        times = -(-LARGE[1] // tile.shape[0]), -(-LARGE[0] // tile.shape[1]), 1
        image = np.tile(tile, times)[: LARGE[1], : LARGE[0]]
        Image.fromarray(image).save(target / f"{i:02d}.jpg", quality=90)


def compare(title, folder, options) -> None:
    contestants: list[Contestant] = []
    try:
        for name, (needs, _) in CONTESTANTS.items():
            python = options.torch if needs == "torchvision" else sys.executable
            test = subprocess.run([python, "-c", CHECK[needs]], capture_output=True)
            if test.returncode:
                print(f"{name} is left out: {python} cannot import {needs}.")
                continue
            for workers in options.workers:
                contestants.append(Contestant(python, name, folder, workers))
        for number in range(options.rounds):
            for one in contestants[:: -1 if number % 2 else 1]:
                one.read(options.seconds)
    finally:
        for one in contestants:
            one.close()
    print(f"\n{title}: medians of {options.rounds} rounds of {options.seconds} s")
    print(f"{'':24}  workers  images/s  per processor's s  of torchvision's best")
    for one in contestants:
        best = max(
            (
                other.median("processor")
                for other in contestants
                if other.workers == one.workers and other.name in TORCHVISION
            ),
            default=math.nan,
        )
        print(
            f"{one.name:24}{one.workers:9d}{one.median('clock'):10.0f}"
            f"{one.median('processor'):19.0f}{one.median('processor') / best:23.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", help="folder of JPEG files")
    parser.add_argument("--torch", default=sys.executable)
    parser.add_argument("--workers", type=int, nargs="*", default=(0, 1, 2))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.8)
    parser.add_argument("--serve", nargs=3)
    options = parser.parse_args()
    if options.serve:
        name, folder, workers = options.serve
        return serve(name, folder, int(workers))
    with tempfile.TemporaryDirectory() as top:
        if options.photos:
            make_small(options.photos, pathlib.Path(top, "small"))
            compare(options.photos, pathlib.Path(top, "small"), options)
        else:
            print("The small photographs are left out: name their folder by --photos.")
        make_large(pathlib.Path(top, "large"))
        compare("1500 x 1000 pixels", pathlib.Path(top, "large"), options)
    return None


if __name__ == "__main__":
    main()
