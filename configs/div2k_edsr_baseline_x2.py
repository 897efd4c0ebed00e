"""EDSR-baseline x2 on DIV2K (Lim et al. 2017, arXiv:1707.02921, section 4).

    resnet-jax train --config=div2k_edsr_baseline_x2 --workdir=runs/edsr_baseline_x2

Photographs are looked for in data/div2k/train, the test sets in data/set5,
data/set14, data/bsd100 and data/urban100; --config.data.source.root=FOLDER and
--config.data.evals.set5.source.root=FOLDER say otherwise, and
--config.data.evals.urban100=none leaves a set out.
300 epochs of 1000 steps, the rate halved after 200, as in the authors' PyTorch program,
github.com/sanghyun-son/EDSR-PyTorch; weights are averaged, which the paper does not.
Result: published 34.61 dB on DIV2K in RGB, cropped otherwise;
ours: see results/div2k_edsr_baseline_x2.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 16
    config.total_steps = 300_000
    config.task = dict(
        name="restoration", loss="l1", protocol="y", ema_decay=0.999, ema_warmup=True
    )
    config.degradation = dict(name="downscale", factor=2)
    config.model = dict(name="edsr_baseline_x2")
    config.optim = dict(
        name="adam",
        schedule=dict(name="step", base=1e-4, boundaries=(200_000,), factor=0.5),
    )
    config.data = dict(
        # 48 x 48 inputs, after two pixels are cut off at each border.
        source=dict(name="images", root="data/div2k/train", patch=104),
        train=dict(split="all", transforms=dict(dihedral=dict())),
        evals={
            name: dict(
                split="all",
                source=dict(name="images", root=f"data/{name}"),
                transforms=dict(crop_multiple=dict(multiple=2)),
            )
            for name in ("set5", "set14", "bsd100", "urban100")
        },
        mean=0.0,
        std=1.0,
    )
    config.best = ("set5/psnr", "max")
    config.run.update(log_every=100, eval_every=5000, save_every=5000, workers=8)
    return smoke(config) if variant == "smoke" else config
