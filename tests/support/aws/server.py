#!/usr/bin/env python3
"""EC2, S3 and the instance metadata service (IMDSv2) on one loopback port, for tests.

  server.py [DOCKER-MACHINE WORD...]    with a command, which makes machines, instances are real ones (machines.py)

Prints the port it listens on and serves until its stdin ends. Requests are signed for real
(signature.py). A test plays faults in by POSTing JSON to /_control:

  {"faults": [{"action": "RunInstances", "kind": "throttle", "times": 2}]}   added, used up in order
  {"set": {"ec2.invisible": 3, "clock": 3600}}                              numbers of the services

`action` is an EC2 action, "GET", "PUT"… for S3 or "imds". Kinds: throttle, error (with code,
message, status), expired, drop (before it is handled), drop_after, cut (half of the reply),
corrupt (one byte of the reply is another), late_error (status 200, but an <Error> in the body),
hold (handled, but the reply never comes). GET /_held answers once a request is held that no such
answer told of; GET /_state says what there is.
"""

import datetime
import http.server
import json
import sys
import threading
import time
import urllib.parse

import ec2
import machines
import s3
import signature

REGION = "us-east-1"
ROLE = "nestbox-runner"
LONGEST_WAIT = 110  # seconds


class World:
    def __init__(self):
        self.lock = threading.Lock()
        self.held = threading.Semaphore(0)
        self.ec2, self.s3 = ec2.Ec2(), s3.S3()
        self.faults, self.requests = [], []
        self.clock = 0
        self.role_seconds = 3600
        self.role_serial = 0
        self.accounts = {
            "AKIDEXAMPLE": {"secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
            "ASIAEXPIRED": {"secret": "expired", "token": "old-token", "expires": datetime.datetime(2020, 1, 1)},
        }

    def now(self):
        return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(seconds=self.clock)

    def take_fault(self, action):
        for fault in self.faults:
            if fault["action"] in (action, "*") and fault.get("times", 1) > 0:
                fault["times"] = fault.get("times", 1) - 1
                return fault
        return None

    def role_credentials(self):
        self.role_serial += 1
        key = f"ASIAROLE{self.role_serial}"
        expires = self.now() + datetime.timedelta(seconds=self.role_seconds)
        self.accounts[key] = {"secret": "role-secret", "token": f"role-token-{self.role_serial}", "expires": expires}
        return {
            "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": key, "SecretAccessKey": "role-secret",
            "Token": self.accounts[key]["token"], "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def control(self, wish):
        self.faults += wish.get("faults", [])
        for name, value in wish.get("set", {}).items():
            owner = self
            *path, last = name.split(".")
            for part in path:
                owner = getattr(owner, part)
            setattr(owner, last, value)

    def state(self):
        return {
            "instances": [
                {
                    "id": i["id"], "state": i["state"], "tags": i["tags"], "fields": i["fields"],
                    "user_data_status": i.get("user_data_status"),
                }
                for i in self.ec2.instances.values()
            ],
            "keys": [{"name": k["name"], "tags": k["tags"]} for k in self.ec2.keys.values()],
            "groups": [{"name": g["name"], "tags": g["tags"], "rules": g["rules"]} for g in self.ec2.groups.values()],
            "images": [{"id": k, "name": v["name"], "tags": v["tags"]} for k, v in self.ec2.images.items()],
            "snapshots": list(self.ec2.snapshots),
            "objects": {name: sorted(bucket) for name, bucket in self.s3.buckets.items()},
            "uploads": len(self.s3.uploads),
            "requests": self.requests,
            "ssh_port": self.ec2.machines.port if self.ec2.machines else 22,
        }


WORLD = World()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + WORLD.clock)

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            pieces = []
            while True:
                size = int(self.rfile.readline(), 16)
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
                if not size:
                    return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def reply(self, status, body=b"", headers=None, kind="application/xml"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def drop(self):
        self.close_connection = True

    def do_any(self):
        if self.headers.get("Expect") == "100-continue":
            pass
        body = self.body()
        path, _, query = self.path.partition("?")
        if path == "/_control":
            with WORLD.lock:
                WORLD.control(json.loads(body))
            return self.reply(200, b"{}")
        if path == "/_state":
            with WORLD.lock:
                return self.reply(200, json.dumps(WORLD.state()).encode(), kind="application/json")
        if path == "/_held":
            return self.reply(200 if WORLD.held.acquire(timeout=LONGEST_WAIT) else 504)
        if path.startswith("/latest/"):
            with WORLD.lock:
                return self.metadata(path)
        return self.service(path, query, body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_any

    def metadata(self, path):
        fault = WORLD.take_fault("imds")
        if fault and fault["kind"] == "drop":
            return self.drop()
        if fault:
            return self.reply(fault.get("status", 500))
        if path == "/latest/api/token":
            if self.command != "PUT" or not self.headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
                return self.reply(400)
            return self.reply(200, b"metadata-token", kind="text/plain")
        if self.headers.get("X-aws-ec2-metadata-token") != "metadata-token":
            return self.reply(401)
        role = "/latest/meta-data/iam/security-credentials/"
        if path == role:
            return self.reply(200, ROLE.encode(), kind="text/plain")
        if path == role + ROLE:
            return self.reply(200, json.dumps(WORLD.role_credentials()).encode(), kind="application/json")
        if path == "/latest/meta-data/placement/region":
            return self.reply(200, REGION.encode(), kind="text/plain")
        return self.reply(404)

    def service(self, path, query, body):
        fields = {}
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        name = "ec2" if self.command == "POST" and path == "/" and "Action" in fields else "s3"
        action = fields.get("Action", self.command)
        with WORLD.lock:
            WORLD.requests.append(action if name == "ec2" else f"{action} {self.path}")
            fault = WORLD.take_fault(action)
            kind = fault["kind"] if fault else ""
            if kind == "drop":
                return self.drop()
            status, reply, headers = self.answer(name, path, query, body, fields, fault)
        if kind == "drop_after":
            return self.drop()
        if kind == "hold":
            WORLD.held.release()
            self.connection.recv(1)
            return self.drop()
        if kind == "corrupt" and reply:
            middle = len(reply) // 2
            reply = reply[:middle] + bytes([reply[middle] ^ 1]) + reply[middle + 1 :]
        if kind == "late_error":
            status, reply = 200, s3.error_body("InternalError", "We encountered an internal error. Please try again.")
        if kind == "cut":
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply[: len(reply) // 2])
            return self.drop()
        return self.reply(status, reply, headers)

    def answer(self, name, path, query, body, fields, fault):
        shape = ec2.error_body if name == "ec2" else s3.error_body
        kind = fault["kind"] if fault else ""
        if kind == "throttle":
            code = "RequestLimitExceeded" if name == "ec2" else "SlowDown"
            return 503, shape(code, "Request limit exceeded."), {}
        if kind == "expired":
            code = "RequestExpired" if name == "ec2" else "ExpiredToken"
            return 400, shape(code, "The provided token has expired."), {}
        if kind == "error":
            return fault.get("status", 400), shape(fault["code"], fault.get("message", fault["code"])), {}
        try:
            signature.verify(
                self.command, path, query, self.headers, body, WORLD.accounts, name, REGION, WORLD.now()
            )
        except signature.Refused as refused:
            return self.refusal(name, refused, shape)
        try:
            if name == "ec2":
                return 200, WORLD.ec2.handle(fields), {}
            answer = WORLD.s3.handle(self.command, path, query, self.headers, body)
            return answer.status, answer.body, answer.headers
        except (ec2.Ec2Error, s3.S3Error) as error:
            return error.status, shape(error.code, str(error)), {}

    @staticmethod
    def refusal(name, refused, shape):
        codes = {
            "ec2": {
                "signature": (403, "SignatureDoesNotMatch"), "key": (401, "AuthFailure"),
                "token": (401, "AuthFailure"), "expired_token": (400, "RequestExpired"),
                "skew": (400, "RequestExpired"), "missing": (400, "MissingAuthenticationToken"),
                "payload": (403, "SignatureDoesNotMatch"), "expired_link": (400, "RequestExpired"),
            },
            "s3": {
                "signature": (403, "SignatureDoesNotMatch"), "key": (403, "InvalidAccessKeyId"),
                "token": (400, "InvalidToken"), "expired_token": (400, "ExpiredToken"),
                "skew": (403, "RequestTimeTooSkewed"), "missing": (403, "AccessDenied"),
                "payload": (400, "XAmzContentSHA256Mismatch"), "expired_link": (403, "AccessDenied"),
            },
        }
        status, code = codes[name][refused.kind]
        return status, shape(code, str(refused)), {}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    if sys.argv[1:]:
        WORLD.ec2.machines = machines.Machines(sys.argv[1:])
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    if WORLD.ec2.machines:
        WORLD.ec2.machines.close()


if __name__ == "__main__":
    main()
