"""ResNet-50 on ImageNet in 88 epochs of growing images (libffcv/ffcv-imagenet).

    tfds build imagenet2012 --file_format=array_record
    resnet-jax train --config=imagenet_resnet50_ffcv88 --workdir=runs/ffcv88

The numbers are those of rn50_configs/rn50_88_epochs.yaml and train_imagenet.py;
`imagenet_resnet50_ffcv88:resnet18` is rn18_configs/rn18_88_epochs.yaml. Evaluated at
256 pixels with the mirror image beside: not to be compared with results at 224. With
many cores add --config.run.workers=16.
Departs from it: blurring follows a convolution of stride 1, as in timm and in the paper
(Zhang 2019, arXiv:1904.11486), where FFCV blurs before one of stride 2; images are read
at their full size; convolutions compute in bfloat16 where it took float16. Its batch
size of 512 is read as that of each of 8 GPUs, which makes the rate 0.106 per 256
images; for ResNet-18 on one GPU it is 0.125.
Result: published 78.4 % top-1 accuracy, and 72.4 % for ResNet-18 (its README);
ours: see results/imagenet_resnet50_ffcv88.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    small = variant == "resnet18"
    config = new_config()
    config.batch_size = 1024 if small else 8 * 512  # training.batch_size
    epoch = 1_281_167 // config.batch_size
    config.total_steps = 88 * epoch  # training.epochs
    config.task = dict(
        name="classification",
        label_smoothing=0.1,  # training.label_smoothing
        flip_tta=True,  # validation.lr_tta
    )
    config.model = dict(
        name="resnet18" if small else "resnet50",
        blur="blur",  # training.use_blurpool
        dtype="bfloat16",
    )
    config.optim = dict(
        name="sgd",
        momentum=0.9,  # training.momentum
        weight_decay=5e-5 if small else 1e-4,  # training.weight_decay
        decay="not_norms",  # training.bn_wd
        schedule=dict(
            name="linear",  # lr.lr_schedule_type: cyclic
            base=0.5 if small else 1.7,  # lr.lr
            warmup=2 * epoch,  # lr.lr_peak_epoch
            warmup_start=1e-4,
        ),
    )
    config.data = dict(
        source=dict(name="tfds", dataset="imagenet2012"),
        train=dict(
            split="train",
            transforms=dict(random_resized_crop=dict(size=192), flip=dict()),
            # resolution.*: a ramp from epoch 65 to 76, rounded to a multiple of 32.
            progressive=dict(sizes=(160, 192), boundaries=(71 * epoch,)),
        ),
        evals=dict(
            test=dict(
                split="validation",
                # The central 224 / 256, at validation.resolution.
                transforms=dict(
                    resize=dict(size=round(256 * 256 / 224)),
                    center_crop=dict(size=256),
                ),
            )
        ),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    config.run.update(log_every=100, eval_every=2 * epoch, save_every=epoch)
    return smoke(config, size=64) if variant == "smoke" else config
