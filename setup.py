from setuptools import find_packages, setup

HUB = ["huggingface_hub>=1.0"]
TURBO = ["simplejpeg>=1.8", "opencv-python-headless>=4.10"]
NOTEBOOKS = ["jupytext>=1.16", "ipykernel>=6", "matplotlib>=3.8"]
TEST = [
    "pytest>=8",
    "pytest-xdist>=3.5",
    "nbmake>=1.5",
    "ruff>=0.17,<0.18",
    "mypy>=2.0,<3",
]

setup(
    name="resnet-jax",
    version="0.1.0",
    description="Residual networks in JAX and Flax",
    long_description=open("README.md", encoding="utf-8").read(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[
        *find_packages(include=["resnet_jax", "resnet_jax.*"]),
        "resnet_jax.configs",
    ],
    # The top-level configs/ folder ships inside the package.
    package_dir={"resnet_jax.configs": "configs"},
    package_data={
        "resnet_jax.configs": ["*.py", "results/*.json"],
        "resnet_jax.report": ["*.html", "*.css"],
    },
    install_requires=[
        "jax>=0.8",
        "flax>=0.12",
        "optax>=0.2.6",
        "orbax-checkpoint>=0.12.3",
        "grain>=0.2.15",
        "tensorflow-datasets>=4.9.10",
        "importlib_resources>=6",  # tensorflow-datasets needs it and does not say so
        "ml_collections>=1.1",
        "absl-py>=2.1",
        "etils[epath]>=1.12",
        "numpy>=2.0",
        "ml_dtypes>=0.5",
        "safetensors>=0.5",
        "pillow>=11",
        "rich>=13",
        "jinja2>=3.1",
        "scikit-learn>=1.6",
        "scikit-image>=0.25",
    ],
    extras_require={
        "cuda": ["jax[cuda12]"],
        "tpu": ["jax[tpu]"],
        "gcs": ["gcsfs>=2024.6"],
        "hub": HUB,
        "turbo": TURBO,
        "tensorboard": ["tensorboardX>=2.6.2"],
        "notebooks": NOTEBOOKS,
        "test": [*TEST, *NOTEBOOKS, *HUB, *TURBO, "tensorboardX>=2.6.2"],
        "parity": [
            *("torch>=2.5", "torchvision>=0.20", "timm>=1.0.15"),
            "torch-fidelity>=0.4",
        ],
    },
    entry_points={"console_scripts": ["resnet-jax = resnet_jax.__main__:run"]},
)
