#!/usr/bin/env python3
"""Measures two servers of novi on one PostgreSQL: how soon both answer by a change, and what callers see when a server or the database dies.

    scripts/test-servers start DIRECTORY; . DIRECTORY/env
    benches/http/scaling.py target/release/novi "$NOVI_TEST_POSTGRES" DIRECTORY/pg/data

It makes a database of its own there, and stops and starts the PostgreSQL of that directory: give it no other one.
"""

import http.client
import json
import os
import selectors
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid

CALLERS = 8
PAUSE = 0.004
STREAMS = 1000
BODY = json.dumps({"context": {"targetingKey": "user-7"}})
FLAG = "/ofrep/v1/evaluate/flags/flag-0"


def main():
    novi, url, data = sys.argv[1:]
    name = f"novi_scaling_{uuid.uuid4().hex[:8]}"
    psql(url, f"create database {name}")
    url = f"{url.rsplit('/', 1)[0]}/{name}"
    subprocess.run([novi, "--database", url, "migrate"], check=True, stdout=subprocess.DEVNULL)
    psql(url, "insert into flags (id, name, status) select i, 'flag-' || i, true from generate_series(0, 999) i")
    servers = [Server(novi, url), Server(novi, url)]
    try:
        propagation(url, servers)
        streams(url, servers)
        kill_a_server(novi, url, servers, "SIGTERM")
        kill_a_server(novi, url, servers, "SIGKILL")
        kill_the_database(url, data, servers)
    finally:
        for server in servers:
            server.process.kill()


class Server:
    def __init__(self, novi, url, listen="127.0.0.1:0"):
        command = [novi, "--json", "--database", url, "serve", "--listen", listen]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        told = ""
        while not told.rstrip().endswith("}"):
            told += self.process.stdout.readline()
        self.address = json.loads(told)["listening"]

    def ask(self, connection=None):
        connection = connection or self.connect()
        connection.request("POST", FLAG, BODY, {"content-type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise http.client.HTTPException(f"{answer.status}")
        return json.loads(body)["value"]

    def connect(self):
        return http.client.HTTPConnection(self.address, timeout=5)


def psql(url, sql):
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", url, "-c", sql], check=True, stdout=subprocess.DEVNULL)


class Writer:
    """A session that is open, so that no process is started for each change."""

    def __init__(self, url):
        arguments = ["psql", "-qXAt", url]
        self.psql = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def set(self, value):
        """Gives when the change was sent, and when it was committed."""
        sent = time.perf_counter()
        self.psql.stdin.write(f"update flags set status = {value} where name = 'flag-0';\nselect 'done';\n")
        self.psql.stdin.flush()
        self.psql.stdout.readline()
        return sent, time.perf_counter()

    def end(self):
        self.psql.stdin.close()
        self.psql.wait()


def changes(writer, servers, number, value=False):
    """Seconds from sending a change to when all servers answer by it, each time."""
    took = []
    for _ in range(number):
        sent, _ = writer.set(value)
        for server in servers:
            connection = server.connect()
            while server.ask(connection) != value:
                pass
            connection.close()
        took.append(time.perf_counter() - sent)
        value = not value
        time.sleep(0.02)
    return took


def propagation(url, servers):
    writer = Writer(url)
    changes(writer, servers, 10)
    took = sorted(changes(writer, servers, 200))
    writer.end()
    print(f"a change in psql, sent, committed, answered by both: p50 {ms(took[100])}, p99 {ms(took[197])}")


def streams(url, servers):
    """The delay until all event streams have received a change."""
    selector = selectors.DefaultSelector()
    for server in servers:
        connection = server.connect()
        connection.request("POST", FLAG.rsplit("/", 1)[0], BODY, {"content-type": "application/json"})
        path = json.loads(connection.getresponse().read())["eventStreams"][0]["endpoint"]["requestUri"]
        for _ in range(STREAMS // len(servers)):
            host, port = server.address.split(":")
            stream = socket.create_connection((host, port))
            stream.sendall(f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
            selector.register(stream, selectors.EVENT_READ)
    heard(selector, b"text/event-stream")
    writer = Writer(url)
    took = []
    for number in range(21):
        # What came late of the change before does not count for this one.
        for key, _ in selector.select(timeout=0):
            key.fileobj.recv(65536)
        sent, _ = writer.set(number % 2 == 1)
        heard(selector, b"refetchEvaluation")
        took.append(time.perf_counter() - sent)
        time.sleep(0.5)
    writer.set(True)
    writer.end()
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    print(f"a change in psql, sent, committed, heard by {STREAMS} event streams: p50 {ms(statistics.median(took))}, max {ms(max(took))}")


def heard(selector, what):
    """Waits until each of the sockets has told that."""
    waiting = set(selector.get_map())
    while waiting:
        ready = selector.select(timeout=20)
        assert ready, f"{len(waiting)} streams heard nothing"
        for key, _ in ready:
            if what in key.fileobj.recv(65536):
                waiting.discard(key.fd)


def ms(seconds):
    return f"{seconds * 1e3:.1f} ms"


class Callers:
    """Callers with a connection each, who go to the other server when one does not answer."""

    def __init__(self, servers):
        self.servers = servers
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.answers, self.retries, self.failures = [], 0, 0
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(CALLERS)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        connections = {}
        while not self.ended.is_set():
            start = time.perf_counter()
            for attempt in range(2):
                server = self.servers[(number + attempt) % 2]
                try:
                    connection = connections.pop(server, None) or server.connect()
                    server.ask(connection)
                    connections[server] = connection
                    with self.lock:
                        self.answers.append((start, time.perf_counter() - start))
                        self.retries += attempt
                    break
                except (OSError, http.client.HTTPException):
                    connection.close()
            else:
                with self.lock:
                    self.failures += 1
            time.sleep(PAUSE)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def told(self):
        return f"{len(self.answers)} answers, {self.retries} of them by the other server, {self.failures} failures"

    def between(self, start, end):
        took = sorted(took for asked, took in self.answers if start <= asked < end)
        return f"p50 {ms(statistics.median(took))}, p99 {ms(took[len(took) * 99 // 100])}"


def kill_a_server(novi, url, servers, how):
    callers = Callers(servers)
    time.sleep(2)
    gone, port = servers[0], servers[0].address
    before = time.perf_counter()
    gone.process.send_signal(getattr(signal, how))
    gone.process.wait()
    ended = time.perf_counter() - before
    time.sleep(2)
    before = time.perf_counter()
    servers[0] = Server(novi, url, port)
    back = time.perf_counter() - before
    time.sleep(1)
    callers.end()
    print(f"{how} to one of two servers, which ended after {ms(ended)}: {callers.told()}; started again in {ms(back)}")


def kill_the_database(url, data, servers):
    def pg_ctl(*arguments):
        command = f"{os.environ.get('PG_BIN', pg_bin())}/pg_ctl"
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
        subprocess.run([*user, command, "-D", data, *arguments], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    # What it was started with: a start does not know, unlike a restart.
    with open(f"{data}/postmaster.opts", encoding="utf-8") as file:
        [_, *options] = shlex.split(file.read())
    directory = options.index("-D")
    del options[directory : directory + 2]
    callers = Callers(servers)
    start = time.perf_counter()
    time.sleep(4)
    stopped = time.perf_counter()
    pg_ctl("stop", "-m", "immediate")
    time.sleep(4)
    started = time.perf_counter()
    pg_ctl("start", "-w", "-l", f"{data}.log", "-o", shlex.join(options))
    there = time.perf_counter()
    writer = Writer(url)
    [took] = changes(writer, servers, 1)
    known = time.perf_counter() - there
    time.sleep(1)
    callers.end()
    writer.end()
    print(f"the database killed for {there - stopped:.1f} s: {callers.told()}")
    print(f"  before: {callers.between(start, stopped)}; meanwhile: {callers.between(stopped, started)}")
    print(f"  a change {ms(known - took)} after it was back was answered by both {ms(took)} later")


def pg_bin():
    return subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True).stdout.strip()


main()
