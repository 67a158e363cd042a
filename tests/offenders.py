"""One test over many things, which lists all that offend: a file more is no test more."""

import functools
import inspect


def for_each(items, *, named=str):
    """Make one test of a test of one item; its failure names every item and what is wrong."""

    def decorate(test):
        first, *rest = inspect.signature(test).parameters.values()

        @functools.wraps(test)
        def run(**fixtures):
            wrong = []
            for item in items:
                try:
                    test(**{first.name: item}, **fixtures)
                except Exception as error:
                    wrong.append(f"{named(item)}: {error or type(error).__name__}")
            assert not wrong, "\n".join(wrong)

        run.__signature__ = inspect.Signature(rest)
        return run

    return decorate
