"""A user's own MXNet script: trains a small network on Fashion-MNIST and serves it by transform_fn."""

import argparse
import gzip
import json
import os

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon


def load(folder):
    with (
        gzip.open(os.path.join(folder, "labels.gz")) as labels,
        gzip.open(os.path.join(folder, "images.gz")) as images,
    ):
        y = np.frombuffer(labels.read(), np.uint8, offset=8)
        x = np.frombuffer(images.read(), np.uint8, offset=16).reshape(len(y), 784)
    return x.astype("float32") / 255, y.astype("float32")


def train(arguments):
    mx.random.seed(1)
    x, y = load(arguments.train)
    network = gluon.nn.HybridSequential()
    network.add(gluon.nn.Dense(64, activation="relu"), gluon.nn.Dense(10))
    network.initialize(mx.init.Xavier())
    network.hybridize()
    trainer = gluon.Trainer(network.collect_params(), "adam", {"learning_rate": arguments.learning_rate})
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    batches = gluon.data.DataLoader(gluon.data.ArrayDataset(x, y), arguments.batch_size, shuffle=True)
    for epoch in range(arguments.epochs):
        right = 0
        for data, label in batches:
            with autograd.record():
                output = network(data)
                loss = loss_of(output, label)
            loss.backward()
            trainer.step(len(data))
            right += int((output.argmax(axis=1) == label).sum().asscalar())
        print(f"epoch {epoch} train-accuracy={right / len(x):.4f}", flush=True)
    network.export(os.path.join(arguments.model_dir, "model"))


def model_fn(model_dir):
    prefix = os.path.join(model_dir, "model")
    return gluon.SymbolBlock.imports(prefix + "-symbol.json", ["data"], prefix + "-0000.params")


def transform_fn(network, data, content_type, accept):
    if content_type != "application/json":
        raise ValueError("this script takes application/json, not " + content_type)
    pixels = mx.nd.array(np.asarray(json.loads(data), "float32").reshape(-1, 784) / 255)
    return json.dumps(network(pixels).argmax(axis=1).astype("int32").asnumpy().tolist()), accept


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=0.002)
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    train(parser.parse_args())
