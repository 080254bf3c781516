"""Train on whatever a `tf.distribute` strategy spans, with a backup after every epoch."""

import os
from collections.abc import Callable, Iterator
from timeit import repeat

import keras
import tensorflow as tf

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def make_step(strategy: tf.distribute.Strategy, model: keras.Model, loss: Loss) -> Callable:
    """Make the training step that every device takes with its share of a batch.

    The optimizer adds up the gradients of all devices, so `loss` must be a device's part of the
    loss of the whole batch: a sum, divided by the size of the whole batch.

    Args:
        strategy: the model was made in its scope.
        model: compiled, its optimizer built.
        loss: takes labels and predictions of a share, gives a number.

    Returns:
        A function of a share `(x, y)`, as distributed datasets give them.

    Lesson: 11
    Source: https://www.tensorflow.org/tutorials/distribute/custom_training
    """

    def on_share(x: tf.Tensor, y: tf.Tensor) -> None:
        """One step on a share of the batch; `apply_gradients` adds up those of all replicas."""
        with tf.GradientTape() as tape:
            part = loss(y, model(x, training=True))
        gradients = tape.gradient(part, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    return tf.function(lambda x, y: strategy.run(on_share, args=(x, y)))


def train_epochs(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    batches: tf.data.Dataset,
    loss: Loss,
    *,
    epochs: int,
    backup: str | os.PathLike,
) -> Iterator[int]:
    """Train epoch by epoch; go on where an earlier run with the same backup was stopped.

    The first worker writes the backup (`keras.callbacks.BackupAndRestore`), all read it. It stays
    after the last epoch.

    Args:
        strategy: one device, several, or several workers.
        model: made and compiled in the strategy's scope, the same in each run.
        batches: whole batches `(x, y)`, the same in each worker and each run.
        loss: as for `make_step`.
        epochs: how many in all, those of earlier runs included.
        backup: a folder of its own for this run, which all workers can read.

    Yields:
        The number of finished epochs, after each and after its backup.

    Lesson: 11
    """
    with strategy.scope():
        model.optimizer.build(model.trainable_variables)
    keeper = keras.callbacks.BackupAndRestore(os.fspath(backup), double_checkpoint=True)
    keeper.set_model(model)
    keeper.on_train_begin()  # loads what an earlier run has left
    done = int(model.optimizer.iterations.numpy()) // len(batches)
    step = make_step(strategy, model, loss)
    shares = strategy.experimental_distribute_dataset(batches)
    for epoch in range(done, epochs):
        for share in shares:
            step(*share)
        if _is_first(strategy):
            keeper.on_epoch_end(epoch)
        yield epoch + 1


def seconds_to_add_up(strategy: tf.distribute.Strategy, megabytes: int) -> float:
    """Time how long all workers take to add up their arrays and to get the sum.

    Args:
        strategy: every worker calls this at the same time.
        megabytes: size of the array.

    Returns:
        Seconds, the best of five after a first run.

    Lesson: 11
    """

    def add_up() -> tf.Tensor:
        """Add up one array of every replica."""
        values = tf.ones(250_000 * megabytes)  # of 4 bytes each
        return tf.distribute.get_replica_context().all_reduce("SUM", values)

    run = tf.function(lambda: strategy.run(add_up))
    return min(repeat(run, number=1, repeat=6)[1:])


def _is_first(strategy: tf.distribute.Strategy) -> bool:
    resolver = strategy.cluster_resolver
    return resolver is None or resolver.task_id in (0, None)
