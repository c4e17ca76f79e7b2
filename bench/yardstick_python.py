"""What Python's own multiprocessing takes, with two workers and the spawn start method."""
import multiprocessing
import sys
import time


def add_one(value):
    return (int.from_bytes(value, "little") + 1).to_bytes(8, "little")


def apply(pool, count):
    for i in range(count):
        pool.apply(add_one, (i.to_bytes(8, "little"),))


def tasks(pool, count):
    window = 1000  # as in pools.c
    for begin in range(0, count, window):
        results = [pool.apply_async(add_one, (i.to_bytes(8, "little"),))
                   for i in range(begin, begin + window)]
        for result in results:
            result.get()


def main():
    steps = {"apply": apply, "tasks": tasks}
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        apply(pool, 10)
        for line in sys.stdin:
            what, count = line.split()
            begin = time.perf_counter()
            steps[what](pool, int(count))
            print("%.3f" % ((time.perf_counter() - begin) * 1e6), flush=True)


if __name__ == "__main__":
    main()
