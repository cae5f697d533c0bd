"""A user's own handler in three functions, over the network that transform_fn.py trains."""

import json
import os

import mxnet as mx
import numpy as np
from mxnet import gluon


def model_fn(model_dir):
    prefix = os.path.join(model_dir, "model")
    return gluon.SymbolBlock.imports(prefix + "-symbol.json", ["data"], prefix + "-0000.params")


def input_fn(data, content_type):
    if content_type != "text/csv":
        raise ValueError("this script takes text/csv, not " + content_type)
    text = data.decode() if isinstance(data, (bytes, bytearray)) else data
    rows = [[float(value) for value in line.split(",")] for line in text.strip().splitlines()]
    return mx.nd.array(np.asarray(rows, "float32") / 255)


def predict_fn(pixels, network):
    return network(pixels).argmax(axis=1).astype("int32")


def output_fn(labels, accept):
    return json.dumps({"labels": labels.asnumpy().tolist()}), "application/json"
