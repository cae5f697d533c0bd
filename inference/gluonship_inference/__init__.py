"""What runs inside a serving container: a model's artifact and bytes in, predictions out.

`server` answers HTTP and holds no model; `pool` hands each request to the next free engine process;
`worker` is such a process, with one of two handlers in it: `native` (a GluonShip artifact) or
`sagemaker_mxnet` (AWS's MXNet handler stack around a user's script). `classifier` is the model itself,
and is also what `inference.py` runs inside AWS's own MXNet container. Python 3.8.
"""
