"""What every mistake on the command line is held to."""

import pathlib
import shlex

from resnet_jax.main import main


def contents(folder: pathlib.Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below a folder."""
    files = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in files.items()}


def one_sentence(stderr: str, says: tuple[str, ...]) -> None:
    assert stderr.startswith("error: ") and stderr.count("\n") == 1, stderr
    assert stderr.strip()[-1] in ".?)]", stderr
    for words in says:
        assert words in stderr


def gets_one_sentence_and_costs_nothing(mistake, place, capsys) -> None:
    """A line typed in the folder `place`, and words that its answer must hold."""
    line, *says = mistake
    before = contents(place)
    assert main(shlex.split(line)) == 2
    output = capsys.readouterr()
    one_sentence(output.err, tuple(says))
    assert output.out == ""
    assert contents(place) == before
    assert not (place / "runs").exists() and not (place / "out").exists()
