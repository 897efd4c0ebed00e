"""ResNet-50 on ImageNet, torchvision's second recipe (pytorch/vision, PR 6433).

    tfds build imagenet2012 --file_format=array_record
    resnet-jax train --config=imagenet_resnet50_tv2 --workdir=runs/tv2

The numbers are those of the command in that pull request, which made the weights
IMAGENET1K_V2, and of references/classification/train.py where the command is silent.
With many cores add --config.run.workers=16.
Departs from it: convolutions compute in bfloat16 where it took float16; the learning
rate changes with every step instead of every epoch; statistics are of the whole batch.
Result: published 80.858 % top-1 accuracy (the weights' metadata);
ours: see results/imagenet_resnet50_tv2.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 1024  # --batch-size 128, on 8 devices
    epoch = 1_281_167 // config.batch_size
    config.total_steps = 600 * epoch  # --epochs 600
    config.task = dict(
        name="classification",
        label_smoothing=0.1,  # --label-smoothing 0.1
        mixup=0.2,  # --mixup-alpha 0.2
        cutmix=1.0,  # --cutmix-alpha 1.0; one or the other, at even odds
        # --model-ema: train.py makes this of 0.99998, batch size and epochs.
        ema_decay=1 - (1 - 0.99998) * 1024 * 32 / 600,
        ema_every=32,
    )
    config.model = dict(name="resnet50", dtype="bfloat16")
    config.optim = dict(
        name="sgd",
        momentum=0.9,
        weight_decay=2e-5,  # --weight-decay 0.00002
        decay="not_norms",  # --norm-weight-decay 0.0
        schedule=dict(
            name="cosine",  # --lr-scheduler cosineannealinglr
            base=0.5,  # --lr 0.5
            warmup=5 * epoch,  # --lr-warmup-epochs 5 --lr-warmup-method linear
            warmup_start=0.01,
        ),
    )
    train = dict(
        random_resized_crop=dict(size=176),  # --train-crop-size 176
        flip=dict(),
        trivial_augment=dict(filter="bilinear"),  # --auto-augment ta_wide
        # --random-erase 0.1
        random_erasing=dict(probability=0.1, scale=(0.02, 0.33), ratio=(0.3, 3.3)),
    )
    # --val-resize-size 232
    center = dict(resize=dict(size=232), center_crop=dict(size=224))
    config.data = dict(
        source=dict(name="tfds", dataset="imagenet2012"),
        train=dict(split="train", transforms=train, repeats=4),  # --ra-reps 4
        evals=dict(test=dict(split="validation", transforms=center)),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    config.run.update(log_every=100, eval_every=5 * epoch, save_every=epoch)
    return smoke(config, size=64) if variant == "smoke" else config
