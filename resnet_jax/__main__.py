"""python -m resnet_jax: the same as the console command."""

from resnet_jax.main import run

run()
