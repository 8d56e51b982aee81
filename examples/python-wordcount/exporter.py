"""Metrics of one streaming task: task_count and resource_usage, served on PORT_METRICS by prometheus_client.

The job gives each program a port when it is started with --program-metrics; the monitor finds it by itself.
"""

import os
import resource
import sys
import threading
import time
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, make_wsgi_app

# A scrape comes every few seconds; a task that is over waits this long, at most, to be seen once more.
LINGER_SECONDS = 3.0


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


class Exporter:
    def __init__(self, task_type):
        registry = CollectorRegistry()
        self._task_type = task_type
        self._count = Counter("task_count", "Tasks that have finished.", ["task_type"], registry=registry)
        self._usage = Gauge("resource_usage", "What this task uses.", ["resource", "value"], registry=registry)
        self._count.labels(task_type)  # The series is there, with 0, from the first scrape on.
        self._usage.labels("cpu", "seconds").set_function(lambda: time.process_time())
        self._usage.labels("memory", "bytes").set_function(_resident_bytes)
        # Scrapes are numbered when they begin; the highest number that has been answered.
        self._begun = 0
        self._answered = 0
        self._scraped = threading.Condition()
        port = int(os.environ.get("PORT_METRICS", "0"))
        self._server = None
        if port == 0:
            return
        app = make_wsgi_app(registry)

        def counted(environ, start_response):
            with self._scraped:
                self._begun += 1
                number = self._begun
            body = app(environ, start_response)
            with self._scraped:
                self._answered = max(self._answered, number)
                self._scraped.notify_all()
            return body

        try:
            self._server = make_server("", port, counted, handler_class=_Quiet)
        except OSError as error:
            print(f"no metrics: port {port}: {error}", file=sys.stderr)
            return
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def finish(self):
        """The task has done its work: counts it, and stays until that was scraped or the time is up."""
        self._count.labels(self._task_type).inc()
        if self._server is None:
            return
        end = time.monotonic() + LINGER_SECONDS
        with self._scraped:
            # A scrape that is under way may have read the old count; one that begins from now on has not.
            before = self._begun
            while self._answered <= before and time.monotonic() < end:
                self._scraped.wait(end - time.monotonic())
        self._server.shutdown()


def _resident_bytes():
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
