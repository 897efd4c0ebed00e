"""What a task wants people to see after an evaluation, as plain data for the report."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Matrix:
    """A table of counts drawn as a heat map, such as a confusion matrix.

    Attributes:
        counts: [rows, columns] non-negative numbers.
        names: a name per row and column.
        rows, columns: what the rows and the columns stand for ('true', 'predicted').
    """

    counts: np.ndarray
    names: tuple[str, ...]
    rows: str
    columns: str


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Examples of an evaluation worth looking at; the loop fetches their pictures.

    Attributes:
        evaluation: the evaluation that the examples come from ('test').
        indices: int [N] example indices.
        captions: one line per picture.
    """

    evaluation: str
    indices: np.ndarray
    captions: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text and numbers, such as per-class accuracy.

    Attributes:
        columns: the headings.
        rows: one tuple per row, as long as columns.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple, ...]


@dataclasses.dataclass(frozen=True)
class Reliability:
    """How often a classifier is right, by how sure it is: bins of equal width.

    Attributes:
        examples: int per bin.
        confidence, accuracy: means per bin, in [0, 1]; NaN of an empty bin.
        note: one line, such as the calibration error.
    """

    examples: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    note: str


Figure = Matrix | Reliability | Gallery | Table
