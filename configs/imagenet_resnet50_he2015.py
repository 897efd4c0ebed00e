"""ResNet-50 on ImageNet as at first (He et al. 2015, arXiv:1512.03385, section 3.4).

    tfds build imagenet2012 --file_format=array_record
    resnet-jax train --config=imagenet_resnet50_he2015 --workdir=runs/he2015

With many cores add --config.run.workers=16.
Departs from the paper: a mean per channel instead of per pixel; no change of color
along the principal components; the rate drops about where it does in figure 4, not by
hand.
Result: published 75.3 % top-1 accuracy, one center crop
(github.com/KaimingHe/deep-residual-networks);
ours: see results/imagenet_resnet50_he2015.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 256  # section 3.4
    config.total_steps = 600_000  # section 3.4
    config.task = dict(name="classification")
    config.model = dict(
        name="resnet50",
        stride_on="1x1",  # table 1: conv3_1, conv4_1 and conv5_1 begin with stride 2
        kernel_init="fan_in",  # section 3.4
    )
    config.optim = dict(
        name="sgd",
        momentum=0.9,  # section 3.4
        weight_decay=1e-4,  # section 3.4
        decay="all",
        # Section 3.4: divided by 10 when the error plateaus; figure 4.
        schedule=dict(name="step", base=0.1, boundaries=(150_000, 300_000)),
    )
    crop = dict(scale_crop=dict(size=224, sides=(256, 480)), flip=dict())  # section 3.4
    center = dict(resize=dict(size=256), center_crop=dict(size=224))
    config.data = dict(
        source=dict(name="tfds", dataset="imagenet2012"),
        train=dict(split="train", transforms=crop),
        evals=dict(test=dict(split="validation", transforms=center)),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    config.run.update(log_every=100, eval_every=5000, save_every=5000)
    return smoke(config, size=64) if variant == "smoke" else config
