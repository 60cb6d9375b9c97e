"""Virtual machines for the instances of ec2.py: forks, by `nestbox docker-machine` (or docker-machine itself).

Each instance has an address of the loopback that is its own, where one port, the same for all, leads to its sshd
for as long as a security group says so. In the place of cloud-init, the key pair's owner is let in first, then the
user data is executed. An image is what has changed in a machine since it was made, but for apt's caches; what was
removed stays.
"""

import base64
import contextlib
import email
import ipaddress
import json
import pathlib
import random
import socket
import subprocess
import tempfile
import threading

ENVIRONMENT = "ami"
USER = "admin"
LIMIT = 600

EXTRACT = "tar --extract --ignore-zeros --directory=/"
MAKE = f"""set -e
id {USER} > /dev/null 2>&1 || useradd -M -s /bin/bash {USER}
echo '{USER} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/{USER}
install -d -o {USER} -g {USER} /home/{USER}
install -d -m 700 -o {USER} -g {USER} /home/{USER}/.ssh
IFS= read -r key  # by the byte: what follows is left to the last sh
printf '%s\\n' "$key" > /home/{USER}/.ssh/authorized_keys
chown {USER}: /home/{USER}/.ssh/authorized_keys
touch /var/lib/made
exec sh -e
"""
PART = """base64 --decode > /var/lib/user-data-{0} << end
{1}
end
chmod 700 /var/lib/user-data-{0}
/var/lib/user-data-{0} < /dev/null
"""
CHANGED = f"""cd /
find . -xdev -newer var/lib/made '(' -type f -o -type l ')' ! -path './tmp/*' ! -path './home/{USER}/*' \
  ! -path './var/cache/apt/*' ! -path './var/lib/apt/lists/*' -print0 |
  tar --create --null --no-recursion --files-from=-
"""


class Machines:
    def __init__(self, command):
        self.command = command
        self.folder = tempfile.TemporaryDirectory()
        self.relays, self.lives, self.ends = {}, {}, []
        self.archives = {}  # of each image, those of the images that it comes from first
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def run(self, *words, **options):
        done = subprocess.run([*self.command, *words], capture_output=True, timeout=LIMIT, **options)
        if done.returncode:
            raise RuntimeError(f"{words[0]}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def as_root(self, instance, script, **options):
        return self.run("ssh", instance["id"], "sudo", "sh", "-c", "'" + script.replace("'", "'\\''") + "'", **options)

    def start(self, instance, key, image, user_data, lets_in):
        """Makes the machine meanwhile: sets `address` and `private_address` once it runs, `reason` when it does not;
        `user_data_status` last. `lets_in(instance, address, port)` is asked of everyone who comes."""
        self.lives[instance["id"]] = begin(self.begin, instance, key, image, user_data, lets_in)

    def begin(self, instance, key, image, user_data, lets_in):
        try:
            name = instance["id"]
            self.run("create", "--driver", "amazonec2", "--nestbox-environment", ENVIRONMENT, name)
            driver = json.loads(self.run("inspect", name))["Driver"]
            if archives := self.archives.get(image):
                self.as_root(instance, EXTRACT, input=b"".join(pathlib.Path(path).read_bytes() for path in archives))
            relay = Relay(self.port, (driver["IPAddress"], driver["SSHPort"]), lambda peer: lets_in(instance, peer, self.port))
            self.relays[name] = relay
            instance["private_address"] = driver["PrivateIPAddress"]
            instance["address"] = relay.address
            self.as_root(instance, MAKE, input=key.strip().encode() + b"\n" + execution(user_data))
            relay.open()
            instance["user_data_status"] = 0
        except (RuntimeError, subprocess.TimeoutExpired, OSError) as error:
            instance["reason"] = f"Server.InternalError: {error}"

    def save(self, instance, image):
        path = f"{self.folder.name}/{image}"
        with open(path, "wb") as archive:
            archive.write(self.as_root(instance, CHANGED))
        self.archives[image] = [*self.archives.get(instance["fields"]["ImageId"], []), path]

    def stop(self, instance):
        """Ends the machine meanwhile: `gone` is set then. Once for each."""
        self.ends.append(begin(self.end, instance))

    def end(self, instance):
        self.lives.pop(instance["id"]).join()
        if relay := self.relays.pop(instance["id"], None):
            relay.close()
        self.run("rm", "-f", instance["id"])
        instance["gone"] = True

    def close(self):
        """Ends all."""
        for name in list(self.lives):
            self.stop({"id": name})
        for thread in self.ends:
            thread.join()
        self.folder.cleanup()


def execution(user_data):
    """A script that executes user data as cloud-init does: a script, or several of them in a multipart message."""
    message = email.message_from_string(user_data.decode())
    parts = [part.get_payload(decode=True) for part in message.get_payload()] if message.is_multipart() else [user_data]
    return "".join(PART.format(number, base64.encodebytes(part).decode()) for number, part in enumerate(parts)).encode()


class Relay:
    """Hands connections to an address of its own on to `target`, once open(), while `lets_in(peer)`."""

    def __init__(self, port, target, lets_in):
        self.target, self.lets_in = target, lets_in
        self.socket = socket.socket()
        while True:
            self.address = str(ipaddress.IPv4Address("127.64.0.0") + random.randrange(1, 2**20))
            with contextlib.suppress(OSError):
                self.socket.bind((self.address, port))
                return

    def open(self):
        self.socket.listen()
        begin(self.serve)

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, peer = self.socket.accept()
                if self.lets_in(peer[0]):
                    begin(self.carry, client)
                else:
                    client.close()

    def carry(self, client):
        with client, contextlib.suppress(OSError), socket.create_connection(self.target) as server:
            back = begin(pour, server, client)
            pour(client, server)
            back.join()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def begin(target, *arguments):
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def pour(source, sink):
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
