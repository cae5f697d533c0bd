"""A user's own Module-style script without any handler: the MXNet container's defaults serve it."""

import argparse
import json
import os

import mxnet as mx
from transform_fn import load


def train(arguments):
    mx.random.seed(1)
    x, y = load(arguments.train)
    data = mx.sym.Variable("data")
    hidden = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=64), act_type="relu")
    output = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(hidden, num_hidden=10), name="softmax")
    module = mx.mod.Module(output, context=mx.cpu())
    module.fit(
        mx.io.NDArrayIter(x, y, 32, shuffle=True),
        optimizer="adam",
        optimizer_params={"learning_rate": 0.002},
        initializer=mx.init.Xavier(),
        num_epoch=arguments.epochs,
    )
    module.save_checkpoint(os.path.join(arguments.model_dir, "model"), 0)
    with open(os.path.join(arguments.model_dir, "model-shapes.json"), "w") as shapes:
        json.dump([{"name": "data", "shape": [1, 784]}], shapes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    train(parser.parse_args())
