"""Trains the committee of together.py by a gang with JAX: one process each task, `jax.distributed` between them.

Reads dataset.npz of the working directory. RANK, WORLD_SIZE and JAX_COORDINATOR_ADDRESS say who the task is and where the
first one listens; Haina sets them. The last line of task 0's output is one JSON object.
"""

import os

# Simulated cards: the tasks compute on this machine's processors, each on one thread.
os.environ.update(JAX_PLATFORMS="cpu", OMP_NUM_THREADS="1")
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

# First, because it limits the threads before NumPy is loaded.
import together

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_cpu_collectives_implementation", "gloo")


def loss(parameters, part):
    """A task's share of the squared error, summed over the members."""
    hidden_weights, hidden_offsets, weights, offset, past = parameters
    x, y, shares = part
    forecasts = jnp.tanh(x @ hidden_weights + hidden_offsets) @ weights + x @ past + offset
    return jnp.sum(shares * (forecasts - y) ** 2)


def steps(state, part, add_up):
    """STEPS steps of Adam with weight decay (Loshchilov and Hutter, 2019). `add_up` adds up what all tasks have."""

    def step(_, state):
        parameters, means, squares, count = state[0:5], state[5:10], state[10:15], state[15] + 1
        flat, unflatten = ravel_pytree(jax.grad(loss)(parameters, part))
        # All gradients as one array: one exchange each step.
        gradients = unflatten(add_up(flat))
        means = [0.9 * m + 0.1 * g for m, g in zip(means, gradients)]
        squares = [0.999 * s + 0.001 * g**2 for s, g in zip(squares, gradients)]
        parameters = [
            p - together.RATE * (m / (1 - 0.9**count) / (jnp.sqrt(s / (1 - 0.999**count)) + 1e-8) + together.DECAY * p)
            for p, m, s in zip(parameters, means, squares)
        ]
        return [*parameters, *means, *squares, count]

    return jax.lax.fori_loop(0, together.STEPS, step, state)


def main() -> None:
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    jax.distributed.initialize(num_processes=size, process_id=rank)
    mesh = Mesh(jax.devices(), "task")
    everywhere = PartitionSpec()
    by_month = (PartitionSpec("task"), PartitionSpec("task"), PartitionSpec(None, "task"))
    together_ = jax.jit(
        jax.shard_map(
            lambda state, part: steps(state, part, lambda gradient: jax.lax.psum(gradient, "task")),
            mesh=mesh,
            in_specs=(everywhere, by_month),
            out_specs=everywhere,
            check_vma=False,
        )
    )
    alone = jax.jit(lambda state, part: steps(state, part, lambda gradient: gradient))

    def steps_together(state, part):
        own = [
            jax.make_array_from_process_local_data(NamedSharding(mesh, spec), array) for spec, array in zip(by_month, part)
        ]
        state = [jax.make_array_from_process_local_data(NamedSharding(mesh, everywhere), array) for array in state]
        return [array.addressable_data(0) for array in together_(state, tuple(own))]

    gather = jax.jit(
        jax.shard_map(
            lambda own: jax.lax.all_gather(own, "task", tiled=True),
            mesh=mesh,
            in_specs=PartitionSpec("task"),
            out_specs=everywhere,
            check_vma=False,
        )
    )

    def everybodys(number: int) -> list[int]:
        own = jax.make_array_from_process_local_data(NamedSharding(mesh, PartitionSpec("task")), jnp.array([number]))
        return [int(of_task) for of_task in gather(own).addressable_data(0)]

    together.run(f"JAX {jax.__version__}", rank, size, steps_together, lambda s, p: alone(s, p), everybodys, 1e-6)
    jax.distributed.shutdown()


if __name__ == "__main__":
    main()
