"""What is drawn in some axes."""

import matplotlib.pyplot as plt


def texts(axes):
    return [text.get_text() for text in axes.texts]


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def draws_into_the_axes_given(draw, ax):
    """That it returns them, with something in them that can be rendered, and makes no figure."""
    assert draw(ax=ax) is ax
    assert ax.has_data()
    assert len(plt.get_fignums()) == 1
    ax.figure.canvas.draw()


def makes_a_new_figure(draw):
    axes = draw()
    assert plt.get_fignums() == [axes.figure.number]
