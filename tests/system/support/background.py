"""What goes on while a test does something else."""

import contextlib
import threading

ROUNDS_MAX = 2000


@contextlib.contextmanager
def going_on(act):
    """Calls `act()` again and again, ROUNDS_MAX times at most, until the block ends."""
    is_done = threading.Event()

    def repeat():
        for _ in range(ROUNDS_MAX):
            if is_done.is_set():
                return
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()
