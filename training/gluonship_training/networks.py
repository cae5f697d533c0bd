"""Networks by name: GluonCV's classification networks and the kit's own small one."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, Mapping

import mxnet as mx
from mxnet.gluon import nn

from gluonship_training.arguments import nearest
from gluonship_training.failures import JobError, last_line

SMALL = "gluonship_small"

# Names of GluonCV's zoo that are not image classification, by what they are.
_OTHER_TASKS = (
    ("an int8 network, made by quantizing a trained one", r"_int8$"),
    ("a detector", r"^(ssd|yolo3|center_net|(faster|doublehead|custom_faster)_rcnn)_"),
    ("an instance segmentation network", r"^(mask|custom_mask)_rcnn_"),
    ("a segmentation network", r"^(fcn|psp|deeplab|icnet|fastscnn|danet)_|^hrnet_.*_s$"),
    ("a pose network", r"^(simple|mobile|alpha)_pose_"),
    (
        "a video action recognition network",
        r"_(ucf101|hmdb51|kinetics400|kinetics700|sthsthv2|custom)$",
    ),
    ("a tracker", r"^siamrpn_"),
    ("a depth network", r"^monodepth2_"),
)

# Networks that compute but cannot be exported, and why.
_NOT_EXPORTABLE = (
    (r"_gn$", "its GroupNorm reshapes in a form that MXNet takes from arrays but not from symbols"),
)

_INPUT_SIZES = (
    (r"^(cifar_|gluonship_small$)", 32),
    (r"^(inceptionv3|xception|xception71)$", 299),
    (r"^nasnet_6_4032$", 331),
)


def other_task(name: str) -> str:
    """What a zoo name is where it is not an image classification network; else an empty string."""
    return next((task for task, pattern in _OTHER_TASKS if re.search(pattern, name)), "")


def classification_names() -> list[str]:
    """Every image classification network of the installed GluonCV's zoo, in its order."""
    return [name for name in zoo_names() if not other_task(name)]


def zoo_names() -> list[str]:
    """Every name of the installed GluonCV's zoo."""
    return list(_zoo().get_model_list())


def check(name: str) -> None:
    """Raises JobError, with the nearest right names, where `name` is no classification network."""
    if name == SMALL:
        return
    known = zoo_names()
    if name in known and other_task(name):
        raise JobError(
            f"Hyperparameters: network {name} is {other_task(name)}; this script trains image classification."
        )
    if name not in known:
        names = [SMALL, *classification_names()]
        raise JobError(
            f"Hyperparameters: network {name!r} is neither {SMALL} nor in GluonCV's model zoo."
            + nearest(name, names)
        )
    _check_exportable(name)


def _check_exportable(name: str) -> None:
    for pattern, reason in _NOT_EXPORTABLE:
        if re.search(pattern, name):
            raise JobError(f"Hyperparameters: network {name} cannot be exported: {reason}.")


def input_size(name: str) -> int:
    """Height and width that a network was designed for."""
    return next((size for pattern, size in _INPUT_SIZES if re.search(pattern, name)), 224)


def build(name: str, classes: int) -> Any:
    """The network as a HybridBlock, not initialised: (N, 3, H, W) to logits (N, classes)."""
    check(name)
    if name == SMALL:
        return _small(classes)
    # NASNet answers twice unless it is told not to: its second head serves only its authors' schedule.
    options = {"use_aux": False} if name.startswith("nasnet_") else {}
    return _zoo().get_model(name, classes=classes, pretrained=False, **options)


def initialise(network: Any, image_size: int, context: Any, seed: int) -> None:
    """Draws all parameters, the same for the same seed, and finds their shapes by one forward pass.

    Raises JobError where the network cannot take images of this size.
    """
    mx.random.seed(seed)
    network.initialize(mx.init.Xavier(rnd_type="gaussian", factor_type="out", magnitude=2), ctx=context)
    try:
        output = network(mx.nd.zeros((1, 3, image_size, image_size), ctx=context))
        mx.nd.waitall()
    except (mx.MXNetError, ValueError) as error:
        raise JobError(
            f"The network cannot take images of {image_size} x {image_size} pixels: set image-size to "
            f"what it was made for. MXNet says: {last_line(error)}"
        ) from error
    if not isinstance(output, mx.nd.NDArray) or output.ndim != 2:
        raise JobError("The network does not answer with one score a class, as classification needs.")


def parameters(network: Any) -> dict[str, Any]:
    """All parameters, running statistics too, by their place in the network: features.0.weight."""
    named: dict[str, Any] = network._collect_params_with_prefix()  # what save_parameters writes
    return named


def set_parameters(network: Any, arrays: Mapping[str, Any]) -> None:
    """Sets every parameter. Raises JobError where `arrays` has other names or shapes."""
    mine = parameters(network)
    wrong = sorted(set(mine) ^ set(arrays)) or [
        name for name in mine if mine[name].shape != arrays[name].shape
    ]
    if wrong:
        raise JobError(f"The checkpoint's parameters do not fit this network, such as {wrong[0]}.")
    for name, parameter in mine.items():
        parameter.set_data(arrays[name])


def start_from(network: Any, path: Path) -> list[str]:
    """Sets the parameters that a .params file has in the same shape; names of those it has not.

    The file is read by MXNet's own format, which holds arrays only. Raises JobError where it cannot be
    read, or fits no parameter at all.
    """
    try:
        arrays = mx.nd.load(str(path))
    except mx.MXNetError as error:
        raise JobError(
            f"initial-parameters: {path} is not a .params file of MXNet: {last_line(error)}"
        ) from error
    # save_parameters names parameters by place; HybridBlock.export by name, after "arg:" or "aux:".
    given = {name.split(":", 1)[-1]: array for name, array in arrays.items()} if arrays else {}
    missing = []
    for name, parameter in parameters(network).items():
        array = given.get(name, given.get(parameter.name))
        if array is None or array.shape != parameter.shape:
            missing.append(name)
        else:
            parameter.set_data(array)
    if len(missing) == len(parameters(network)):
        raise JobError(f"initial-parameters: {path} has no parameter of this network.")
    return missing


def _small(classes: int) -> Any:
    network = nn.HybridSequential(prefix=SMALL + "_")
    with network.name_scope():
        for channels, stride in ((32, 2), (64, 1), (64, 2), (128, 2)):
            network.add(
                nn.Conv2D(channels, 3, strides=stride, padding=1, use_bias=False),
                nn.BatchNorm(),
                nn.Activation("relu"),
            )
        network.add(nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dropout(0.2), nn.Dense(classes))
    return network


def _zoo() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its optional parts, which classification does not need
        from gluoncv import model_zoo
    return model_zoo
