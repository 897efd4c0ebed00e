"""Folders of images without labels."""

import numpy as np
import pytest
from PIL import Image

from resnet_jax.data.flat import content_digest, list_images, read_batches


@pytest.fixture
def images(tmp_path):
    for i in range(5):
        folder = tmp_path / ("sub" if i % 2 else "")
        folder.mkdir(exist_ok=True)
        Image.fromarray(np.full((3, 4, 3), i, np.uint8)).save(folder / f"{i}.png")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image")
    return tmp_path


def test_every_image_once_in_order(images):
    files = list_images(images)
    assert [file.name for file in files] == [
        "0.png",
        "2.png",
        "4.png",
        "1.png",
        "3.png",
    ]
    batches = list(read_batches(files, 3, 2))
    assert [batch.shape for batch in batches] == [(2, 3, 4, 3)] * 2 + [(1, 3, 4, 3)]
    assert [int(image.mean()) for b in batches for image in b] == [0, 2, 4, 1, 3]
    assert next(read_batches(files, 1, 2)).shape == (2, 3, 4, 1)


def test_the_digest_is_of_the_content(images):
    before = content_digest(list_images(images))
    (images / "0.png").rename(images / "00.png")
    assert content_digest(list_images(images)) == before
    Image.fromarray(np.full((3, 4, 3), 9, np.uint8)).save(images / "2.png")
    assert content_digest(list_images(images)) != before


def test_16_bits_become_8(images):
    Image.fromarray(np.full((3, 4), 0x1234, np.uint16)).save(images / "0.png")
    (batch,) = read_batches([images / "0.png"], 1, 2)
    assert batch.dtype == np.uint8 and (batch == 0x12).all()


def test_mistakes(images):
    with pytest.raises(ValueError, match="there is no folder"):
        list_images(images / "no")
    (images / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no \.png"):
        list_images(images / "empty")
    Image.fromarray(np.zeros((5, 4, 3), np.uint8)).save(images / "large.png")
    with pytest.raises(ValueError, match=r"large.png' has 5 x 4 and .*0.png' 3 x 4"):
        list(read_batches(list_images(images), 3, 9))
