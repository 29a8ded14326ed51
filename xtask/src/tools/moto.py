"""Starts moto's server so that it answers one request after the other.

By itself it looks whether an object is there and puts it in two steps, on several threads: of two puts that both want
to be the first, both may then succeed.
"""

import sys
import threading

import werkzeug.serving

run = werkzeug.serving.run_simple
turn = threading.Lock()


def one_at_a_time(application):
    def answer(environ, start_response):
        with turn:
            return application(environ, start_response)

    return answer


werkzeug.serving.run_simple = lambda host, port, application, **rest: run(
    host, port, one_at_a_time(application), **rest
)

from moto.server import main  # noqa: E402  after the change above, because it takes the function by name

sys.argv[0] = "moto_server"
sys.exit(main())
