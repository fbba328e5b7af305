"""Trains the committee of together.py by a gang with MindSpore: one process each task, its own collectives between them.

Reads dataset.npz of the working directory. RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say who the task is and where they
meet; Haina sets them. The last line of task 0's output is one JSON object.

MindSpore's processes meet at one that does nothing else, its scheduler: task 0 starts that too, as msrun would.
"""

import os
import subprocess
import sys

# Simulated cards: the tasks compute on this machine's processors, each on one thread.
os.environ.update(OMP_NUM_THREADS="1")
os.environ.setdefault("GLOG_v", "3")
os.environ.update(
    MS_SCHED_HOST=os.environ["MASTER_ADDR"],
    MS_SCHED_PORT=os.environ["MASTER_PORT"],
    MS_WORKER_NUM=os.environ["WORLD_SIZE"],
    MS_NODE_ID=os.environ["RANK"],
)
RANK, SIZE = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])

# What a gang and one process alone may differ by, in °C: they add up in another order, in single precision.
TOLERANCE = 1e-4


def with_scheduler() -> int:
    """Task 0: the scheduler and the worker, each a process. How the worker ended."""
    start = lambda role: subprocess.Popen([sys.executable, *sys.argv], env={**os.environ, "MS_ROLE": role})
    scheduler, worker = start("MS_SCHED"), start("MS_WORKER")
    code = worker.wait()
    if code != 0:
        scheduler.terminate()
    # It ends when all workers have.
    scheduler.wait()
    return code


def schedule() -> None:
    import mindspore
    from mindspore.communication import init

    mindspore.set_device("CPU")
    os.environ.pop("RANK_TABLE_FILE", None)
    init()


def work() -> None:
    # First, because it limits the threads before NumPy is loaded.
    import together

    import mindspore
    import numpy as np
    from mindspore import Tensor, ops
    from mindspore.communication import init

    mindspore.set_device("CPU")
    # On Ascend MindSpore finds its card in the rank table. On processors there is none: the table is for the report.
    table = os.environ.pop("RANK_TABLE_FILE", None)
    init()
    if table:
        os.environ["RANK_TABLE_FILE"] = table
    add_up = ops.AllReduce()
    shapes = [array.shape for array in together.initial(together.load_dataset()[0]["train_x"].shape[1])]

    def cut(flat):
        """The parameters that one array holds: what is one array is exchanged at once."""
        pieces, at = [], 0
        for shape in shapes:
            size = shape[0] * shape[1] * shape[2]
            pieces.append(flat[at : at + size].reshape(shape))
            at += size
        return pieces

    def loss(flat, x, y, shares):
        """A task's share of the squared error, summed over the members."""
        hidden_weights, hidden_offsets, weights, offset, past = cut(flat)
        forecasts = ops.matmul(ops.tanh(ops.matmul(x, hidden_weights) + hidden_offsets), weights) + ops.matmul(x, past)
        return (shares * (forecasts + offset - y) ** 2).sum()

    gradient_of = mindspore.jit(mindspore.grad(loss))

    @mindspore.jit
    def update(parameters, means, squares, gradient, corrections):
        """A step of Adam with weight decay (Loshchilov and Hutter, 2019)."""
        means = 0.9 * means + 0.1 * gradient
        squares = 0.999 * squares + 0.001 * gradient * gradient
        change = means / corrections[0] / (ops.sqrt(squares / corrections[1]) + 1e-8)
        return parameters - together.RATE * (change + together.DECAY * parameters), means, squares

    def steps(state, part, add_up):
        """STEPS steps. `add_up` adds up what all tasks have."""
        whole = lambda arrays: Tensor(np.concatenate([array.reshape(-1) for array in arrays]), mindspore.float32)
        part = [Tensor(array, mindspore.float32) for array in part]
        parameters, means, squares, count = whole(state[0:5]), whole(state[5:10]), whole(state[10:15]), float(state[15])
        for _ in range(together.STEPS):
            count += 1
            corrections = Tensor([1 - 0.9**count, 1 - 0.999**count], mindspore.float32)
            gradient = add_up(gradient_of(parameters, *part))
            parameters, means, squares = update(parameters, means, squares, gradient, corrections)
        return [*(array for flat in (parameters, means, squares) for array in cut(flat.asnumpy())), np.float64(count)]

    def everybodys(number: int) -> list[int]:
        # In two halves: on processors MindSpore adds up single precision only, which holds whole numbers of 24 bits.
        halves = np.zeros((2, SIZE), np.float32)
        halves[:, RANK] = divmod(number, 1 << 14)
        high, low = add_up(Tensor(halves)).asnumpy().astype(int)
        return [int(number) for number in (high << 14) + low]

    together.run(
        f"MindSpore {mindspore.__version__}",
        RANK,
        SIZE,
        lambda state, part: steps(state, part, add_up),
        lambda state, part: steps(state, part, lambda gradient: gradient),
        everybodys,
        TOLERANCE,
    )


if __name__ == "__main__":
    match os.environ.setdefault("MS_ROLE", "" if RANK == 0 else "MS_WORKER"):
        case "MS_SCHED":
            schedule()
        case "MS_WORKER":
            work()
        case _:
            sys.exit(with_scheduler())
