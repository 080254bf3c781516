"""What all figures share: colours that colour-blind readers can tell apart, sizes, labels."""

from matplotlib.axes import Axes

BLUE = "#0072B2"
VERMILLION = "#D55E00"
TITLE_SIZE = 15
TEXT_SIZE = 13


def label_axes(ax: Axes, *, title: str, x: str, y: str) -> None:
    """Write title and axis labels, large enough to be read at half size.

    Args:
        ax: changed in place.
        title: of the figure.
        x: what the horizontal axis shows, with its unit.
        y: what the vertical axis shows, with its unit.

    Lesson: 00
    """
    ax.set_title(title, fontsize=TITLE_SIZE)
    ax.set_xlabel(x, fontsize=TEXT_SIZE)
    ax.set_ylabel(y, fontsize=TEXT_SIZE)
    ax.tick_params(labelsize=TEXT_SIZE)
