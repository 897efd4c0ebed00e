"""ResNet-RS-50 on ImageNet at 160 pixels (Bello et al. 2021, arXiv:2103.07579).

    tfds build imagenet2012 --file_format=array_record
    resnet-jax train --config=imagenet_resnetrs50 --workdir=runs/rs50

The numbers are those of tensorflow/tpu, models/official/resnet/resnet_rs/configs/
resnetrs50_i160.yaml; `imagenet_resnetrs50:152` is resnetrs152_i256.yaml. With many
cores add --config.run.workers=16.
Departs from it: RandAugment is timm's version of TensorFlow's, without its Cutout, with
a probability of one half where that was drawn from 0.2 to 0.8, and at magnitude 10 at
most, where ResNet-RS-152 has 15.
Result: published 78.8 % top-1 accuracy, and 83.0 % for ResNet-RS-152 at 256 pixels (the
README beside those files);
ours: see results/imagenet_resnetrs50.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    large = variant == "152"
    size = 256 if large else 160  # image_size
    config = new_config()
    config.batch_size = 4096  # train_batch_size
    epoch = 1_281_167 // config.batch_size
    config.total_steps = 109_475  # train_steps
    config.task = dict(
        name="classification",
        label_smoothing=0.1,  # label_smoothing
        ema_decay=0.9999,  # moving_average_decay
        ema_warmup=True,  # as TensorFlow's average knows the step
    )
    config.model = dict(
        name="resnetrs152" if large else "resnetrs50",
        dropout=0.25,  # dropout_rate; drop_connect_rate: null
        zero_init=True,
        dtype="bfloat16",  # precision
    )
    config.optim = dict(
        name="sgd",
        momentum=0.9,  # momentum
        weight_decay=4e-5,  # weight_decay
        decay="not_norms",
        schedule=dict(
            name="cosine",
            base=0.1 * config.batch_size / 256,  # base_learning_rate
            warmup=5 * epoch,
        ),
    )
    train = dict(
        random_resized_crop=dict(size=size, filter="bicubic"),
        flip=dict(),
        # randaug_num_layers, randaug_magnitude
        rand_augment=dict(style="timm", num_ops=2, magnitude=10),
    )
    # TensorFlow's padding of 32 pixels around a central crop.
    resize = dict(size=size + 32, filter="bicubic")
    config.data = dict(
        source=dict(name="tfds", dataset="imagenet2012"),
        train=dict(split="train", transforms=train),
        evals=dict(
            test=dict(
                split="validation",
                transforms=dict(resize=resize, center_crop=dict(size=size)),
            )
        ),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    config.run.update(log_every=100, eval_every=5 * epoch, save_every=epoch)
    return smoke(config, size=64) if variant == "smoke" else config
