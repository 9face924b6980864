"""How a process that answers people keeps its garbage collector from standing in their way."""

import gc


def spare_loaded_objects() -> None:
    """Has the collector look no more at what is loaded now, which lasts as long as the process.

    A look at all of it takes a quarter of a second, in which nobody is answered: it was the slowest hundredth of pages.
    """
    gc.collect()
    gc.freeze()
