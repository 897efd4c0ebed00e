"""The README.md beside exported weights, in the order of timm's model cards."""

import json
import math
from typing import Any

import jax

from resnet_jax import __version__
from resnet_jax.models import CLASSIFIERS
from resnet_jax.pretrained.load import Pretrained

CARD = "README.md"
TASK = "image-classification"
TAGS = ("timm", "transformers", "jax", "flax", "resnet-jax")
PAPER = """@inproceedings{he2016deep,
  title = {Deep Residual Learning for Image Recognition},
  author = {He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
  booktitle = {CVPR},
  year = {2016}
}"""


def model_card(source: Pretrained, name: str, timm: bool, license: str) -> str:
    """Markdown with a YAML head that the hub understands.

    Args:
        source: the weights and what is known of them.
        name: of the model.
        timm: whether timm can load it.
        license: SPDX, in lower case.
    """
    record = source.description.facts.get("resnet_jax", {})
    classifies = source.description.model in CLASSIFIERS
    parts = [
        _head(record, name, timm, license, TASK if classifies else "image-to-image"),
        f"# Model card for {name}",
        _details(source) if classifies else _translator_details(source),
        "## Model Usage",
        *(_timm_usage(name) if timm else ()),
        _usage(name) if classifies else _translator_usage(name),
        *_training(record),
        *_results(record),
        "## Limitations",
        *(_classifier_end() if classifies else [UNLIKE]),
    ]
    return "\n\n".join(parts) + "\n"


UNLIKE = "It makes what its training images showed, of images that are like its own."


def _classifier_end() -> list[str]:
    return [
        "It knows the classes and the kind of images that it was trained on, and gives"
        " high probabilities to other images too. Prepare images as said above.",
        "## Citation",
        f"```bibtex\n{PAPER}\n```",
    ]


def _head(
    record: dict[str, Any], name: str, timm: bool, license: str, task: str
) -> str:
    """YAML, values as JSON, which is YAML too."""
    fields: dict[str, Any] = {
        "license": license,
        "library_name": "timm" if timm else "resnet-jax",
        "pipeline_tag": task,
        "tags": [task, *(tag for tag in TAGS if timm or tag not in TAGS[:2])],
    }
    if data := record.get("data"):
        fields["datasets"] = [_data_set(data)]
    if (metrics := record.get("metrics")) and task == TASK:
        fields["metrics"] = ["accuracy"]
        results = _index(record.get("data", ""), metrics)
        fields["model-index"] = [{"name": name, "results": results}]
    lines = [f"{key}: {json.dumps(value)}" for key, value in fields.items()]
    return "\n".join(["---", *lines, "---"])


def _data_set(source: str) -> str:
    """'digits (train)' -> 'digits'."""
    return source.partition(" ")[0].strip("'\"")


def _index(data: str, metrics: dict[str, float]) -> list[dict[str, Any]]:
    results = []
    for key, value in metrics.items():
        split, _, metric = key.rpartition("/")
        if not metric.endswith("accuracy"):
            continue
        data_set = _data_set(data)
        results.append(
            {
                "task": {"type": TASK},
                "dataset": {"type": data_set, "name": data_set, "split": split},
                "metrics": [{"type": metric, "value": value, "name": key}],
            }
        )
    return results


def _details(source: Pretrained) -> str:
    description, model = source.description, source.model
    count = sum(math.prod(x.shape) for x in jax.tree.leaves(source.variables["params"]))
    names = ", ".join(description.class_names[:10])
    more = ", ..." if len(description.class_names) > 10 else ""
    prepared = description.preprocessing or (
        "Not known: nothing beside the weights says how images were prepared."
    )
    lines = [
        f"- **Model Type:** image classification, {description.model}",
        f"- **Params (M):** {count / 1e6:.2f}",
        f"- **Classes:** {model.num_classes}" + (f" ({names}{more})" if names else ""),
        f"- **Preprocessing:** {prepared}",
        f"- **Written by:** resnet_jax {__version__}",
    ]
    return "\n".join(["## Model Details", "", *lines])


def _translator_details(source: Pretrained) -> str:
    description, model = source.description, source.model
    count = sum(math.prod(x.shape) for x in jax.tree.leaves(source.variables["params"]))
    undone = description.degradation
    lines = [
        f"- **Model Type:** images to images, {description.model}",
        f"- **Params (M):** {count / 1e6:.2f}",
        f"- **Scale:** {getattr(model, 'scale', 1)}",
        *([f"- **Undoes:** `{json.dumps(undone, default=dict)}`"] if undone else []),
        f"- **Written by:** resnet_jax {__version__}",
    ]
    return "\n".join(["## Model Details", "", *lines])


def _translator_usage(name: str) -> str:
    return f"""```bash
resnet-jax transform {_place(name)} image.png --out=results
```

```python
from resnet_jax import open_translator

make = open_translator("{_place(name)}")
results = make(images)  # [batch, height, width, channels] in [0, 1]
```"""


def _timm_usage(name: str) -> list[str]:
    return [
        f"""```python
import timm

model = timm.create_model("{_place(name)}", pretrained=True).eval()
config = timm.data.resolve_model_data_config(model)
transform = timm.data.create_transform(**config, is_training=False)
```""",
        f"""```python
from transformers import AutoImageProcessor, AutoModelForImageClassification

model = AutoModelForImageClassification.from_pretrained("{name}")
processor = AutoImageProcessor.from_pretrained("{name}")
```""",
    ]


def _usage(name: str) -> str:
    return f"""```python
from PIL import Image
from resnet_jax import from_pretrained

model, variables, preprocessing = from_pretrained("{_place(name)}")
image = preprocessing(Image.open("image.png"))
logits = model.apply(variables, image[None])
```"""


def _place(name: str) -> str:
    """A repository on the hub, or a folder."""
    return f"hf-hub:{name}" if "/" in name else f"local-dir:{name}"


def _training(record: dict[str, Any]) -> list[str]:
    if not record.get("config"):
        return []
    commit = record.get("commit", {})
    state = "with changes" if commit.get("dirty") else "unchanged"
    known = f"at commit {commit['hash'][:12]}, {state}" if commit else ""
    lines = [
        f"Step {record['step']} of a run on {record['data']} {known}".strip() + "."
    ]
    if command := record.get("command"):
        lines += ["", f"```bash\n{command}\n```"]
    return ["## Training", "\n".join(lines)]


def _results(record: dict[str, Any]) -> list[str]:
    if not (metrics := record.get("metrics")):
        return []
    rows = [f"| {name} | {value:.4g} | 1 |" for name, value in metrics.items()]
    table = ["| metric | value | n |", "|---|---|---|", *rows]
    return ["## Results", "One run: no standard deviation.", "\n".join(table)]
