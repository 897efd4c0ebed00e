"""SRGAN x4 on DIV2K (Ledig et al. 2016, arXiv:1609.04802, sections 2.2 and 3.2).

    resnet-jax train --config=div2k_srgan_x4:mse --workdir=runs/srresnet_x4
    resnet-jax train --config=div2k_srgan_x4 --workdir=runs/srgan_x4

The first line trains SRResNet by its error, the second goes on from there against a
discriminator, --config.init_from=RUN from another run of it. Content is compared in
VGG-19 behind its last ReLU (SRGAN-VGG54), whose file vgg19-dcbb9e9d.pth of torchvision
is looked for in ~/.cache/resnet_jax/weights and in the cache of PyTorch's hub;
--config.perceptual.source=FILE says otherwise. The paper learns from ImageNet, and in
another VGG-19, so that its weights of the losses may weigh otherwise here.

Photographs are looked for in data/div2k/train, the test sets in data/set5, data/set14,
data/bsd100 and data/urban100; --config.data.source.root=FOLDER and
--config.data.evals.set5.source.root=FOLDER say otherwise. PSNR falls in this game: take
the newest checkpoint, not the best, and measure LPIPS with
`evaluate RUN --lpips=alexnet`.
Result: published 29.40 dB on Set5 (from ImageNet);
ours: see results/div2k_srgan_x4.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 16
    config.degradation = dict(name="downscale", factor=4)
    config.data = dict(
        # 24 x 24 inputs, after two pixels are cut off at each border.
        source=dict(name="images", root="data/div2k/train", patch=112),
        train=dict(split="all", transforms=dict(dihedral=dict())),
        evals={
            name: dict(
                split="all",
                source=dict(name="images", root=f"data/{name}"),
                transforms=dict(crop_multiple=dict(multiple=4)),
            )
            for name in ("set5", "set14", "bsd100", "urban100")
        },
        mean=0.0,
        std=1.0,
    )
    config.best = ("set5/psnr", "max")
    config.run.update(log_every=100, eval_every=5000, save_every=5000, workers=8)
    if variant == "mse":
        config.total_steps = 1_000_000
        config.task = dict(name="restoration", loss="l2", protocol="y")
        config.model = dict(name="srresnet_x4")
        config.optim = dict(name="adam", schedule=1e-4)
        return config
    config.init_from = "runs/srresnet_x4"
    config.total_steps = 200_000
    config.task = dict(
        name="paired",
        protocol="y",
        loss="non_saturating",
        conditional=False,
        adversarial=1e-3,  # equation 3
        reconstruction_weight=0.0,
        discriminator_weight=1.0,
    )
    # Features are divided by 12.75 in the paper, and their squares by that twice.
    config.perceptual = dict(
        source="vgg19", layers=("relu5_4",), weights=(0.006,), distance="l2"
    )
    config.generator = dict(name="srresnet_x4")
    config.discriminator = dict(name="srgan_discriminator")
    config.generator_optim = config.discriminator_optim = dict(
        name="adam",
        schedule=dict(name="step", base=1e-4, boundaries=(100_000,), factor=0.1),
    )
    return smoke(config, size=48) if variant == "smoke" else config
