"""The layers of the design: a module imports only from rows above its own."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "resnet_jax"
MAX_LINES = 400
ROWS = (
    ("lookup", "spec", "figures", "files", "scan", "bicubic", "lab", "tiles"),
    ("collectives", "scaling", "compiler", "pages"),
    ("nn", "losses", "metrics", "gradient", "averaging", "translator"),
    ("muon",),
    ("optim", "sharding"),
    ("parallel", "plan", "patience", "preemption"),
    ("config",),
    ("state",),
    ("window",),
    ("models", "augment", "degrade"),
    ("explain", "features"),
    ("tasks", "data"),
    ("checkpoint", "report"),
    ("dispatch", "evaluate", "speedrun_program"),
    ("train", "speedrun"),
    ("run",),
    ("pretrained",),  # a run is one of the places that weights come from
    ("classifier", "translators"),
    ("scorer",),
    ("weights", "helpers"),
    ("verbs",),
    ("main",),
    ("__main__",),
)
# Within a row nothing imports its neighbor; these sub-packages import inside only.
ROW_OF = {name: number for number, row in enumerate(ROWS) for name in row}
FILES = sorted(PACKAGE.rglob("*.py"))
NO_FLAX = ("losses", "metrics")


def module_of(path: pathlib.Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def part_of(module: str) -> str:
    """'resnet_jax.nn.convolution' -> 'nn'; the package itself -> ''."""
    return module.split(".")[1] if "." in module else ""


def imports(path: pathlib.Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import from the top, not relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def package_imports(path: pathlib.Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] == "resnet_jax"}


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_come_from_rows_above(path):
    here = part_of(module_of(path))
    if not here:
        return
    assert here in ROW_OF, f"give '{here}' a row in this test"
    for name in package_imports(path):
        there = part_of(name)
        if there in (here, "", "__version__"):
            continue
        assert ROW_OF[there] < ROW_OF[here], f"{here} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_files_are_short_and_public_names_documented(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    tree = ast.parse(text)
    if text.strip():
        assert ast.get_docstring(tree), f"{path} has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
            assert ast.get_docstring(node), f"{path}: {node.name} is undocumented"


def test_no_import_cycles():
    modules = {module_of(path): path for path in FILES}
    edges = {}
    for module, path in modules.items():
        names = package_imports(path)
        targets = {n if n in modules else n.rpartition(".")[0] for n in names}
        edges[module] = targets & modules.keys() - {module}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]):
        assert module not in way, " -> ".join((*way, module))
        if module not in done:
            for target in edges[module]:
                visit(target, (*way, module))
            done.add(module)

    for module in modules:
        visit(module, ())


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_forbidden_libraries(path):
    names = {name.split(".")[0] for name in imports(path)}
    assert not names & {"torch", "torchvision", "timm", "tensorflow", "matplotlib"}
    if part_of(module_of(path)) in NO_FLAX:
        assert "flax" not in names


def test_tasks_and_data_do_not_know_each_other():
    for path in FILES:
        here = part_of(module_of(path))
        others = {part_of(name) for name in package_imports(path)}
        if here in ("tasks", "data"):
            assert not others & {"tasks", "data"} - {here}


def test_the_loop_names_no_task():
    text = (PACKAGE / "train.py").read_text() + (PACKAGE / "evaluate.py").read_text()
    assert "classification" not in text.lower()


def test_importing_stays_light():
    """Data, checkpoint and report libraries load when they are used."""
    heavy = ["grain", "tensorflow_datasets", "orbax", "PIL", "jinja2", "sklearn"]
    heavy += ["skimage", "tensorflow", "torch"]
    code = (
        "import sys, resnet_jax; resnet_jax.create_model('resnet18'); "
        f"print([m for m in {heavy} "
        "if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_a_newcomer_reads_under_700_lines():
    """A config, its task, the state, the loop, a model, the blocks."""
    root = PACKAGE.parent
    path = (
        "configs/cifar10_resnet20.py",
        "resnet_jax/tasks/classification.py",
        "resnet_jax/state.py",
        "resnet_jax/train.py",
        "resnet_jax/models/resnet.py",
        "resnet_jax/nn/residual.py",
    )
    lines = {name: lines_of_code((root / name).read_text()) for name in path}
    assert sum(lines.values()) < 700, lines


def lines_of_code(text: str) -> int:
    """Without blank lines and docstrings."""
    hidden = set()
    for node in ast.walk(ast.parse(text)):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node):
            hidden |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(bool(line.strip()) and number not in hidden for number, line in lines)
