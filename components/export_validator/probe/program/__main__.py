"""Loads SavedModels with TensorFlow alone and writes down what they answer.

Runs isolated (python -I) in a process that can import only TensorFlow, as a server would. The
arguments are package folders that an isolated Python does not know. The program imports TensorFlow,
and then reads lines from standard input, each the path of a `probe_protocol.Request`. For each
request it forks, so that no model is affected by an earlier one and none can crash the program,
and prints one line when the fork has ended: its exit code, or null if it was stopped after the time
limit.

The fork writes TASKS_FILE, {task: {"seconds"} or {"error"}}, with DONE as the last task, and the
outputs of each task.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback

from probe_limits import refuse_imports
from probe_protocol import Request


def main() -> None:
    """Answers requests until standard input or the parent process ends."""
    refuse_imports()
    sys.path += [folder for folder in sys.argv[1:] if folder not in sys.path]
    parent = os.getppid()

    import probe_tasks  # noqa: F401  # imports TensorFlow, which every fork starts with

    while path := next_line(parent):
        print(json.dumps(answer_in_fork(Request.read(path), parent)), flush=True)


def next_line(parent: int) -> str:
    """The next line of standard input; '' at its end, or if the parent process has ended."""
    while os.getppid() == parent:
        if select.select([sys.stdin], [], [], 1)[0]:
            return sys.stdin.readline().strip()
    return ''


def answer_in_fork(request: Request, parent: int) -> int | None:
    """Answers in a copy of this process; its exit code, None if it had to be stopped."""
    deadline = time.monotonic() + request.seconds
    fork = os.fork()
    if not fork:
        answer_and_exit(request)
    ended = 0
    try:
        while time.monotonic() < deadline and os.getppid() == parent:
            ended, status = os.waitpid(fork, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
    finally:
        if not ended:
            os.kill(fork, signal.SIGKILL)
            os.waitpid(fork, 0)
    return None


def answer_and_exit(request: Request) -> None:
    """Runs the request's tasks and ends the process."""
    code = 1
    try:
        log = os.open(request.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(target, stream)
        import probe_tasks

        probe_tasks.answer(request)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == '__main__':
    main()
