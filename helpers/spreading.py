"""Train on whatever a `tf.distribute` strategy spans, with a backup after every epoch."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from timeit import repeat

import keras
import tensorflow as tf

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
Batches = Callable[[tf.distribute.InputContext, int], tf.data.Dataset]


def make_step(strategy: tf.distribute.Strategy, model: keras.Model, loss: Loss) -> Callable:
    """Make the training step that every device takes with its share of a batch.

    The optimizer adds up the gradients of all devices, so `loss` must be a device's part of the
    loss of the whole batch: a sum, divided by the size of the whole batch. Penalties of the layers
    (`model.losses`) count once, not once for each device, and the optimizer scales the loss as in
    `fit` (`keras.optimizers.LossScaleOptimizer` for 16 bits).

    Args:
        strategy: the model was made in its scope.
        model: compiled, its optimizer built.
        loss: takes labels and predictions of a share, gives a float32 number.

    Returns:
        A function of a share `(x, y)`, as distributed datasets give them.

    Lesson: 11
    Source: https://www.tensorflow.org/tutorials/distribute/custom_training
    """
    optimizer = model.optimizer

    def on_share(x: tf.Tensor, y: tf.Tensor) -> None:
        """One step on a share of the batch; `apply_gradients` adds up those of all replicas."""
        with tf.GradientTape() as tape:
            part = loss(y, model(x, training=True))
            penalty = sum(model.losses) / strategy.num_replicas_in_sync
            scaled = optimizer.scale_loss(part + penalty)
        gradients = tape.gradient(scaled, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    return tf.function(lambda x, y: strategy.run(on_share, args=(x, y)))


def train_epochs(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    batches: Batches,
    loss: Loss,
    *,
    epochs: int,
    backup: str | os.PathLike,
) -> Iterator[int]:
    """Train epoch by epoch; go on where an earlier run with the same backup was stopped.

    Each worker makes its own pipeline from the `tf.distribute.InputContext` that says which share
    is its own, so it reads nothing else. A pipeline is made for each epoch, by its number: a
    resumed run repeats the order of an undisturbed one. So a cache in memory lasts one epoch; one
    in a file lasts.

    The first worker writes the backup (`keras.callbacks.BackupAndRestore`), all read it. It stays
    after the last epoch.

    Args:
        strategy: one device, several, or several workers.
        model: made and compiled in the strategy's scope, the same in each run.
        batches: takes the context and the epoch's number, from 0, and gives batches `(x, y)` of
            `context.get_per_replica_batch_size(...)` examples, in a dataset of known length.
            Together the shares of a step must hold what one device would have in that batch.
        loss: as for `make_step`.
        epochs: how many in all, those of earlier runs included.
        backup: a folder of its own for this run, which all workers can read.

    Yields:
        The number of finished epochs, after each and after its backup.

    Raises:
        RuntimeError: the workers found different backups.

    Lesson: 11
    Source: https://www.tensorflow.org/tutorials/distribute/input
    """
    with strategy.scope():
        model.optimizer.build(model.trainable_variables)
    keeper = keras.callbacks.BackupAndRestore(os.fspath(backup), double_checkpoint=True)
    keeper.set_model(model)
    keeper.on_train_begin()  # loads what an earlier run has left
    whole = batches(tf.distribute.InputContext(), 0)  # as on one device: as many steps
    done = _finished(model.optimizer, len(whole), Path(backup))
    _check_all_begin(strategy, done, backup)
    step = make_step(strategy, model, loss)
    for epoch in range(done, epochs):
        for share in strategy.distribute_datasets_from_function(
            lambda context, epoch=epoch: batches(context, epoch)
        ):
            step(*share)
        if _is_first(strategy):
            keeper.on_epoch_end(epoch)
        yield epoch + 1


def seconds_to_add_up(strategy: tf.distribute.Strategy, megabytes: int) -> float:
    """Time how long all workers take to add up their arrays and to get the sum.

    Args:
        strategy: every worker calls this at the same time.
        megabytes: size of the float32 array.

    Returns:
        Seconds of wall time, the best of five after a first run.

    Lesson: 11
    """

    def add_up() -> tf.Tensor:
        """Add up one array of every replica."""
        values = tf.ones(250_000 * megabytes)  # of 4 bytes each
        return tf.distribute.get_replica_context().all_reduce("SUM", values)

    run = tf.function(lambda: strategy.run(add_up))
    return min(repeat(run, number=1, repeat=6)[1:])


def _finished(optimizer: keras.Optimizer, steps: int, backup: Path) -> int:
    """How many epochs the loaded weights have seen.

    The backup's note is written after its weights, so it is one behind where a worker died between
    the two: the optimizer's count tells. Else the note counts: the optimizer leaves out steps that
    loss scaling skips, and earlier runs may have had batches of another size.
    """
    note = backup / "training_metadata.json"
    noted = json.loads(note.read_text())["epoch"] if note.exists() else 0
    counted = int(keras.ops.convert_to_numpy(optimizer.iterations)) // steps
    return counted if counted == noted + 1 else noted


def _check_all_begin(
    strategy: tf.distribute.Strategy, done: int, backup: str | os.PathLike
) -> None:
    def told() -> tf.Tensor:
        """The finished epochs that each replica found."""
        return tf.distribute.get_replica_context().all_gather(tf.constant([done]), axis=0)

    found = {int(each) for each in strategy.experimental_local_results(strategy.run(told))[0]}
    if found != {done}:
        raise RuntimeError(
            f"Workers found backups of {sorted(found)} epochs in {os.fspath(backup)!r}: this must "
            "be one folder that all of them share."
        )


def _is_first(strategy: tf.distribute.Strategy) -> bool:
    resolver = strategy.cluster_resolver
    return resolver is None or resolver.task_id in (0, None)
