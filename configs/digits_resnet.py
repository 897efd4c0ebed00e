"""A small ResNet on scikit-learn's handwritten digits: minutes on a laptop.

    resnet-jax train --config=digits_resnet --workdir=runs/digits

1797 images of 8 x 8 pixels ship with scikit-learn; nothing is downloaded. The network
is ResNet-20 of He et al. 2015, arXiv:1512.03385, section 4.2.
Result: see results/digits_resnet.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 64
    config.total_steps = 880
    config.task = dict(name="classification", label_smoothing=0.1, ema_decay=0.99)
    config.model = dict(name="resnet20")
    config.optim = dict(
        name="sgd",
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
        schedule=dict(name="cosine", base=0.1, warmup=50),
    )
    config.data = dict(
        source=dict(name="digits"),
        train=dict(split="train", transforms=dict(pad_crop_flip=dict(pad=1, flip=0.0))),
        evals=dict(test=dict(split="test", transforms=dict())),
        mean=(0.306,),
        std=(0.376,),
    )
    config.run.update(log_every=22, eval_every=220, save_every=220)
    return smoke(config) if variant == "smoke" else config
