import os
import signal
import threading

import pytest

from habitus.training.interrupt import Interrupt


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def _usual_handler() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_the_first_press_waits_and_is_raised_on_leaving() -> None:
    interrupt = Interrupt()
    seen = []

    def work() -> None:
        with interrupt:
            press()
            seen.append(interrupt.requested)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert seen == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_press_does_not_wait() -> None:
    seen = []

    def work() -> None:
        with Interrupt():
            press()
            seen.append("first")
            press()
            seen.append("second")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert seen == ["first"]


def test_without_a_press_nothing_happens() -> None:
    with Interrupt() as interrupt:
        assert not interrupt.requested
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_is_not_hidden_by_a_press() -> None:
    def work() -> None:
        with Interrupt():
            press()
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        work()


def test_a_program_keeps_its_own_handler() -> None:
    seen = []
    signal.signal(signal.SIGINT, lambda *_: seen.append("own"))
    try:
        with Interrupt() as interrupt:
            press()
            assert not interrupt.requested
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert seen == ["own"]


def test_other_threads_are_left_alone() -> None:
    done = []

    def work() -> None:
        with Interrupt():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
