"""ResNet-50 on ImageNet with LARS, as Google's JAX code for MLPerf v0.7.

    tfds build imagenet2012 --file_format=array_record
    resnet-jax train --config=imagenet_resnet50_mlperf --workdir=runs/mlperf

You et al. 2017, arXiv:1708.03888; the numbers are those of mlcommons/
training_results_v0.7, Google/benchmarks/resnet/implementations/
resnet-research-JAX-tpu-v3-8192/train.py, for batches of fewer than 16,384 images. With
many cores add --config.run.workers=16.
Departs from it: the head is initialized as torchvision's; crops of torchvision.
Result: published 75.9 % top-1 accuracy, the target of MLPerf that it is stopped at;
ours: see results/imagenet_resnet50_mlperf.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 8192
    epoch = 1_281_167 // config.batch_size
    config.total_steps = 56 * epoch  # num_epochs
    config.task = dict(name="classification", label_smoothing=0.1)  # label_smoothing
    config.model = dict(
        name="resnet50",
        zero_init=True,
        # batchnorm_span: the 128 images of a core.
        norm=dict(name="batch", group_size=128),
        dtype="bfloat16",  # bfloat16
    )
    config.optim = dict(
        name="lars",  # lars; not on biases and norms
        momentum=0.9,  # beta
        weight_decay=2e-4,  # weight_decay
        schedule=dict(
            name="poly",
            base=10.0,  # base_lr
            end=1e-4,  # end_lr
            power=2.0,
            warmup=5 * epoch,  # warmup_epochs
        ),
    )
    crop = dict(random_resized_crop=dict(size=224), flip=dict())
    center = dict(resize=dict(size=256), center_crop=dict(size=224))
    config.data = dict(
        source=dict(name="tfds", dataset="imagenet2012"),
        train=dict(split="train", transforms=crop),
        evals=dict(test=dict(split="validation", transforms=center)),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    config.run.update(log_every=20, eval_every=4 * epoch, save_every=epoch)
    return smoke(config, size=64) if variant == "smoke" else config
