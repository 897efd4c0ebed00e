import pytest

from resnet_jax.report.text import duration, number, plain, short


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("a\rb\x00\x08\x9b1m", "ab1m"),
        ("exe\u202egnp.txt", "exegnp.txt"),
        ("bad\udcff.png", "bad\N{REPLACEMENT CHARACTER}.png"),
        ("two\nlines\tand é 漢 👩‍🔬", "two\nlines and é 漢 👩‍🔬"),
    ],
)
def test_plain(text, shown):
    assert plain(text) == shown


def test_short_is_one_line_of_bounded_length():
    assert short("a\n  b") == "a b"
    assert len(short("x" * 10_000)) == 120


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456, "0.1235"),
        (64000, "64,000"),
        (12345.6, "12,346"),
        (1e-5, "1e-05"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (1e30, "1.000e+30"),
        (1.0, "1"),
    ],
)
def test_number(value, shown):
    assert number(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (41.23, "41.2 s"),
        (185, "3 min 05 s"),
        (9600, "2 h 40 min"),
        (273600, "3 d 04 h"),
    ],
)
def test_duration(seconds, shown):
    assert duration(seconds) == shown
