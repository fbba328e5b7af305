"""Trains the committee of together.py by a gang with MindSpore: a process for each task, its own collectives between them.

Reads dataset.npz of the working directory. RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say who the task is and where all
meet; Haina sets them. The last line of task 0's output is one JSON object.
"""

import os
import subprocess
import sys

# Simulated cards: the tasks compute on this machine's processors, each on one thread.
os.environ["OMP_NUM_THREADS"] = "1"
# Of MindSpore's own words those about errors.
os.environ.setdefault("GLOG_v", "3")
# What Haina says, in the names by which MindSpore's msrun would say it. DEVICE_ID is asked for where there is a rank table.
RANK, SIZE = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
os.environ.update(MS_NODE_ID=str(RANK), RANK_ID=str(RANK), MS_WORKER_NUM=str(SIZE), RANK_SIZE=str(SIZE))
os.environ.update(MS_SCHED_HOST=os.environ["MASTER_ADDR"], MS_SCHED_PORT=os.environ["MASTER_PORT"])
os.environ["DEVICE_ID"] = os.environ.get("LOCAL_RANK", "0")

# The workers meet at a process that does nothing else. It ends after the last of them.
SCHEDULER = "import mindspore; mindspore.set_device('CPU'); mindspore.communication.init()"


def beside_a_scheduler() -> int:
    """Task 0 is two processes, the scheduler and a worker. Returns how the worker ended."""
    scheduler = subprocess.Popen([sys.executable, "-c", SCHEDULER], env={**os.environ, "MS_ROLE": "MS_SCHED"})
    worker = subprocess.run([sys.executable, *sys.argv], env={**os.environ, "MS_ROLE": "MS_WORKER"})
    if worker.returncode != 0:
        scheduler.kill()
    scheduler.wait()
    return worker.returncode


# Before MindSpore is loaded: this process only waits.
if RANK == 0 and "MS_ROLE" not in os.environ:
    sys.exit(beside_a_scheduler())
os.environ["MS_ROLE"] = "MS_WORKER"

# First, because it limits the threads before NumPy is loaded.
import together

import mindspore
import numpy as np
from mindspore import Tensor, communication, ops

# What a gang and one process alone may differ by, in °C. Between processors MindSpore adds up in single precision only.
TOLERANCE = 1e-5


def step_with(add_up, shapes):
    """A step of Adam with weight decay (Loshchilov and Hutter, 2019). `add_up` adds up what all tasks have.

    Parameters are one array, as are the moments of their gradient: one exchange each step. The step is one graph, with the
    exchange in it: single operations would each wake several threads of every task.
    """
    starts = np.cumsum([0, *(np.prod(shape) for shape in shapes)]).tolist()

    def loss(flat, x, y, shares):
        """A task's share of the squared error, summed over the members."""
        cut = [flat[start:end].reshape(shape) for start, end, shape in zip(starts[:-1], starts[1:], shapes)]
        hidden_weights, hidden_offsets, weights, offset, past = cut
        forecasts = ops.matmul(ops.tanh(ops.matmul(x, hidden_weights) + hidden_offsets), weights) + ops.matmul(x, past)
        return (shares * (forecasts + offset - y) ** 2).sum()

    gradient_of = mindspore.grad(loss)

    @mindspore.jit
    def step(parameters, means, squares, corrections, x, y, shares):
        gradient = add_up(gradient_of(parameters, x, y, shares))
        means = 0.9 * means + 0.1 * gradient
        squares = 0.999 * squares + 0.001 * gradient * gradient
        change = means / corrections[0] / (ops.sqrt(squares / corrections[1]) + 1e-8)
        return parameters - together.RATE * (change + together.DECAY * parameters), means, squares

    return step


def steps_with(add_up):
    """STEPS steps, for together.py."""
    step = None

    def flat(arrays):
        return Tensor(np.concatenate([array.reshape(-1) for array in arrays]), mindspore.float32)

    def steps(state, part):
        nonlocal step
        shapes = [array.shape for array in state[0:5]]
        step = step or step_with(add_up, shapes)
        trained, count = [flat(state[0:5]), flat(state[5:10]), flat(state[10:15])], float(state[15])
        part = [Tensor(array, mindspore.float32) for array in part]
        for _ in range(together.STEPS):
            count += 1
            corrections = Tensor([1 - 0.9**count, 1 - 0.999**count], mindspore.float32)
            trained = step(*trained, corrections, *part)
        ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
        pieces = [np.split(array.asnumpy(), ends) for array in trained]
        return [*(piece.reshape(shape) for cut in pieces for piece, shape in zip(cut, shapes)), np.float64(count)]

    return steps


def nothing_to_add(gradients):
    return gradients


def main() -> None:
    mindspore.set_device("CPU")
    communication.init()
    gather = ops.AllGather()

    def everybodys(number: int) -> list[int]:
        return gather(Tensor([number], mindspore.int32)).asnumpy().tolist()

    framework = f"MindSpore {mindspore.__version__}"
    together.run(framework, RANK, SIZE, steps_with(ops.AllReduce()), steps_with(nothing_to_add), everybodys, TOLERANCE)


if __name__ == "__main__":
    main()
