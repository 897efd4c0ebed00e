import re

import jax
import jax.numpy as jnp
import ml_collections
import pytest

from resnet_jax.models import MODELS, create_model, default_input, list_models


@pytest.mark.parametrize("name", MODELS)
def test_every_name_has_an_input_and_features(name):
    model, shape = create_model(name), default_input(name)
    assert len(shape) == 3 and model.input_shape == shape
    assert model.feature_info[-1]["reduction"] <= shape[0]


def test_names_are_listed_by_number():
    names = list_models("resnet*")
    two = ["18", "20", "26", "32", "34", "44", "50", "56"]
    assert list_models("resnet??") == [f"resnet{depth}" for depth in two]
    assert names.index("resnet152") < names.index("resnet1202")
    assert list_models(["plain2*", "wide*50_2"]) == ["plain20", "wide_resnet50_2"]
    assert set(list_models()) == set(MODELS)


def test_a_section_of_a_config_makes_a_model():
    config = ml_collections.ConfigDict(
        {
            "name": "resnet50",
            "norm": {"name": "batch", "group_size": 32},
            "dtype": "bfloat16",
            "num_classes": 10,
        }
    )
    model = create_model(**config)
    assert hash(model) == hash(create_model(**config))
    images = jnp.zeros((2, 32, 32, 3))
    logits, variables = jax.eval_shape(
        model.init_with_output, jax.random.key(0), images
    )
    assert logits.shape == (2, 10) and logits.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("resnet51", {}, "unknown model 'resnet51'. Did you mean"),
        ("resnet50", {"num_clases": 3}, "Did you mean num_classes"),
        ("resnet50", {"norm": {"name": "batch", "size": 3}}, "takes no 'size'"),
        ("resnet50", {"norm": None}, "norm is None"),
        ("resnet50", {"act": "rellu"}, "Did you mean relu"),
        ("resnet50", {"block": "basik"}, "Did you mean basic"),
        ("resnet50", {"stem": "cifer"}, "Did you mean cifar"),
        ("resnet50", {"shortcut": "pad"}, "Did you mean padded"),
        ("resnet50", {"stride_on": "2x2"}, "unknown stride_on"),
        ("resnet50", {"kernel_init": "fan"}, "Did you mean fan_in"),
        ("resnet50", {"dtype": "bfloat"}, "Did you mean bfloat16"),
        ("resnext50_32x4d", {"block": "basic"}, "need a bottleneck block"),
        ("plain20", {"zero_init": True}, "zero_init without shortcuts"),
    ],
)
def test_wrong_settings_are_refused_at_once(name, fields, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        create_model(name, **fields)
