"""DnCNN for Gaussian noise of 25 grey levels (Zhang et al. 2016, arXiv:1608.03981).

    resnet-jax train --config=train400_dncnn25 --workdir=runs/dncnn25

Learns from the 400 grey images of 180 x 180 that the authors publish with their
programs. They are looked for in data/train400 and the test set in data/set12;
--config.data.source.root=FOLDER and --config.data.evals.set12.source.root=FOLDER say
otherwise. 50 epochs of 1600 steps as there; but noise is drawn anew in every step, the
rate follows half a cosine, and weights are averaged.

    resnet-jax train --config=train400_dncnn25:small --workdir=runs/small

is for an hour on a CPU: smaller batches of less steps.
Result: published 30.436 dB on Set12 (section IV.C);
ours: see results/train400_dncnn25.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 128
    config.total_steps = 80_000
    config.task = dict(
        name="restoration", loss="half_square", ema_decay=0.999, ema_warmup=True
    )
    config.degradation = dict(name="noise", sigma=25.0)
    config.model = dict(name="dncnn17")
    config.optim = dict(name="adam", schedule=dict(name="cosine", base=1e-3, end=1e-5))
    config.data = dict(
        source=dict(name="images", root="data/train400", channels=1, patch=40),
        train=dict(split="all", transforms=dict(dihedral=dict())),
        evals=dict(
            set12=dict(
                split="all",
                source=dict(name="images", root="data/set12", channels=1),
                transforms={},
            ),
        ),
        mean=0.0,
        std=1.0,
    )
    config.best = ("set12/psnr", "max")
    config.run.update(log_every=100, eval_every=2000, save_every=2000)
    if variant == "small":
        config.batch_size, config.total_steps = 32, 1600
        config.run.update(eval_every=200, save_every=200)
    return smoke(config) if variant == "smoke" else config
