"""Which network a base is, by the names of its layers, and the pixels that it was trained on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class Family:
    """The networks of one module of `keras.applications`.

    Attributes:
        module: its name in `keras.applications`.
        pixels: what its first layer with weights takes: `"signed"` (-1 to 1), `"bgr"` (blue first,
            the mean taken off), `"standard"` (mean 0, standard deviation 1); or `"raw"`, 0 to 255,
            where the network scales them itself.
        mark: a regular expression for a layer that no other network has, near its input.
        end: a regular expression for the last layers without the top.

    Lesson: 12
    """

    module: str
    pixels: str
    mark: str
    end: str


FAMILIES = (
    Family("mobilenet_v2", "signed", "bn_Conv1", "out_relu"),
    Family("mobilenet_v3", "raw", "expanded_conv_project(_bn)?", "conv_1(_bn)?"),
    Family("mobilenet", "signed", "conv_dw_1", "conv_pw_13_relu"),
    Family("resnet_v2", "signed", "conv2_block1_preact_bn", "post_relu"),
    Family("densenet", "standard", "conv2_block1_concat", "relu"),
    Family("resnet", "bgr", "conv2_block1_1_conv", r"conv5_block\d+_out"),
    Family("xception", "signed", "block1_conv1_bn", "block14_sepconv2_act"),
    Family("vgg16", "bgr", "block1_conv1", "block5_pool"),
    Family("inception_v3", "signed", "mixed0", "mixed10"),
    Family("inception_resnet_v2", "signed", "mixed_5b", "conv_7b_ac"),
    Family("nasnet", "signed", "stem_bn1", r"normal_concat_\d+"),
    Family("efficientnet_v2", "raw", "block1a_project_conv", "top_activation"),
    Family("efficientnet", "raw", "block1a_dwconv", "top_activation"),
    Family("convnext", "raw", r"convnext_\w+_stem", r"convnext_\w+_stage_\d+_block_\d+_.*"),
)


def family_of(layers: Sequence[keras.Layer]) -> Family | None:
    """Recognise a network of `keras.applications`.

    Args:
        layers: the layers of a model.

    Returns:
        Its family, whatever the model is called; None for any other network.

    Lesson: 12
    """
    names = [layer.name for layer in layers]
    return next((family for family in FAMILIES if _last(names, family.mark) is not None), None)


def end_of(layers: Sequence[keras.Layer], family: Family) -> int:
    """Find where a network of `keras.applications` ends in a flat model that begins with it.

    Args:
        layers: the layers of the model, in order.
        family: the network's.

    Returns:
        How many of the layers belong to it. Its top is counted where something follows on it; the
        beginning of the network, where the model was cut lower.

    Lesson: 12
    """
    names = [layer.name for layer in layers]
    top = _last(names[:-1], "predictions")
    end = _last(names, family.end)
    ends = (top, end, _last_stage(names), _last(names, family.mark))
    return next(end for end in ends if end is not None) + 1


def _last(names: Sequence[str], pattern: str) -> int | None:
    found = [i for i, name in enumerate(names) if re.fullmatch(pattern, name)]
    return found[-1] if found else None


def _last_stage(names: Sequence[str]) -> int | None:
    """The last name in the manner of an application: `block_6_expand`, `conv4_block1_out`."""
    return _last(names, r"(block_?\d+|conv_[dp]w_\d+|conv\d_block\d+|mixed_?\d|expanded_conv)\w*")
