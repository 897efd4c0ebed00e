"""A student that learns a teacher's answers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.losses.distillation import distillation_loss
from resnet_jax.models import create_model
from resnet_jax.parallel import AXIS, compile_step, make_mesh, place, replicated
from resnet_jax.spec import DataSpec
from resnet_jax.tasks import Teacher, create_task

SPEC = DataSpec(
    shapes={"image": (8, 8, 3), "label": (), "index": ()},
    dtypes={"image": "uint8", "label": "int32", "index": "int32"},
    class_names=("zero", "one", "two"),
    mean=(0.5, 0.4, 0.3),
    std=(0.2, 0.3, 0.25),
    sizes={"train": 16, "test": 8},
    transforms={},
    source="made up",
)
OPTIM = {"name": "sgd", "schedule": {"name": "constant", "base": 0.1}}
SIZE = {"width": 4, "stage_sizes": (1,), "num_classes": 3}
RNG = np.random.default_rng(0)
BATCH = {
    "image": RNG.integers(0, 256, (16, 8, 8, 3)).astype(np.uint8),
    "label": RNG.integers(0, 3, 16).astype(np.int32),
    "index": np.arange(16, dtype=np.int32),
}
KEY = jax.random.key(0)
TEACHER = Teacher(create_model("resnet20", **SIZE), (0.1, 0.2, 0.3), (0.9, 0.8, 0.7))
UNITS = (np.array(TEACHER.mean, "float32"), np.array(TEACHER.std, "float32"))


@pytest.fixture(scope="module")
def frozen():
    """The teacher's weights, as a run holds them."""
    model = TEACHER.model
    return jax.jit(model.init)(jax.random.key(1), jnp.zeros((1, 8, 8, 3)))


def make(axis_name=None, teacher=TEACHER, source="somewhere", **options):
    fields = {k: options.pop(k) for k in ("temperature", "weight") if k in options}
    return create_task(
        {"name": "classification", **options},
        spec=SPEC,
        total_steps=10,
        batch_size=8,
        axis_name=axis_name,
        model={"name": "resnet20", **SIZE},
        optim=OPTIM,
        teacher={"source": source, "network": teacher, **fields},
    )


def run(task, frozen, mode="jit", steps=2):
    mesh = make_mesh(16)
    begin = jax.jit(
        lambda: dataclasses.replace(
            task.init(KEY, BATCH), frozen={"teacher": jax.tree.map(jnp.copy, frozen)}
        ),
        out_shardings=replicated(mesh),
    )
    state, batch = begin(), place(BATCH, mesh, mode)
    step = compile_step(task.train_step, mesh, mode)
    for _ in range(steps):
        state, scalars = step(state, batch, KEY)
    return jax.device_get(state), float(scalars["loss"])


def test_the_teacher_sees_the_students_mixed_images_in_its_own_units(frozen):
    task = make(mixup=1.0, cutmix=1.0)
    inputs = task.inputs(BATCH, KEY, frozen)
    stored = inputs["image"] * np.float32(SPEC.std) + np.float32(SPEC.mean)
    seen = (stored - UNITS[0]) / UNITS[1]
    expected = TEACHER.model.apply(frozen, seen)
    np.testing.assert_allclose(inputs["teacher"], expected, rtol=1e-4, atol=1e-5)
    whole = (BATCH["image"] / np.float32(255) - UNITS[0]) / UNITS[1]
    assert abs(inputs["teacher"] - TEACHER.model.apply(frozen, whole)).max() > 1e-2


@pytest.mark.parametrize(("weight", "temperature"), [(1.0, 1.0), (0.3, 4.0)])
def test_the_loss_is_the_divergence_and_what_is_left_of_the_labels(
    frozen, weight, temperature
):
    task = make(weight=weight, temperature=temperature)
    net = task.init(KEY, BATCH).nets["model"]
    inputs = task.inputs(BATCH, KEY, frozen)
    loss, _ = task.model_loss(net.params, net.stats, inputs, KEY)
    variables = {"params": net.params, **net.stats}
    logits, _ = task.model.apply(
        variables, inputs["image"], train=True, mutable=["batch_stats"]
    )
    soft = distillation_loss(logits, inputs["teacher"], temperature)
    hard = task.loss(logits, inputs["target"])
    expected = weight * soft + (1 - weight) * hard
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_a_student_comes_closer_and_the_teacher_stays(frozen):
    state, last = run(make(), frozen, steps=8)
    assert last < run(make(), frozen, steps=1)[1]
    for a, b in zip(
        jax.tree.leaves(state.frozen["teacher"]), jax.tree.leaves(frozen), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_pmap_equals_jit(frozen):
    options = {"mixup": 0.4, "cutmix": 1.0, "mix_per": "example", "microbatches": 1}
    jit, loss = run(make(weight=0.5, **options), frozen)
    pmap, same = run(make(AXIS, weight=0.5, **options), frozen, "pmap")
    assert loss == pytest.approx(same, rel=1e-5)
    for a, b in zip(jax.tree.leaves(jit), jax.tree.leaves(pmap), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_without_its_teacher_a_student_predicts_and_does_not_train():
    task = make(teacher=None)
    state = task.init(KEY, BATCH)
    assert task.predict(state, BATCH)["logits"].shape == (16, 3)
    with pytest.raises(ValueError, match="teacher 'somewhere' is not loaded"):
        task.train_step(state, BATCH, KEY)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": create_model("resnet20")}, "tells 10 classes apart and the stud"),
        ({"mean": (0.1,), "std": (0.9,)}, "takes 1 channels and the images have 3"),
    ],
)
def test_a_teacher_of_something_else_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(teacher=dataclasses.replace(TEACHER, **changes))
