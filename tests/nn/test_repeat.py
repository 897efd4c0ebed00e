"""Looped blocks compute what separate ones do, and their weights go both ways."""

import jax
import numpy as np
import pytest
from tiny import close_trees  # noqa: F401

