"""A committee of small networks that the tasks of a gang train together.

Every task holds all networks and its part of the months. In each step it works out the gradient over its own months, and
the gradients of all tasks are added up: data parallel, as large networks are trained. The steps themselves are in
train_jax.py and train_mindspore.py; this says what is trained, on what, and proves that it was one training.
"""

import hashlib
import json
import os
import sys
import time

started = time.perf_counter()

from exercise import better, errors_of_baselines, load_dataset, refuse, rmse

import numpy as np

SEED = 20101231
MEMBERS = 24
HIDDEN = 8
RATE = 0.01
DECAY = 0.02
# The networks are looked at after so many steps, and so many times: on the validation years they are best in between.
STEPS = 20
LOOKS = 8


def initial(features: int) -> list[np.ndarray]:
    """Weights and offsets of the hidden layer and of the output, and those that lead past the hidden layer, of all members:
    an El Niño beyond all that were seen is left to a straight line. The same on every task."""
    random = np.random.default_rng(SEED)
    scale = 1 / np.sqrt(features)
    return [
        random.normal(0, scale, (MEMBERS, features, HIDDEN)),
        np.zeros((MEMBERS, 1, HIDDEN)),
        random.normal(0, 1 / np.sqrt(HIDDEN), (MEMBERS, HIDDEN, 1)),
        np.zeros((MEMBERS, 1, 1)),
        np.zeros((MEMBERS, features, 1)),
    ]


def forecast(parameters: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    """The mean of what the members say."""
    hidden_weights, hidden_offsets, weights, offset, past = parameters
    return (np.tanh(x @ hidden_weights + hidden_offsets) @ weights + x @ past + offset).mean(axis=0)[:, 0]


class Months:
    """What is known of some months, made ready for training: standardized, and cut into equal parts."""

    def __init__(self, x: np.ndarray, y: np.ndarray, rows: int):
        self.mean, self.deviation = x.mean(axis=0), x.std(axis=0)
        # Each member sees a resample of the months, as in train.py: how often each month is in it.
        random = np.random.default_rng(SEED)
        counts = np.stack([np.bincount(random.integers(len(x), size=len(x)), minlength=len(x)) for _ in range(MEMBERS)])
        # Months without weight fill it up, so that all parts are alike.
        fill = rows - len(x)
        self.x = np.pad(self.ready(x), ((0, fill), (0, 0)))
        self.y = np.pad(y, (0, fill))[:, None]
        self.shares = np.pad(counts / len(x), ((0, 0), (0, fill)))[:, :, None]

    def ready(self, x: np.ndarray) -> np.ndarray:
        return (x - self.mean) / self.deviation

    def part(self, rank: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features, targets and the members' weights of every `size`th month from `rank` on."""
        return self.x[rank::size], self.y[rank::size], self.shares[:, rank::size]


def train(steps_of, months: Months, rank: int, size: int, looks: int) -> list[list[np.ndarray]]:
    """The parameters after each look. `steps_of(state, part)` does STEPS steps; a state is the parameters, two moments of
    their gradient for each, and the number of steps done."""
    parameters = initial(months.x.shape[1])
    state = [*parameters, *(np.zeros_like(p) for p in parameters * 2), np.zeros(())]
    seen, part = [], months.part(rank, size)
    for _ in range(looks):
        state = [np.asarray(array) for array in steps_of(state, part)]
        seen.append([array.astype(float) for array in state[: len(parameters)]])
    return seen


def rank_table() -> list[dict]:
    """Which card of which node is which rank, as Ascend's collective communication reads it; empty without one."""
    path = os.environ.get("RANK_TABLE_FILE")
    if not path:
        return []
    with open(path, encoding="utf-8") as file:
        table = json.load(file)
    return [
        {
            "rank": int(device["rank_id"]),
            "node": server["server_id"],
            "card": int(device["device_id"]),
            "address": device["device_ip"],
        }
        for server in table["server_list"]
        for device in server["device"]
    ]


def run(framework: str, rank: int, size: int, steps_together, steps_alone, everybodys, tolerance: float) -> None:
    """Trains, proves and reports. `everybodys(number)` gives the number that each task has, by rank."""
    data, _ = load_dataset()
    ready = time.perf_counter()
    known_x = np.concatenate([data["train_x"], data["validation_x"]])
    known_y = np.concatenate([data["train_y"], data["validation_y"]])
    rows = -(-len(known_x) // size) * size

    # How long to train, by the validation years; then once more on all years before the test.
    months = Months(data["train_x"], data["train_y"], rows)
    looks = train(steps_together, months, rank, size, LOOKS)
    errors = [rmse(forecast(look, months.ready(data["validation_x"])), data["validation_y"]) for look in looks]
    best = int(np.argmin(errors))
    months = Months(known_x, known_y, rows)
    parameters = train(steps_together, months, rank, size, best + 1)[-1]
    trained = time.perf_counter()

    digest = hashlib.sha256(b"".join(array.tobytes() for array in parameters)).hexdigest()
    node = os.environ.get("HAINA_NODE", "this machine")
    print(f"Task {rank} of {size} on {node}: parameters {digest[:12]} after {(best + 1) * STEPS} steps", flush=True)
    digests = everybodys(int(digest[:7], 16))
    if len(set(digests)) != 1:
        print(f"error: the tasks hold different parameters: {digests}", file=sys.stderr)
        sys.exit(1)
    if rank != 0:
        return

    test_x = months.ready(data["test_x"])
    forecasts = forecast(parameters, test_x)
    alone = forecast(train(steps_alone, months, 0, 1, best + 1)[-1], test_x)
    difference = float(np.abs(forecasts - alone).max())
    if difference > tolerance:
        print(f"error: one process alone forecasts otherwise, by up to {difference} °C", file=sys.stderr)
        sys.exit(1)

    error = rmse(forecasts, data["test_y"])
    persistence, climatology = errors_of_baselines(data)
    result = {
        "framework": framework,
        "name": f"{MEMBERS} networks of {HIDDEN} neurons",
        "tasks": size,
        "steps": (best + 1) * STEPS,
        "digest": digest[:12],
        "difference": difference,
        "validation_rmse": round(errors[best], 4),
        "rmse": round(error, 4),
        "rmse_persistence": round(persistence, 4),
        "rmse_climatology": round(climatology, 4),
        "skill_vs_persistence": round(1 - error / persistence, 4),
        "skill_vs_climatology": round(1 - error / climatology, 4),
        "rank_table": rank_table(),
        "start_seconds": round(ready - started, 1),
        "train_seconds": round(trained - ready, 1),
    }
    for row in result["rank_table"]:
        print(f"  rank {row['rank']}: card {row['card']} of {row['node']}, {row['address']}")
    print(f"All {size} tasks hold the same parameters, {digest[:12]}.")
    print(f"One process alone, on all months, forecasts the same to within {difference:.1e} °C.")
    print(f"{result['name']}, {framework}: RMSE {error:.2f} °C on the test years, which it was not fitted to.")
    for name, baseline in (("persistence", persistence), ("climatology", climatology)):
        print(f"  {baseline:.2f} °C  {name} (the networks are {better(result[f'skill_vs_{name}'])})")
    print(json.dumps(result), flush=True)
