import pytest

from resnet_jax.spec import DataSpec


def spec(**shapes):
    return DataSpec(
        shapes=shapes,
        dtypes=dict.fromkeys(shapes, "uint8"),
        class_names=(),
        mean=(0.5,),
        std=(0.5,),
        sizes={"train": 8},
        transforms={},
        source="photographs",
    )


@pytest.mark.parametrize(
    "given, needed, message",
    [
        ("image", "ab", "the data gives image and the task needs a, b; choose another"),
        ("ab", ("image",), "the data gives a, b and the task needs image; choose"),
        (
            "a",
            "ab",
            "the data gives a and the task needs b; choose another data",
        ),
    ],
)
def test_what_a_task_needs_and_the_data_lacks(given, needed, message):
    keys = (given,) if given == "image" else given
    with pytest.raises(ValueError, match=message):
        spec(**{key: (8, 8, 1) for key in keys}).require(needed)
    spec(a=(8, 8, 1), b=(8, 8, 1), image=(8, 8, 1)).require(needed)
