import re

import jax
import jax.numpy as jnp
import ml_collections
import pytest

from resnet_jax.models import (
    CLASSIFIERS,
    GANS,
    MODELS,
    create_classifier,
    create_model,
    default_input,
    list_models,
)
from resnet_jax.models.inputs import describe, inputs_of


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_name_has_an_input_and_features(name):
    model, shape = create_model(name), default_input(name)
    assert len(shape) == 3 and model.input_shape == shape
    assert model.feature_info[-1]["reduction"] <= shape[0]
    assert [x.shape for x in inputs_of(model)] == [(1, *shape)]


@pytest.mark.parametrize("name", sorted(GANS))
def test_generators_take_latents_and_discriminators_images(name):
    plain = create_model(name, num_classes=0)
    conditional = create_model(name, num_classes=3)
    side, channels = plain.resolution, plain.channels
    first, label = inputs_of(conditional)
    assert plain.inputs == (first,) and first.dtype == jnp.float32
    assert label.shape == (1,) and label.dtype == jnp.int32
    output = jax.eval_shape(
        lambda *x: conditional.init_with_output(jax.random.key(0), *x)[0],
        *conditional.inputs,
    )
    if name.endswith("generator"):
        assert first.shape == (1, plain.latent_size)
        assert output.shape == (1, side, side, channels)
        assert describe(conditional.inputs) == f"{plain.latent_size} + label"
    else:
        assert first.shape == (1, side, side, channels)
        assert output.shape == (1,)
        assert describe(plain.inputs) == f"{side}x{side}"
    assert output.dtype == jnp.float32


def test_only_classifiers_classify():
    assert create_classifier("resnet20") == create_model("resnet20")
    with pytest.raises(ValueError, match="'dcgan_generator' does not classify"):
        create_classifier("dcgan_generator")
    with pytest.raises(ValueError, match="unknown model"):
        create_classifier("resnet21")


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
