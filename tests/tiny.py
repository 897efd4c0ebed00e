"""A run of seconds that has all in it: mixing, augmentation, averaged weights."""

from resnet_jax.config import new_config


def get_config():
    config = new_config()
    config.update(batch_size=16, total_steps=60)
    config.task = dict(
        name="classification", label_smoothing=0.1, mixup=0.4, ema_decay=0.9
    )
    config.model = dict(
        name="resnet20", stage_sizes=(1, 1), width=4, norm=dict(name="batch")
    )
    config.optim = dict(
        name="sgd",
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
        schedule=dict(name="cosine", base=0.1, warmup=3),
    )
    config.data = dict(
        source=dict(name="digits"),
        train=dict(split="train", transforms=dict(pad_crop_flip=dict(pad=1))),
        evals=dict(test=dict(split="test", transforms=dict())),
        mean=(0.306,),
        std=(0.376,),
    )
    config.run.update(log_every=1, eval_every=20, save_every=5, tensorboard=False)
    return config
