"""ResNet-50 on ImageNet (Goyal et al. 2017, arXiv:1706.02677, section 5.1).

    tfds build imagenet2012 --file_format=array_record
    resnet-jax train --config=imagenet_resnet50 --workdir=runs/imagenet

`imagenet_resnet50:8192` is the recipe for batches of 8192: the learning rate grows with
the batch, after a warm-up (section 2). With many cores add --config.run.workers=16.
Departs from the paper: convolutions compute in bfloat16 (--config.model.dtype=float32
for single precision), statistics are of the whole batch, the head is initialized as
torchvision's.
Result: published 76.40 +- 0.12 % top-1 accuracy, batch 256, mean of 5 runs, and 76.26
+- 0.09 %, batch 8192 (table 1);
ours: see results/imagenet_resnet50.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 8192 if variant == "8192" else 256
    k = config.batch_size / 256
    epoch = 1_281_167 // config.batch_size
    config.total_steps = 90 * epoch  # section 5.1
    config.task = dict(name="classification")
    config.model = dict(name="resnet50", zero_init=True, dtype="bfloat16")
    config.optim = dict(
        name="sgd",
        momentum=0.9,  # section 5.1
        nesterov=True,  # section 5.1
        weight_decay=1e-4,  # section 5.1: not on the scales and offsets of norms
        schedule=dict(
            name="step",
            base=0.1 * k,  # section 2.1
            warmup=5 * epoch,  # section 2.2, from 0.1
            warmup_start=1 / k,
            boundaries=(30 * epoch, 60 * epoch, 80 * epoch),  # section 5.1
        ),
    )
    crop = dict(random_resized_crop=dict(size=224), flip=dict(), color_jitter=None)
    center = dict(resize=dict(size=256), center_crop=dict(size=224))
    config.data = dict(
        source=dict(name="tfds", dataset="imagenet2012"),
        train=dict(split="train", transforms=crop),
        evals=dict(test=dict(split="validation", transforms=center)),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    config.run.update(log_every=100, eval_every=epoch, save_every=epoch)
    return smoke(config, size=64) if variant == "smoke" else config
