"""A generator and a discriminator that compile in seconds, without norms."""

from resnet_jax.config import new_config


def get_config():
    config = new_config()
    config.update(batch_size=8, total_steps=1, best=("test/frechet_distance", "min"))
    config.task = dict(name="gan", conditional=True)
    network = dict(width=4, norm="none")
    config.generator = dict(name="dcgan_generator", latent_size=4, **network)
    config.discriminator = dict(name="dcgan_discriminator", **network)
    adam = dict(name="adam", b1=0.5, schedule=2e-4)
    config.generator_optim = config.discriminator_optim = adam
    config.penalties = config.augment = None
    config.data = dict(
        source=dict(name="digits"),
        train=dict(split="train", transforms=dict()),
        evals=dict(test=dict(split="test", transforms=dict())),
        mean=(0.5,),
        std=(0.5,),
    )
    config.run.update(log_every=1, eval_every=0, save_every=0, tensorboard=False)
    return config
