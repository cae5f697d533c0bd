"""The optimizer: one update of all parameters, and its state as plain arrays.

MXNet's Trainer saves its state as a pickle, which could run code when it is loaded. Here the momentum and
the moments are arrays in MXNet's .params format, and the count of updates is a number.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import mxnet as mx

from gluonship_training.failures import JobError


class Updates:
    """Updates a network's trainable parameters, on one device."""

    def __init__(
        self,
        network: Any,
        optimizer: str,
        batch_size: int,
        momentum: float,
        weight_decay: float,
        steps_done: int = 0,
    ) -> None:
        """`optimizer` is sgd, nag or adam; `steps_done` updates came before (Adam's bias correction)."""
        parameters = [p for p in network.collect_params().values() if p.grad_req != "null"]
        for parameter in parameters:
            if not parameter.name.endswith("weight"):
                parameter.wd_mult = 0.0
        first = {"beta1": momentum} if optimizer == "adam" else {"momentum": momentum}
        self._optimizer = mx.optimizer.create(
            optimizer,
            param_dict=dict(enumerate(parameters)),
            rescale_grad=1.0 / batch_size,
            wd=weight_decay,
            begin_num_update=steps_done,
            **first,
        )
        self._updater = mx.optimizer.get_updater(self._optimizer)
        self._weights = [parameter.list_data()[0] for parameter in parameters]
        self._gradients = [parameter.list_grad()[0] for parameter in parameters]
        # MXNet's NAG is not reproducible unless the gradients are complete when it begins.
        self._wait = optimizer == "nag"

    def step(self, rate: float) -> None:
        """Applies the gradients of the last backward pass; returns before the device is done."""
        if self._wait:
            mx.nd.waitall()
        self._optimizer.set_learning_rate(rate)
        self._updater(list(range(len(self._weights))), self._gradients, self._weights)

    def state(self) -> dict[str, Any]:
        """The optimizer's arrays by "parameter.slot"."""
        return {
            f"{index}.{slot}": array
            for index in range(len(self._weights))
            for slot, array in enumerate(self._slots(index))
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave. Raises JobError where it does not fit the network."""
        mine = self.state()
        if sorted(mine) != sorted(state) or any(mine[key].shape != state[key].shape for key in mine):
            raise JobError("The checkpoint's optimizer state does not fit this network.")
        for key, array in mine.items():
            state[key].copyto(array)

    def _slots(self, index: int) -> list[Any]:
        states = self._updater.states
        if index not in states:
            states[index] = self._optimizer.create_state_multi_precision(index, self._weights[index])
            self._updater.states_synced[index] = True
        slots = states[index]
        sequence: Sequence[Any] = slots if isinstance(slots, (tuple, list)) else (slots,)
        return [slot for slot in sequence if slot is not None]
