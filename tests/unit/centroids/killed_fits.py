"""Kills fits at random times and resumes them; run by test_checkpoint_folder.py.

Each case forks a fit, kills it, and resumes it from its checkpoints in another process. Prints one
JSON line per case: how the processes ended, and whether the result is bit-identical to that of a
fit that was not killed.
"""

import io
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'

import numpy as np

from tfx_kmeans import filesystem
from tfx_kmeans.centroids import checkpoint_folder
from tfx_kmeans.clustering.kernels.choice import KERNELS_VARIABLE
from tfx_kmeans.python_api.fit import fit

CASES = {
    'numpy': {'num_restarts': 3},
    'weighted': {'num_restarts': 3},
    'drawn seed': {'num_restarts': 2, 'seed': None},
    'mini-batch': {'use_mini_batch': True, 'batch_size': 256, 'max_iterations': 150},
    'cosine': {'distance_metric': 'cosine', 'initial_clusters': 'random'},
}


def rows():
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=1.5, size=(30, 8)) + 2
    return (centers[rng.integers(30, size=30_000)] + rng.normal(size=(30_000, 8))).astype('f')


def run(case, folder, seed=0):
    if case == 'numpy':
        os.environ[KERNELS_VARIABLE] = 'numpy'
    else:
        os.environ.pop(KERNELS_VARIABLE, None)
    options = {'num_clusters': 24, 'relative_tolerance': 1e-6, 'seed': seed, **CASES[case]}
    weights = np.random.default_rng(1).uniform(0, 2, 30_000) if case == 'weighted' else None
    model = fit(rows(), checkpoint_dir=folder, sample_weight=weights, **options)
    restarts = [
        [r.inertia, r.converged, [[i.inertia, i.moved] for i in r.history]]
        for r in model.metadata.restarts
    ]
    arrays = {
        name: getattr(model.payload, name)
        for name in ('centroids', 'shift', 'cluster_weight', 'cluster_inertia')
    }
    buffer = io.BytesIO()
    np.savez(buffer, restarts=json.dumps(restarts), seed=model.metadata.seed, **arrays)
    return buffer.getvalue()


def in_child(work):
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print('child:', error, file=sys.stderr)
            os._exit(1)
    return child


def exit_code(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_after(seconds):
    def wait_and_kill(child):
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)

    return lambda: None, wait_and_kill


def killed_inside_write(number, half):
    """Kills the child in its `number`th checkpoint, half written or written but not yet renamed."""

    def prepare():
        counted = {'writes': 0}
        serialized, rename = checkpoint_folder._serialized, filesystem.rename

        def die_half_way(checkpoint):
            content = serialized(checkpoint)
            counted['writes'] += 1
            if half and counted['writes'] == number:
                with open(f'{folder_of_child}/partial', 'wb') as file:
                    file.write(content[: len(content) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return content

        def die_before_rename(source, target):
            if not half and counted['writes'] == number:
                os.kill(os.getpid(), signal.SIGKILL)
            rename(source, target)

        checkpoint_folder._serialized = die_half_way
        filesystem.rename = die_before_rename

    return prepare, lambda child: None


folder_of_child = ''


def compare(case, folder, killing):
    """Compares a fit that is killed once and resumed with a fit that is not killed."""
    global folder_of_child
    folder_of_child, (prepare, kill) = str(folder / 'checkpoints'), killing
    result = folder / 'result.npz'
    folder.mkdir()

    def first():
        checkpoint_folder._SPARED = 0  # a checkpoint after every iteration
        prepare()
        run(case, folder_of_child)

    def second():
        result.write_bytes(run(case, folder_of_child))

    child = in_child(first)
    kill(child)
    first_code = exit_code(child)
    left = sorted(path.name for path in Path(folder_of_child).glob('*'))
    second_code = exit_code(in_child(second))
    found = np.load(result)
    whole = folder / 'whole.npz'
    seed = int(found['seed'])
    child = in_child(lambda: whole.write_bytes(run_whole(case, seed)))
    exit_code(child)
    expected = np.load(whole)
    return {
        'case': case,
        'killed': first_code == -signal.SIGKILL,
        'left': left,
        'ended': second_code == 0,
        'same': all(np.array_equal(found[name], expected[name]) for name in expected.files),
        'tidy': list(Path(folder_of_child).iterdir()) == [],
    }


def run_whole(case, seed):
    CASES[case].pop('seed', None)
    return run(case, None, seed)


def duration_of(case, folder):
    """Seconds that a fit takes with a checkpoint after every iteration."""

    def work():
        checkpoint_folder._SPARED = 0
        run(case, str(folder / f'timed {case}'))

    started = time.monotonic()
    exit_code(in_child(work))
    return time.monotonic() - started


def main(folder):
    random.seed(int(sys.argv[2]))
    run('weighted', None)  # imports everything, so that no fit is killed before it begins
    durations = {case: duration_of(case, folder) for case in CASES}
    names = list(CASES)
    for index in range(20):
        case = names[index % len(names)]
        killing = killed_after(random.uniform(0.0, 0.9) * durations[case])
        print(json.dumps(compare(case, folder / str(index), killing)))
    for index, (number, half) in enumerate((n, half) for n in (1, 2, 5) for half in (True, False)):
        killing = killed_inside_write(number, half)
        print(json.dumps(compare(names[index % len(names)], folder / f'write {index}', killing)))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
