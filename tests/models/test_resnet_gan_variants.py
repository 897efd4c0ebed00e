import jax
import pytest

from resnet_jax.models import create_model
from resnet_jax.models.summary import summarize

# Takeru Miyato's, Ishaan Gulrajani's (its auxiliary classifier of 1290 not counted) and
# StudioGAN's networks.
PUBLISHED = [
    ("sngan_generator", 0, 4_276_739),
    ("sngan_generator", 10, 4_304_387),
    ("sngan_discriminator", 0, 1_053_824),
    ("sngan_discriminator", 10, 1_055_104),
    ("wgan_gp_generator", 10, 1_218_307),
    ("wgan_gp_discriminator", 0, 1_055_115 - 1_290),
    ("sagan_generator", 10, 4_386_308),
    ("sagan_discriminator", 10, 1_075_586),
    ("biggan_generator", 10, 9_416_196),
    ("biggan_discriminator", 10, 2_415_170),
]


@pytest.mark.parametrize(("name", "num_classes", "parameters"), PUBLISHED)
def test_published_sizes(name, num_classes, parameters):
    model = create_model(name, num_classes=num_classes)
    assert summarize(model)["parameters"] == parameters


def test_the_authors_own_biggan_for_cifar():
    own = {"width": 256, "attention": (), "kernel_init": "normal"}
    generator = create_model(
        "biggan_generator", shared_size=0, hierarchical=False, latent_size=128, **own
    )
    # SNGAN's generator, spectrally normalized.
    assert summarize(generator)["parameters"] == 4_304_387
    variables = jax.eval_shape(generator.init, jax.random.key(0), *generator.inputs)
    assert len(jax.tree.leaves(variables["spectral"])) == 1 + 3 * 3 + 1
    discriminator = create_model("biggan_discriminator", **own)
    # Kernels and biases of the ten convolutions, head, its bias, and embedding.
    convolutions = [(27, 256), *[(9 * 256, 256)] * 7, (3, 256), (256, 256)]
    convolutions = sum((rows + 1) * columns for rows, columns in convolutions)
    parameters = summarize(discriminator)["parameters"]
    assert parameters == convolutions + 256 + 1 + 2560
