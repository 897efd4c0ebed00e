"""Class folders find the outputs of a network."""

import pytest

from resnet_jax.data.view import match_classes

WORDNET = ("n01440764", "n01443537")


@pytest.mark.parametrize(
    ("folders", "names", "named", "outputs"),
    [
        (("cat", "dog"), ("dog", "ant", "cat"), True, (2, 0)),
        (("3", "7"), tuple("0123456789"), False, (3, 7)),
        (("ant", "bee"), ("0", "1"), False, (0, 1)),
        (WORDNET, ("tench", "goldfish"), True, (0, 1)),
        (WORDNET, ("0", "1"), False, (0, 1)),
        (WORDNET[1:], WORDNET, True, (1,)),
    ],
)
def test_matches(folders, names, named, outputs):
    assert match_classes(folders, names, named, "x")[0] == outputs


@pytest.mark.parametrize(
    ("folders", "names", "named"),
    [
        (("ant", "cow"), ("ant", "bee"), True),
        (("ant", "bee"), ("0", "1", "2"), False),
        (WORDNET, ("0", "1", "2"), False),
        (("n0144076", "n01443537"), ("tench", "goldfish"), True),
    ],
)
def test_what_does_not_fit_is_refused(folders, names, named):
    with pytest.raises(ValueError, match=r"'w' has \d classes .* give --classes=FILE"):
        match_classes(folders, names, named, "'w'")
