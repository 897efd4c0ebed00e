"""BiT-R50x1 learns ImageNet from BiT-R152x2 (Beyer et al. 2021, arXiv:2106.05237).

    tfds build imagenet2012 --file_format=array_record
    resnet-jax train --config=imagenet_bit_distill --workdir=runs/distill

"Knowledge distillation: A good teacher is patient and consistent": the student sees
what the teacher sees, and no label. The numbers are those of google-research/
big_vision, configs/proj/distill/bit_i1k.py. The teacher's weights come from the Hugging
Face hub (pip install 'resnet_jax[hub]'). With many cores add --config.run.workers=16.
Departs from it: convolutions compute in bfloat16.
Result: published 82.8 % top-1 accuracy at 224 pixels (configs/proj/distill/README.md);
ours: see results/imagenet_bit_distill.json.
"""

from resnet_jax.config import new_config, smoke


def get_config(variant=""):
    config = new_config()
    config.batch_size = 4096
    config.total_steps = 1200 * 1_281_167 * 98 // 100 // config.batch_size  # num_epochs
    config.teacher = dict(
        source="timm/resnetv2_152x2_bit.goog_teacher_in21k_ft_in1k",  # prof_m
        temperature=1.0,  # distance_kw
    )
    config.task = dict(name="classification", mixup=1.0)  # mixup
    config.model = dict(name="resnetv2_50x1_bit", dtype="bfloat16")  # student
    config.optim = dict(
        name="adamw",  # optax_name
        clip_norm=1.0,  # grad_clip_norm
        weight_decay=3e-4 / 0.03,  # wd, which lr does not scale there
        schedule=dict(name="cosine", base=0.03, warmup=5000),  # lr, schedule
    )
    crop = dict(random_resized_crop=dict(size=224, scale=(0.05, 1.0)), flip=dict())
    center = dict(resize=dict(size=256), center_crop=dict(size=224))
    config.data = dict(
        source=dict(name="tfds", dataset="imagenet2012"),
        train=dict(split="train[:98%]", transforms=crop),
        evals=dict(
            test=dict(split="validation", transforms=center),
            minival=dict(split="train[99%:]", transforms=center),
        ),
        mean=(0.5, 0.5, 0.5),  # value_range(-1, 1)
        std=(0.5, 0.5, 0.5),
    )
    config.run.update(log_every=50, eval_every=5000, save_every=1000)
    return smoke(config, size=64) if variant == "smoke" else config
