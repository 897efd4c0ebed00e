"""One DnCNN for Gaussian noise of any strength (Zhang et al. 2016, arXiv:1608.03981).

    resnet-jax train --config=train400_dncnn_blind --workdir=runs/dncnn_blind

20 layers, noise of 0 to 55 grey levels, patches of 50 pixels (section IV.A). Data and
schedule are those of train400_dncnn25; three evaluations have noise of 15, 25 and 50.
Result: published 30.362 dB on Set12 with noise of 25 (section IV.C);
ours: see results/train400_dncnn_blind.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 128
    config.total_steps = 80_000
    config.task = dict(
        name="restoration", loss="half_square", ema_decay=0.999, ema_warmup=True
    )
    config.degradation = dict(name="noise", sigma=(0.0, 55.0))
    config.model = dict(name="dncnn20")
    config.optim = dict(name="adam", schedule=dict(name="cosine", base=1e-3, end=1e-5))
    config.data = dict(
        source=dict(name="images", root="data/train400", channels=1, patch=50),
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
    return smoke(config) if variant == "smoke" else config
