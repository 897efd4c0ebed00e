"""The classification task, on a network small enough to follow."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resnet_jax.parallel import AXIS, compile_step, make_mesh, place, replicated
from resnet_jax.spec import DataSpec
from resnet_jax.tasks import create_task
from resnet_jax.tasks.base import pixels

SPEC = DataSpec(
    shapes={"image": (8, 8, 1), "label": (), "index": ()},
    dtypes={"image": "uint8", "label": "int32", "index": "int32"},
    class_names=("zero", "one", "two"),
    mean=(0.5,),
    std=(0.25,),
    sizes={"train": 16, "test": 8},
    transforms={},
    source="made up",
)
OPTIM = {
    "name": "sgd",
    "momentum": 0.9,
    "schedule": {"name": "linear", "base": 0.1},
}
GROUP_NORM = {"name": "group", "num_groups": 2}
MODEL = {"name": "resnet20", "width": 4, "stage_sizes": (1,)}
RNG = np.random.default_rng(0)
BATCH = {
    "image": RNG.integers(0, 256, (16, 8, 8, 1)).astype(np.uint8),
    "label": RNG.integers(0, 3, 16).astype(np.int32),
    "index": np.arange(16, dtype=np.int32),
}
KEY = jax.random.key(0)


def make(axis_name=None, model=MODEL, optim=OPTIM, **section):
    return create_task(
        {"name": "classification", **section},
        spec=SPEC,
        total_steps=10,
        batch_size=8,
        axis_name=axis_name,
        model=model,
        optim=optim,
    )


def run(task, steps=2, mode="jit", key=KEY):
    mesh = make_mesh(16)
    init = jax.jit(lambda: task.init(KEY, BATCH), out_shardings=replicated(mesh))
    state, batch = init(), place(BATCH, mesh, mode)
    step = compile_step(task.train_step, mesh, mode)
    losses = []
    for _ in range(steps):
        state, scalars = step(state, batch, key)
        losses.append(float(scalars["loss"]))
    return jax.device_get(state), losses, scalars


def test_pixels_are_normalized_in_units_of_their_type():
    for dtype, peak in ((np.uint8, 255), (np.uint16, 65535)):
        found = pixels(jnp.array([[0, peak]], dtype)[..., None], (0.5,), (0.25,))
        np.testing.assert_allclose(found[0, :, 0], [-2, 2], rtol=1e-6)


def test_a_step_counts_learns_and_reports():
    state, losses, scalars = run(make(), steps=8)
    assert state.step == 8 and losses[-1] < losses[0]
    assert scalars.keys() == {"loss", "accuracy", "gradient_norm", "learning_rate"}
    assert scalars["learning_rate"] == pytest.approx(0.1 * (1 - 7 / 10))


def test_every_leaf_gets_a_gradient():
    task = make(optim={**OPTIM, "schedule": {"name": "constant", "base": 0.1}})
    before = task.init(KEY, BATCH).nets["model"]
    after = run(task, steps=1)[0].nets["model"]
    unmoved = jax.tree.map(
        lambda a, b: bool((a == b).all()), before.params, after.params
    )
    assert not any(jax.tree.leaves(unmoved))


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"mixup": 0.4, "cutmix": 1.0, "label_smoothing": 0.1, "ema_decay": 0.9},
        {
            "mixup": 0.4,
            "cutmix": 1.0,
            "mix_probability": 0.8,
            "mix_per": "example",
            "ema_decay": 0.9,
            "ema_every": 2,
            "ema_warmup": True,
            "l1": 1e-3,
            "loss": "binary_cross_entropy",
            "bce_threshold": 0.2,
        },
        # Under pmap a part is taken from each device's rows: other statistics groups.
        {"microbatches": 2, "model": {**MODEL, "norm": GROUP_NORM}},
    ],
    ids=["plain", "mixed", "mixed_each", "accumulated"],
)
def test_pmap_equals_jit(section):
    jit, pmap = run(make(**section)), run(make(AXIS, **section), mode="pmap")
    np.testing.assert_allclose(jit[1], pmap[1], rtol=1e-5)
    for a, b in zip(jax.tree.leaves(jit[0]), jax.tree.leaves(pmap[0]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_pmap_equals_jit_in_float64():
    with jax.enable_x64(True):
        model = {**MODEL, "dtype": "float64"}
        section = {"mixup": 0.4, "ema_decay": 0.9, "model": model}
        jit = run(make(**section), steps=5)
        pmap = run(make(AXIS, **section), steps=5, mode="pmap")
    assert jit[0].nets["model"].params["fc"]["kernel"].dtype == np.float64
    np.testing.assert_allclose(jit[1], pmap[1], rtol=1e-9)
    for a, b in zip(jax.tree.leaves(jit[0]), jax.tree.leaves(pmap[0]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_per_device_groups_are_the_same_in_both_modes():
    model = {**MODEL, "norm": {"name": "batch", "group_size": 8}}
    jit = run(make(model=model))
    pmap = run(make(AXIS, model=model), mode="pmap")
    np.testing.assert_allclose(jit[1], pmap[1], rtol=1e-5)


def test_mixing_depends_on_the_key():
    task = make(mixup=1.0)
    images = [task.inputs(BATCH, jax.random.key(seed))["image"] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(images[0], images[1])
    assert (images[0] != images[2]).any()


def test_a_frozen_stage_holds_still_with_its_statistics():
    task = make(
        model={**MODEL, "stage_sizes": (1, 1), "frozen_stages": 1},
        optim={**OPTIM, "weight_decay": 0.1, "decay": "all"},
    )
    # Compiled as `run` does it: one by one, drawn weights differ in the last bit.
    before = jax.jit(task.init)(KEY, BATCH).nets["model"]
    after = run(task)[0].nets["model"]
    same = jax.tree.map(
        lambda a, b: bool((a == b).all()),
        {"params": before.params, **before.stats},
        {"params": after.params, **after.stats},
    )
    for kind in same.values():
        for name, held in kind.items():
            still = name.startswith(("conv1", "bn1", "layer1"))
            assert set(jax.tree.leaves(held)) == {still}, name


def test_l1_adds_to_the_loss():
    (plain,), (more,) = (run(make(l1=l1), steps=1)[1] for l1 in (0.0, 0.01))
    params = make().init(KEY, BATCH).nets["model"].params
    kernels = [abs(p).sum() for p in jax.tree.leaves(params) if p.ndim > 1]
    assert more - plain == pytest.approx(0.01 * float(sum(kernels)), rel=1e-4)


def test_flips_in_evaluation_average_the_logits():
    plain, flipped = make(), make(flip_tta=True)
    state = plain.init(KEY, BATCH)
    mirror = {**BATCH, "image": BATCH["image"][:, :, ::-1]}
    both = [plain.predict(state, batch)["logits"] for batch in (BATCH, mirror)]
    mean = (both[0] + both[1]) / 2
    for task, options in ((flipped, {}), (plain, {"tta": True})):
        found = task.predict(state, BATCH, **options)
        np.testing.assert_allclose(found["logits"], mean, atol=1e-6)
        np.testing.assert_allclose(found["probabilities"].sum(-1), 1, rtol=1e-5)
    found = flipped.predict(state, BATCH, tta=False)["logits"]
    np.testing.assert_array_equal(found, both[0])
    rows = flipped.eval_step(state, BATCH)
    np.testing.assert_array_equal(rows["predicted"], mean.argmax(-1))


def test_bfloat16_keeps_params_statistics_and_logits_in_float32():
    task = make(model={**MODEL, "dtype": "bfloat16"})
    state, losses, _ = run(task)
    floats = {x.dtype for x in jax.tree.leaves(state) if x.dtype != np.int32}
    assert floats == {np.dtype("float32")} and np.isfinite(losses).all()
    assert task.predict(state, BATCH)["logits"].dtype == jnp.float32


def test_evaluation_uses_the_average_where_there_is_one():
    task = make(ema_decay=0.5)
    state = run(task)[0]
    prepared = task.prepare_eval(state).nets["model"]
    np.testing.assert_array_equal(
        prepared.params["fc"]["bias"], state.nets["model"].ema["params"]["fc"]["bias"]
    )
    plain = make()
    state = run(plain)[0]
    prepared = plain.prepare_eval(state).nets["model"]
    assert prepared.params is state.nets["model"].params


def test_rows_add_up_to_metrics_and_figures():
    task = make()
    state = task.prepare_eval(run(task)[0])
    rows = jax.device_get(task.eval_step(state, BATCH))
    sums = {
        "test": {n: m.add(m.empty(), rows) for n, m in task.metrics.items()},
    }
    summary = task.summarize(sums)
    logits = task.predict(state, BATCH)["logits"]
    accuracy = np.mean(logits.argmax(-1) == BATCH["label"])
    assert summary["test/accuracy"] == pytest.approx(accuracy)
    assert summary["test/examples"] == 16
    figures = task.figures(sums)
    names = ("calibration", "confusion", "classes", "mistakes")
    assert figures.keys() == {f"test/{name}" for name in names}
    assert figures["test/confusion"].counts.sum() == 16
    gallery = figures["test/mistakes"]
    assert len(gallery.indices) == round(16 * (1 - accuracy)) == len(gallery.captions)


def test_fresh_tasks_are_equal_trees():
    """No callables live in the state: two inits give the same structure."""
    a, b = (jax.tree.structure(make().init(KEY, BATCH)) for _ in range(2))
    assert a == b


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"label_smoothing": 1.0}, "task.label_smoothing is 1.0"),
        ({"ema_decay": -0.1}, "task.ema_decay is -0.1"),
        ({"ema_decay": 0.9, "ema_every": 0}, "task.ema_every is 0"),
        ({"l1": -1.0}, "task.l1 is -1.0"),
        ({"mix_per": "elem"}, "task.mix_per is 'elem'; expected 'batch' or 'example'"),
        ({"bce_threshold": 0.2}, "bce_threshold is for the loss 'binary_cross_ent"),
        ({"teacher": {"source": "x", "temperature": 0}}, "teacher.temperature is 0"),
        ({"teacher": {"source": "x", "weight": 0}}, "teacher.weight is 0"),
        ({"teacher": {"source": "x", "wieght": 1}}, "takes no 'wieght'. Did you mean"),
        ({"loss": "cross_entrpy"}, "unknown loss 'cross_entrpy'. Did you mean cross_"),
        ({"mixip": 0.1}, "takes no 'mixip'. Did you mean mixup"),
        ({"model": {**MODEL, "num_classes": 2}}, "num_classes is 2 and the data has 3"),
        ({"model": {**MODEL, "widht": 2}}, "takes no 'widht'. Did you mean width"),
        ({"optim": {**OPTIM, "momentun": 1}}, "takes no 'momentun'"),
    ],
)
def test_mistakes_are_named(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(**changes)


def test_more_outputs_than_classes_are_allowed_and_named():
    task = make(model={**MODEL, "num_classes": 5})
    assert task.class_names == ("zero", "one", "two", "3", "4")
    assert dataclasses.is_dataclass(task)
