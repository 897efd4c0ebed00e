"""R3GAN of ImageNet at 64 pixels (Huang et al. 2025, arXiv:2501.05441).

    tfds build imagenet2012 --file_format=array_record
    resnet-jax train --config=imagenet64_r3gan --workdir=runs/imagenet64_r3gan

The numbers are those of the paper, appendix D. With many cores add
--config.run.workers=16; with few devices --config.task.microbatches=8.

Distances are of pixels. For those in the features of a classifier's run RUN, and for
FID with the weights of Inception:

    --config.features.source=RUN
    --config.features.source=inception --config.best="('reference/fid','min')"

Departs from the paper: the reference is 50,000 training images, not all of them; the
test is on those of the validation split.
Result: published FID 2.09 (50,000 generated images beside all training images, the
paper's tables);
ours: see results/imagenet64_r3gan.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 4096
    config.total_steps = 1_000_000_000 // config.batch_size

    def burn_in(base, end):
        """From one value to another over the first images, then constant."""
        return dict(name="cosine", base=base, end=end, over=200_000_000)

    config.task = dict(
        name="gan",
        loss="relativistic",
        conditional=True,
        ema_half_life=burn_in(0.0, 5e7),
    )
    config.generator = dict(
        name="r3gan_generator", preset="imagenet64", dtype="bfloat16"
    )
    config.discriminator = dict(
        name="r3gan_discriminator", preset="imagenet64", dtype="bfloat16"
    )
    adam = dict(
        name="adam",
        b1=0.0,
        b2_schedule=burn_in(0.9, 0.99),
        schedule=burn_in(2e-4, 5e-5),
    )
    config.generator_optim = config.discriminator_optim = adam
    gamma = burn_in(1.0, 0.1)
    config.penalties = dict(r1=gamma, r2=gamma)
    config.augment = dict(name="ada", strength=burn_in(0.0, 0.4))
    square = dict(resize=dict(size=64), center_crop=dict(size=64))
    config.data = dict(
        source=dict(name="tfds", dataset="imagenet2012"),
        train=dict(split="train", transforms=dict(**square, flip=dict())),
        evals=dict(
            reference=dict(split="train[:50000]", transforms=square),
            test=dict(split="validation", transforms=square),
        ),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )
    config.best = ("reference/frechet_distance", "min")
    config.run.update(log_every=50, eval_every=5000, save_every=5000)
    return smoke(config) if variant == "smoke" else config
