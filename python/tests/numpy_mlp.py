"""A perceptron with one hidden layer in plain numpy: what apps train that the tests write for Flower and Syft."""

from typing import Any

import numpy as np


def train_mlp(
    weights: list[Any], features: Any, labels: Any, epochs: int, batch_size: int, rate: float, momentum: float
) -> None:
    """Take steps of gradient descent with momentum on the cross entropy, in place; by layer weight, then bias."""
    draw = np.random.default_rng(1)
    weight, bias, last, offset = weights
    speeds = [np.zeros_like(array) for array in weights]
    for _ in range(epochs):
        for some in np.array_split(draw.permutation(len(labels)), -(-len(labels) // batch_size)):
            rows, wanted = features[some], labels[some]
            hidden = np.maximum(rows @ weight.T + bias, 0)
            logits = hidden @ last.T + offset
            chance = np.exp(logits - logits.max(1, keepdims=True))
            chance /= chance.sum(1, keepdims=True)
            chance[np.arange(len(wanted)), wanted] -= 1
            chance /= np.float32(len(wanted))
            back = (chance @ last) * (hidden > 0)
            gradients = (back.T @ rows, back.sum(0), chance.T @ hidden, chance.sum(0))
            for array, speed, gradient in zip(weights, speeds, gradients, strict=True):
                speed *= np.float32(momentum)
                speed += gradient
                array -= np.float32(rate) * speed
