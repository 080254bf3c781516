"""Fine-tune the upper part of a classifier of photos on cached activations."""

import keras
import numpy as np

from helpers.features import split_at
from helpers.freezing import unfreeze_from
from helpers.photo_head import class_weights
from helpers.progress import progress

BATCH = 32


def fine_tune(
    model: keras.Model,
    layer_name: str,
    activations: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int = 8,
    rate: float = 1e-3,
) -> keras.Model:
    """Train everything from one layer on, on what the layers before it gave for each photo.

    AdamW with a warm-up of one epoch and cosine decay; labels smoothed by 0.1; BatchNormalization
    and Dropout of the base kept still; photos of rare classes weigh more where `class_weights` says
    so. Everything before the layer is frozen.

    Args:
        model: a flat classifier with a trained softmax head; changed in place.
        layer_name: where training begins: the first layer of a whole block.
        activations: `(variants, n, ...)`, what goes into that layer for each photo.
        labels: `(n,)`, 0 to the number of classes - 1; every class must occur.
        epochs: passes over all variants of all photos, 2 or more.
        rate: the highest learning rate.

    Returns:
        The upper part: it shares its layers with the model and takes activations.

    Raises:
        ValueError: as for `split_at` and `unfreeze_from`.

    Lesson: 10
    """
    unfreeze_from(model, layer_name)
    upper = split_at(model, layer_name)[1]
    x = activations.reshape(-1, *activations.shape[2:])
    y = np.eye(model.output_shape[-1], dtype="float32")[np.tile(labels, len(activations))]
    steps = -(-len(x) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 100, (epochs - 1) * steps, warmup_target=rate, warmup_steps=steps
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4)
    upper.compile(optimizer, keras.losses.CategoricalCrossentropy(label_smoothing=0.1))
    weights = class_weights(labels)
    for epoch in progress(range(epochs), "fine-tuning", unit="epochs"):
        options = {"initial_epoch": epoch, "epochs": epoch + 1, "verbose": 0}
        upper.fit(x, y, batch_size=BATCH, class_weight=weights, **options)
    return upper
