"""Folders as people have them: what is read, what is refused, and that the rest is said."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data.config import DataConfig
from bench.data.facts import Facts
from bench.data.loading import load, preview
from bench.data.own import files
from bench.data.splits import EvaluationData
from bench.errors import DataError

CPU = torch.device("cpu")
Layout = Callable[..., Path]


def read(folder: Path, **options: object) -> EvaluationData:
    return load(DataConfig(name="pets", folder=str(folder), **options), None, CPU)  # type: ignore[arg-type]


def facts(folder: Path, **options: object) -> Facts:
    found = read(folder, **options).facts
    assert found is not None
    return found


def fails(folder: Path, pattern: str, **options: object) -> None:
    with pytest.raises(DataError, match=pattern) as caught:
        read(folder, **options)
    assert "\n" not in str(caught.value)


def test_a_clean_folder_has_nothing_to_say_and_the_digest_that_it_always_had(
    image_folder: Layout,
) -> None:
    folder = image_folder()
    data = read(folder)
    assert data.facts == Facts(
        classes=2,
        images={"training": 32, "validation": 8, "test": 20},
        smallest={"training": 16, "validation": 4, "test": 10},
        largest={"training": 16, "validation": 4, "test": 10},
        shape=(3, 8, 8),
        values={"training": (0, 199), "test": (200, 255)},
        duplicates={"training-validation": 0, "training-test": 0, "validation-test": 0},
    )
    by_path = load(DataConfig(name=f"image-folder:{folder}"), None, CPU).search.digest
    assert data.search.digest == by_path
    assert by_path == "0e6de17bb971fc05ce698b94588d46edab79d6262c6666302c547fab55f2ad6d"
    assert data.facts.describe("pets") == (
        "data pets: 2 classes of 3x8x8; 32 training (16 per class), 8 validation (4 per class),"
        " 20 test (10 per class); values 0 to 199 in training, 200 to 255 in test; duplicates"
        " between parts: none"
    )


def add_checkpoints(folder: Path) -> None:
    hidden = folder / "train/cat/.ipynb_checkpoints"
    hidden.mkdir()
    for path in sorted((folder / "train/cat").glob("*.png")):
        shutil.copy(path, hidden / f"{path.stem}-checkpoint.png")


def add_system_files(folder: Path) -> None:
    for place in ("train/cat/.DS_Store", "train/.DS_Store", ".DS_Store", "test/dog/._000.png"):
        (folder / place).write_bytes(b"x")
    for place in ("train/dog/@eaDir", "train/__MACOSX"):
        (folder / place).mkdir()
        shutil.copy(folder / "train/dog/000.png", folder / place / "thumb.jpg")


def add_hidden_class(folder: Path) -> None:
    shutil.copytree(folder / "train/cat", folder / "train/.ipynb_checkpoints")


def add_other_files(folder: Path) -> None:
    for place in ("train/cat/Thumbs.db", "train/dog/labels.csv", "test/cat/README"):
        (folder / place).write_bytes(b"x")


def add_strays(folder: Path) -> None:
    for place in ("train/000.png", "test/notes.txt", "cover.png"):
        (folder / place).write_bytes(b"x")


def link_to_itself(folder: Path) -> None:
    (folder / "train/cat/again").symlink_to(".")


def link_to_a_parent(folder: Path) -> None:
    (folder / "train/cat/up").symlink_to("..")
    (folder / "test/cat/top").symlink_to(folder)


def link_in_a_circle(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / "train/cat/out").symlink_to(outside)
    (folder / "train/cat/out_again").symlink_to(outside)
    (outside / "back").symlink_to(folder / "train/cat")


@pytest.mark.parametrize(
    ("change", "ignored"),
    [
        (add_checkpoints, {"hidden": 20}),
        (add_system_files, {"hidden": 6}),
        (add_hidden_class, {"hidden": 20}),
        (
            add_other_files,
            {"with suffix .csv": 1, "with suffix .db": 1, "without suffix": 1},
        ),
        (add_strays, {"outside of the class folders": 3}),
        (link_to_itself, {"links to a folder that is read already": 1}),
        (link_to_a_parent, {"links to a folder that is read already": 2}),
        (link_in_a_circle, {"links to a folder that is read already": 2}),
    ],
)
def test_what_is_no_image_of_a_class_is_not_read_but_counted(
    change: Callable[[Path], None], ignored: dict[str, int], image_folder: Layout
) -> None:
    folder = image_folder()
    before = read(folder)
    change(folder)
    after = read(folder)
    assert after.search.digest == before.search.digest
    assert after.facts is not None and after.facts.ignored == ignored
    for reason, count in ignored.items():
        assert f"{reason} {count}" in after.facts.describe("pets")
    assert preview(DataConfig(name="pets", folder=str(folder)), None).ignored == ignored


def test_folders_within_a_class_and_links_to_images_elsewhere_are_read(
    image_folder: Layout,
) -> None:
    folder = image_folder()
    before = read(folder)
    elsewhere = folder.parent / "elsewhere"
    shutil.move(folder / "train/cat", elsewhere)
    (folder / "train/cat").symlink_to(elsewhere)
    moved = folder / "test/dog/deeper"
    moved.mkdir()
    shutil.move(folder / "test/dog/009.png", moved / "009.png")
    image = folder / "test/cat/000.png"
    image.rename(folder.parent / "cat0.png")
    image.symlink_to(folder.parent / "cat0.png")
    assert read(folder).search.digest == before.search.digest


@pytest.mark.parametrize("suffix", [".jfif", ".JPG", ".jpe", ".Jpeg"])
def test_every_suffix_of_jpeg_is_read(suffix: str, image_folder: Layout) -> None:
    folder = image_folder()
    path = folder / "train/cat/000.png"
    Image.open(path).save(path.with_suffix(".jpg"))
    path.unlink()
    before = read(folder)
    path.with_suffix(".jpg").rename(path.with_suffix(suffix))
    after = read(folder)
    assert after.search.digest == before.search.digest
    assert after.facts is not None and not after.facts.ignored


@pytest.mark.parametrize("suffix", [".webp", ".tif", ".TIFF", ".bmp", ".ppm", ".gif", ".jp2"])
def test_lossless_formats_are_read(suffix: str, image_folder: Layout) -> None:
    folder = image_folder(mode="L")
    before = read(folder)
    for path in folder.glob("train/dog/*.png"):
        options = {"lossless": True} if suffix == ".webp" else {}
        Image.open(path).save(path.with_suffix(suffix), **options)
        path.unlink()
    after = read(folder)
    assert after.facts is not None and after.facts.images["training"] == 32
    channel = after.search.train.pool.images[:, :1]
    assert torch.equal(channel, before.search.train.pool.images)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_images_are_turned_upright(
    orientation: int, stored: Image.Transpose, suffix: str, image_folder: Layout
) -> None:
    """`stored` is how a camera stores an upright picture under that orientation."""
    folder = image_folder(size=(8, 6))
    before = read(folder)
    for path in folder.glob("test/*/*.png"):
        picture = Image.open(path).transpose(stored)
        path.unlink()
        options = {"lossless": True} if suffix == ".webp" else {}
        picture.save(path.with_suffix(suffix), exif=exif(orientation), **options)
    after = read(folder)
    assert torch.equal(after.test.pool.images, before.test.pool.images)
    assert after.facts is not None
    assert after.facts.changed == {"turned by their EXIF orientation": 20}


def test_damaged_exif_does_not_hinder(image_folder: Layout) -> None:
    folder = image_folder()
    path = folder / "test/cat/000.png"
    before = read(folder).test.pool.images
    Image.open(path).save(path, exif=b"Exif\x00\x00nonsense")
    assert torch.equal(read(folder).test.pool.images, before)


def test_what_is_done_to_pixels_is_said(image_folder: Layout) -> None:
    folder = image_folder()
    Image.new("RGBA", (8, 8), (1, 2, 3, 0)).save(folder / "test/cat/000.png")
    Image.new("RGBA", (8, 8), (1, 2, 4, 255)).save(folder / "test/cat/001.png")
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 250, 0, 0])
    palette.save(folder / "test/cat/002.png", transparency=1)
    frames = [Image.new("L", (8, 8), level) for level in (210, 220)]
    frames[0].save(folder / "test/dog/zzz.gif", save_all=True, append_images=frames[1:])
    Image.new("I;16", (8, 8), 0xD204).save(folder / "test/dog/000.png")
    data = read(folder)
    assert data.facts is not None
    assert data.facts.changed == {
        "transparent (that is ignored)": 2,
        "of several frames (the first is read)": 1,
        "of 16 bits (the upper 8 are read)": 1,
    }
    assert "images transparent (that is ignored): 2" in data.facts.describe("pets")
    images = data.test.pool.images
    assert [images[n, 0, 0, 0].item() for n in (0, 1, 2, 10, 20)] == [1, 1, 250, 0xD2, 210]


def test_classes_of_one_name_in_two_unicode_forms(image_folder: Layout) -> None:
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    folder = image_folder(classes=("a", composed))
    before = read(folder)
    (folder / "test" / composed).rename(folder / "test" / decomposed)
    after = read(folder)
    assert after.search.class_names == ("a", composed)
    assert after.search.digest == before.search.digest
    shutil.copytree(folder / "train" / composed, folder / "train" / decomposed)
    fails(folder, "have the same name in two Unicode forms")


def test_a_class_name_that_is_no_utf_8_is_refused(image_folder: Layout) -> None:
    folder = image_folder()
    (folder / "train/dog").rename(os.fsdecode(os.fsencode(folder / "train") + b"/d\xf6g"))
    fails(folder, r"the name of .*d\\xf6g is not UTF-8: rename it")


@pytest.mark.parametrize(
    ("name", "shown"), [(b"\xf6.png", r"\xf6.png"), (b"a\nb.png", r"a\nb.png")]
)
def test_a_damaged_file_of_an_odd_name_is_named(
    name: bytes, shown: str, image_folder: Layout
) -> None:
    folder = image_folder()
    (folder / "train/dog" / os.fsdecode(name)).write_bytes(b"")
    fails(folder, re.escape(f"dog/{shown} is not a usable image"))


def test_classes_that_differ_by_case(image_folder: Layout) -> None:
    folder = image_folder(classes=("Cat", "cat", "dog"))
    found = facts(folder)
    assert found.classes == 3 and found.notes == ("classes that differ by case alone: Cat, cat",)
    shutil.rmtree(folder / "train/Cat")
    shutil.rmtree(folder / "test/cat")
    fails(folder, "class .*test/Cat has no folder in train/; did you mean cat?")


def test_a_link_to_nothing_and_a_special_file(image_folder: Layout) -> None:
    folder = image_folder()
    os.mkfifo(folder / "train/cat/pipe.png")
    assert facts(folder).ignored == {"that are no regular files": 1}
    (folder / "train/cat/gone.png").symlink_to(folder / "nowhere.png")
    fails(folder, "train/cat/gone.png is a link to nothing")


@pytest.mark.parametrize("place", ["bird", "train/bird", "train/cat/more", "train/cat/gone.png"])
def test_a_link_that_leads_nowhere_is_refused_as_it_may_be_to_a_class(
    place: str, image_folder: Layout
) -> None:
    folder = image_folder()
    (folder / place).symlink_to(folder / "unmounted")
    fails(folder, f"{place} is a link to nothing")
    (folder / place).unlink()
    (folder / place).symlink_to(Path(place).name)
    fails(folder, f"link .*{place} cannot be followed: Too many levels of symbolic links")


def test_a_file_in_place_of_a_folder_is_named_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pets").touch()
    found = files.resolve("x", "pets", tmp_path / "root", os.path.isdir)
    with pytest.raises(DataError, match=r"pets cannot be read: Not a directory"):
        files.scan("pets", found, Counter())
    (tmp_path / "root/pets").mkdir(parents=True)
    assert files.resolve("x", "pets", tmp_path / "root", os.path.isdir) == tmp_path / "root/pets"


def test_a_folder_that_may_not_be_read_is_named(
    image_folder: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = image_folder()
    closed = folder / "train/cat/closed"
    closed.mkdir(mode=0)
    if os.geteuid() == 0:  # whom permissions do not hinder
        allowed = os.scandir

        def scandir(path: Path) -> object:
            if Path(path) == closed:
                raise PermissionError(13, "Permission denied", str(path))
            return allowed(path)

        monkeypatch.setattr(os, "scandir", scandir)
    fails(folder, "folder .*train/cat/closed cannot be read: Permission denied")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_paths_that_cannot_be(name: str, tmp_path: Path) -> None:
    fails(tmp_path / name, "cannot be read: ")


def test_a_home_of_nobody_is_a_folder_that_is_not_there() -> None:
    fails(Path("~nobody-of-this-name/images"), "there is no ~nobody-of-this-name/images here, in ")


def test_a_path_of_260_characters_is_read(image_folder: Layout, tmp_path: Path) -> None:
    deep = tmp_path / "/".join(["a-rather-long-folder-name-of-fifty-characters-or-so"] * 5)
    deep.mkdir(parents=True)
    folder = image_folder()
    digest = read(folder).search.digest
    assert read(folder.rename(deep / "images")).search.digest == digest


def test_one_class_is_refused(image_folder: Layout) -> None:
    fails(image_folder(classes=("cat",)), "train has fewer than two classes")


def test_images_of_one_value_are_refused(image_folder: Layout) -> None:
    folder = image_folder()
    for path in folder.glob("train/*/*.png"):
        Image.new("RGB", (8, 8), (7, 7, 7)).save(path)
    fails(folder, "every pixel of the training images is 7")


# -- without train/ and test/ -------------------------------------------------------------------


def test_class_folders_alone_are_split(image_folder: Layout) -> None:
    folder = image_folder(train=40) / "train"
    first, same, other = (read(folder, split_seed=seed) for seed in (0, 0, 1))
    assert first.facts is not None
    assert first.facts.images == {"training": 51, "validation": 13, "test": 16}
    assert first.facts.smallest == {"training": 25, "validation": 6, "test": 8}
    assert first.facts.notes == ("no test part: 20% of each class split off by split_seed 0",)
    assert first.search.digest == same.search.digest != other.search.digest
    parts = (first.search.train, first.search.validation, first.test)
    seen = [image.numpy().tobytes() for s in parts for image in s.pool.images[s.indices]]
    stored = [np.asarray(Image.open(p)).transpose(2, 0, 1) for p in folder.glob("*/*.png")]
    assert sorted(seen) == sorted(image.tobytes() for image in stored)
    for batch in first.search.train.sequential(16):
        assert len(batch.labels.unique()) == 2


@pytest.mark.parametrize("renamed", ["val", "Test", "testing", None])
def test_half_a_layout_is_refused(renamed: str | None, image_folder: Layout) -> None:
    folder = image_folder()
    if renamed is None:
        shutil.rmtree(folder / "test")
    else:
        (folder / "test").rename(folder / renamed)
    fails(folder, r"images has .*train/.*; there must be train/ and test/, each with")


def test_a_folder_beside_train_and_test_is_said(image_folder: Layout) -> None:
    folder = image_folder()
    shutil.copytree(folder / "test", folder / "val")
    assert facts(folder).notes == ("beside train/ and test/, not read: val/",)


# -- parts that share images, classes without images --------------------------------------------


def test_a_test_part_that_is_the_training_part_is_refused(image_folder: Layout) -> None:
    folder = image_folder(train=10)
    shutil.rmtree(folder / "test")
    shutil.copytree(folder / "train", folder / "test")
    fails(folder, "20 of 20 test images are training or validation images, too")
    shutil.rmtree(folder / "test")
    (folder / "test").symlink_to("train")
    fails(folder, "20 of 20 test images are training or validation images, too")


def test_few_duplicates_between_parts_are_said(image_folder: Layout) -> None:
    folder = image_folder()
    images = sorted(folder.glob("train/cat/*.png"))
    shutil.copy(images[0], folder / "test/cat/000.png")
    shutil.copy(images[0], folder / "test/dog/000.png")
    found = facts(folder)
    assert found.duplicates["training-test"] + found.duplicates["validation-test"] == 2
    assert found.contradictions == 1
    assert re.search(
        r"duplicates between parts: (training|validation)-test 2; images with several labels: 1",
        found.describe("pets"),
    )
    shutil.copy(images[0], folder / "test/dog/001.png")
    fails(folder, r"3 of 20 test images are training or .* \(at most 10% may be\)")


def test_copies_in_training_and_validation_are_said(image_folder: Layout) -> None:
    folder = image_folder()
    for path in sorted(folder.glob("train/cat/*.png")):
        shutil.copy(path, path.with_stem(f"{path.stem} (1)"))
    found = facts(folder)
    assert found.images["training"] == 48 and found.duplicates["training-validation"] > 0
    assert "duplicates between parts: none" not in found.describe("pets")


def test_a_class_without_test_images_is_refused(image_folder: Layout) -> None:
    folder = image_folder()
    for path in folder.glob("test/cat/*"):
        path.unlink()
    fails(folder, "test/cat has no image")
    (folder / "test/cat").rmdir()
    fails(folder, "class cat has no folder in test/")


def test_limits_that_leave_a_class_without_images_are_refused(image_folder: Layout) -> None:
    many = tuple(f"{number:02}" for number in range(24))
    folder = image_folder(classes=many, train=3, test=1)
    assert facts(folder, validation_fraction=0.4).smallest == {
        "training": 1, "validation": 1, "test": 1
    }  # fmt: skip
    fails(folder, "none of the 14 validation images of 24 classes; raise data.validation_fraction")
    fails(folder, "'00'.* none of the .* training images .*; raise data.train_limit, which is 20",
          train_limit=20)  # fmt: skip
    fails(folder, "none of the 12 test images of 24 classes; raise data.test_limit, which is 12",
          test_limit=12, validation_fraction=0.4)  # fmt: skip


def test_a_class_of_too_few_images_is_refused(image_folder: Layout) -> None:
    folder = image_folder()
    for path in sorted(folder.glob("train/cat/*"))[1:]:
        path.unlink()
    fails(folder, "class 'cat' has none of the .* training images of 2 classes; it has 1 image for")
    for count in (2, 3):
        Image.effect_noise((8, 8), 40).convert("RGB").save(folder / f"train/cat/{count}.png")
    pool = folder / "train"
    assert facts(pool).smallest == {"training": 1, "validation": 1, "test": 1}
    (pool / "cat/3.png").unlink()
    fails(pool, "class 'cat' has none of the .*; it has 2 images for all parts: add some")
