"""The device's side of a speedrun: a whole run as one compiled program.

The data is on the device, and no host comes between the steps.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from resnet_jax.parallel import compile_once, make_mesh, replicated
from resnet_jax.plan import keys
from resnet_jax.state import TrainState
from resnet_jax.tasks import Classification
from resnet_jax.tasks.base import pixels

FLIPS = ("alternating", "random", "none")


@dataclasses.dataclass(frozen=True)
class Speedrun:
    """A config's `speedrun` section.

    Attributes:
        seeds: runs, with the seeds config.seed, config.seed + 1, ...
        together: how many of them one program trains side by side (vmap).
        pad: rows and columns that are reflected on every side before a random crop.
        flip: 'alternating' mirrors a random half of the images in the first epoch and
            the other half in the next, in turn (Jordan 2024,
            arXiv:2404.00498); 'random' draws anew every time; 'none'.
        whiten: training images that the first convolution is measured on; 0: none.
        tta: evaluation of 0 the image, 1 it and its mirror image, 2 also of both
            shifted by a pixel to the upper left and to the lower right.
        warm_up: whether a first run is left out of the timing; None: on accelerators.
        one_program: steps inside one program, or a dispatch each; None: one program
            except on CPUs, whose convolutions are ten times slower in a compiled loop.

    Raises:
        ValueError: a value is out of range.
    """

    seeds: int = 1
    together: int = 1
    pad: int = 2
    flip: str = "alternating"
    whiten: int = 0
    tta: int = 0
    warm_up: bool | None = None
    one_program: bool | None = None

    def __post_init__(self):
        least = {"seeds": 1, "together": 1, "pad": 0, "whiten": 0}
        for name, lowest in least.items():
            if (value := getattr(self, name)) < lowest:
                raise ValueError(
                    f"speedrun.{name} is {value}; expected at least {lowest}."
                )
        if self.seeds % self.together:
            raise ValueError(
                f"speedrun.together is {self.together}; expected a divisor of the "
                f"{self.seeds} seeds."
            )
        if self.flip not in FLIPS:
            raise ValueError(
                f"speedrun.flip is '{self.flip}'; expected {' or '.join(FLIPS)}."
            )
        if self.tta not in (0, 1, 2):
            raise ValueError(f"speedrun.tta is {self.tta}; expected 0, 1 or 2.")


@dataclasses.dataclass(frozen=True)
class Program:
    """What one seed does from its first random number to its test accuracy.

    Data is {'image': uint8 [N, H, W, C], 'label': int32 [N]}; all methods are pure.

    Attributes:
        task: the problem, with its network and optimizer.
        options: augmentation and evaluation.
        batch_size, total_steps: the config's.
    """

    task: Classification
    options: Speedrun
    batch_size: int
    total_steps: int

    def __post_init__(self):
        if self.options.whiten and not hasattr(self.task.model, "whitened"):
            raise ValueError(
                f"speedrun.whiten is {self.options.whiten}, and "
                f"{type(self.task.model).__name__} has no whitening convolution; set "
                "it to 0 or choose model airbench94."
            )

    def __call__(
        self, seed: Array, train: Mapping[str, Array], test: Mapping[str, Array]
    ) -> tuple[TrainState, dict[str, dict[str, Array]]]:
        """The last state, and {'train': scalars [steps], 'eval': means over test}."""
        state, draws = self.begin(seed, train)
        images = reflect(train["image"], self.options.pad)
        step = partial(self.step, seed=seed, images=images, labels=train["label"])
        state, scalars = jax.lax.scan(step, state, draws)
        judged = jax.lax.map(partial(self.judge, state), batched(test, self.batch_size))
        return state, {"train": scalars, "eval": totals(judged)}

    def begin(
        self, seed: Array, train: Mapping[str, Array]
    ) -> tuple[TrainState, dict[str, Array]]:
        """The state at step 0, and all that chance will decide: see draw."""
        key = keys(seed)
        images, options = train["image"], self.options
        batch = {"image": images[:1]}
        state = self.task.init(key["init"], batch)
        if options.whiten:
            measured = pixels(images[: options.whiten], self.task.mean, self.task.std)
            net = state.nets["model"]
            constants = self.task.model.whitened(net.stats["constants"], measured)
            stats = {**net.stats, "constants": constants}
            start = {"model": {"params": net.params, "stats": stats}}
            state = self.task.init(key["init"], batch, start)
        draws = draw(
            key["train"],
            num_examples=len(images),
            batch_size=self.batch_size,
            total_steps=self.total_steps,
            pad=options.pad,
            flip=options.flip,
        )
        return state, draws

    def step(
        self,
        state: TrainState,
        draw: Mapping[str, Array],
        seed: Array,
        images: Array,
        labels: Array,
    ) -> tuple[TrainState, dict[str, Array]]:
        """One update, on the crops of reflected images that a row of draws names."""
        index = draw["index"]
        size = images.shape[1] - 2 * self.options.pad
        image = crop(images[index], draw["shift"], size)
        image = jnp.where(draw["flip"][:, None, None, None], mirror(image), image)
        batch = {"image": image, "label": labels[index]}
        key = jax.random.fold_in(keys(seed)["train"], state.step)
        return self.task.train_step(state, batch, key)

    def judge(self, state: TrainState, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Sums over a batch: accuracy, plain_accuracy (without tta), loss, count."""
        state = self.task.prepare_eval(state)

        def logits(images):
            return self.task.predict(state, {"image": images})["logits"]

        image, label = batch["image"], batch["label"]
        plain, rest = logits(image), views(image, self.options.tta)[1:]
        weight = 1.0 - sum(w for w, _ in rest)
        mean = weight * plain + sum(w * logits(x) for w, x in rest)
        counted = label >= 0
        log_p = jax.nn.log_softmax(mean)
        loss = -jnp.take_along_axis(log_p, jnp.maximum(label, 0)[:, None], 1)[:, 0]
        return {
            "accuracy": ((mean.argmax(-1) == label) & counted).sum(),
            "plain_accuracy": ((plain.argmax(-1) == label) & counted).sum(),
            "loss": jnp.where(counted, loss, 0).sum(),
            "count": counted.sum(),
        }


def compile_program(
    program: Program,
    seeds: Array,
    train: Mapping[str, Array],
    test: Mapping[str, Array],
    one_program: bool,
) -> Callable:
    """(seeds [S], train, test) -> what Program returns, with an axis [S] before it.

    Args:
        program: of one seed.
        seeds, train, test: of the shapes and types that it will be called with.
        one_program: one dispatch for all, or one for every step: the same functions.
    """
    if one_program:
        whole = jax.jit(jax.vmap(program, in_axes=(0, None, None)))
        return whole.lower(seeds, train, test).compile()
    return _compile_steps(program, seeds, train, test)


def _compile_steps(program, seeds, train, test) -> Callable:
    """The methods of Program compiled one by one, in the order of its __call__."""
    pad = jax.jit(partial(reflect, pad=program.options.pad))
    split = jax.jit(partial(batched, size=program.batch_size))
    row = jax.jit(lambda draws, i: jax.tree.map(lambda x: x[:, i], draws))
    part = jax.jit(lambda parts, i: jax.tree.map(lambda x: x[i], parts))
    begin = compile_once(
        jax.vmap(program.begin, in_axes=(0, None)), replicated(make_mesh(1))
    )
    step = jax.jit(
        jax.vmap(program.step, in_axes=(0, 0, 0, None, None)), donate_argnums=0
    )
    judge = jax.jit(jax.vmap(program.judge, in_axes=(0, None)))
    state, draws = jax.eval_shape(begin, seeds, train)
    images, parts = jax.eval_shape(pad, train["image"]), jax.eval_shape(split, test)
    first = jax.eval_shape(row, draws, 0)
    begin_now = begin.lower(seeds, train).compile()
    step_now = step.lower(state, first, seeds, images, train["label"]).compile()
    judge_now = judge.lower(state, jax.eval_shape(part, parts, 0)).compile()

    def run(seeds, train, test):
        state, draws = begin_now(seeds, train)
        images, scalars = pad(train["image"]), []
        for i in range(program.total_steps):
            state, new = step_now(state, row(draws, i), seeds, images, train["label"])
            scalars.append(new)
        parts = split(test)
        judged = [judge_now(state, part(parts, i)) for i in range(len(parts["label"]))]
        scalars = jax.tree.map(lambda *x: jnp.stack(x, 1), *scalars)
        sums = jax.tree.map(lambda *x: jnp.stack(x), *judged)
        return state, {"train": scalars, "eval": totals(sums)}

    return run


def draw(
    key: Array,
    *,
    num_examples: int,
    batch_size: int,
    total_steps: int,
    pad: int,
    flip: str,
) -> dict[str, Array]:
    """All random choices of a run, a row per step.

    Returns:
        index int32 [steps, B]: every epoch another order, its incomplete batch left
        out; shift int32 [steps, B, 2] in [0, 2 pad]: where a crop of the padded image
        begins; flip bool [steps, B].

    Raises:
        ValueError: a batch has more examples than there are.
    """
    per_epoch = num_examples // batch_size
    if not per_epoch:
        raise ValueError(
            f"batch_size {batch_size} is larger than the training set, {num_examples} "
            "examples."
        )
    epochs = -(-total_steps // per_epoch)
    order_key, shift_key, flip_key = jax.random.split(key, 3)
    order = jax.vmap(lambda k: jax.random.permutation(k, num_examples))(
        jax.random.split(order_key, epochs)
    )
    index = order[:, : per_epoch * batch_size].reshape(-1, batch_size)[:total_steps]
    shape = index.shape
    if flip == "alternating":
        first = jax.random.bernoulli(flip_key, shape=(num_examples,))
        odd = (jnp.arange(total_steps) // per_epoch) % 2 == 1
        mirrored = first[index] ^ odd[:, None]
    else:
        mirrored = jax.random.bernoulli(flip_key, 0.5 * (flip == "random"), shape)
    return {
        "index": index.astype(jnp.int32),
        "shift": jax.random.randint(shift_key, (*shape, 2), 0, 2 * pad + 1),
        "flip": mirrored,
    }


def reflect(images: Array, pad: int) -> Array:
    """Images [N, H, W, C] with pad reflected rows and columns on every side."""
    margin = (pad, pad)
    return jnp.pad(images, ((0, 0), margin, margin, (0, 0)), mode="reflect")


def crop(images: Array, shift: Array, size: int) -> Array:
    """A square of each image [B, H, W, C], from its own row and column [B, 2] on."""

    def one(image, at):
        return jax.lax.dynamic_slice(
            image, (at[0], at[1], 0), (size, size, image.shape[-1])
        )

    return jax.vmap(one)(images, shift)


def mirror(images: Array) -> Array:
    """Left and right exchanged."""
    return images[:, :, ::-1]


def views(images: Array, level: int) -> list[tuple[float, Array]]:
    """The pictures [B, H, W, C] that an evaluation looks at, each with its weight.

    The images themselves come first; the weights add up to one. Level 2 gives half of
    the weight to the middle and half to the two shifts, as airbench does.
    """
    shown = [(1.0, images)]
    if level == 2:
        size, wide = images.shape[1], reflect(images, 1)
        shifted = (wide[:, at : at + size, at : at + size] for at in (0, 2))
        shown = [(0.5, images), *((0.25, x) for x in shifted)]
    if level:
        both = ((w / 2, f(x)) for w, x in shown for f in (lambda x: x, mirror))
        shown = list(both)
    return shown


def batched(data: Mapping[str, Any], size: int) -> dict[str, Array]:
    """image and label as [batches, size, ...]; labels that fill up the last are -1."""
    missing = -len(data["label"]) % size
    image = jnp.pad(data["image"], ((0, missing), *((0, 0),) * 3))
    label = jnp.pad(data["label"], (0, missing), constant_values=-1)
    return {
        "image": image.reshape(-1, size, *image.shape[1:]),
        "label": label.reshape(-1, size),
    }


def totals(judged: Mapping[str, Array]) -> dict[str, Array]:
    """Means over all examples, of the sums [batches, ...] of Program.judge."""
    sums = {name: x.sum(0) for name, x in judged.items()}
    count = sums.pop("count")
    return {name: x / count for name, x in sums.items()}
