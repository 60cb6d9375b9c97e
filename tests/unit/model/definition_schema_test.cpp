#include <fcntl.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/base/filesystem.hpp"
#include "harness/base/subprocess.hpp"
#include "harness/model/definition_loader.hpp"

/// The loader and the schema must give the same verdict on every document of these tables. The
/// documents are JSON, which is YAML too.
namespace nestbox {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> k_valid = {
    R"({"version": 1})",
    R"({"version": 1, "tests": null, "environments": null, "defaults": null})",
    R"({"version": 1, "tests": {}})",
    R"({"version": 1, "tests": {"a": "x"}})",
    R"({"version": 1, "tests": {"a b/c.sh [é]": {"run": "x"}}})",
    R"({"version": 1, "tests": {"a": {"run": ["x", "", "5"]}}})",
    R"({"version": 1, "tests": {"a": {"script": "tests/a.sh", "skip": "why", "xfail": "why"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "markers": ["vm", "net:ipv6", "größe", "a\\b"]}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "timeout": "1h30m", "isolation": "fresh"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "timeout": "1.5s", "repeat": 1000000, "retries": 100}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": null, "env": null}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "env": {"A": "", "B": 5, "C": true, "D": -1.5e3}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": {"isolation": "machine", "nested": false,
        "network": "user", "memory": "512M", "cores": 128}}}})",
    R"({"version": 1, "markers": ["a", "vm"], "defaults": {"markers": ["a"], "retries": 0}})",
    R"({"version": 1, "environments": {"e": null, "E.1_a-b": {}}})",
    R"({"version": 1, "environments": {"e": {"image": "debian:trixie", "init": "systemd", "memory": "1.5GiB"}}})",
    R"({"version": 1, "environments": {"e": {"image": "tiny", "init": "agent", "packages": []}}})",
    R"({"version": 1, "environments": {"e": {"image": "docker:registry.lan:5000/team/app@sha256:0a"}}})",
    R"({"version": 1, "environments": {"e": {"image": "docker-archive:images/app.tar"}}})",
    R"({"version": 1, "environments": {"e": {"image": "dockerfile:images/app", "packages": []}}})",
    R"({"version": 1, "environments": {"e": {"image": "disk:images/server.qcow2", "packages": [], "cores": 2}}})",
    R"({"version": 1, "environments": {"e": {"image": "ami-0123456789abcdef0"}}})",
    R"({"version": 1, "environments": {"e": {"from": "tiny", "memory": "65536kB", "network": "none"}}})",
    R"({"version": 1, "environments": {"e": {"packages": ["g++", "libc6-dev", "0ad"]}}})",
    R"({"version": 1, "environments": {"e": {"steps": [{"run": "a"}, {"copy": {"from": "a..b", "to": "/"}}]}}})",
    R"({"version": 1, "topologies": null})",
    R"({"version": 1, "topologies": {"t": {"networks": null, "machines": {"a": null, "b-2": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"networks": {"n": null, "m": {}}, "machines": {"a": {"networks": ["n"]}}}}})",
    R"({"version": 1, "topologies": {"t": {"networks": {"n": {"subnet": "10.1.0.0/16", "impair": "loss=1%", "mtu": 576}}, "machines": {"a": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"networks": {"n": {"subnet": ["10.1.0.0/16", "fd00:1::/64"]}}, "machines": {"a": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"networks": {"n": {}, "m": {}, "o": {}, "p": {}}, "machines": {"a": {"networks": {"n": null, "m": "auto", "o": "10.90.2.9", "p": ["10.90.3.9"]}}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"environment": "tiny", "after": ["b"], "memory": "1GiB", "cores": 2, "network": "user"}, "b": {"after": [], "networks": []}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": "a", "run": "x"}, {"on": ["a", "b"], "run": ["x", ""], "timeout": "5s", "env": {"A": 1}}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": "a,b", "copy": {"from": "x", "to": "/x"}}, {"copy": "a:/x b:/x"}, {"wait-for": "a port 1"}, {"net": "heal"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "run": "x"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "script": "x", "from": "a", "isolation": "fresh", "needs": {"nested": true}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "run": "x", "from": "host"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "run": "x", "from": {"container": "debian"}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "steps": [{"on": "a", "run": "x"}, {"net": "show"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "defaults": {"environment": "tiny", "topology": "t", "from": "a"}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"user": "root"}}}}, "tests": {"x": {"topology": "t", "run": "x", "expose": null}}})",
    R"({"version": 1, "tests": {"x": {"run": "x", "needs": {"isolation": "container"}}}})",
    R"({"version": 1, "tests": {"x": {"environment": "tiny", "machines": {"a": null, "b": {"environment": "debian", "memory": "1GiB", "cores": 2, "network": "user", "user": "_a-1"}}, "run": "x"}}})",
    R"({"version": 1, "tests": {"x": {"machines": {"a": {}}, "from": "a", "script": "x", "needs": {"isolation": "machine"}}}})",
    R"({"version": 1, "tests": {"x": {"machines": {"a": {}}, "run": "x", "expose": {"A": "", "B": 1, "C": true, "D": "{a.address}{{", "E": {"each": "{name}"}, "F": {"each": "{user}@{address}", "join": ":"}, "G": {"each": 1, "join": 2}}}}})",
};

const std::vector<std::string> k_invalid = {
    R"([])",
    R"("text")",
    R"({})",
    R"({"version": 2})",
    R"({"version": "1"})",
    R"({"version": true})",
    R"({"version": null})",
    R"({"version": 1, "test": {}})",
    R"({"version": 1, "tests": []})",
    R"({"version": 1, "tests": {"": "x"}})",
    R"({"version": 1, "tests": {"-a": "x"}})",
    R"({"version": 1, "tests": {" a": "x"}})",
    R"({"version": 1, "tests": {"a ": "x"}})",
    R"({"version": 1, "tests": {"a\u0001b": "x"}})",
    R"({"version": 1, "tests": {"a": ""}})",
    R"({"version": 1, "tests": {"a": null}})",
    R"({"version": 1, "tests": {"a": 5}})",
    R"({"version": 1, "tests": {"a": true}})",
    R"({"version": 1, "tests": {"a": ["x"]}})",
    R"({"version": 1, "tests": {"a": {}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "script": "y"}}})",
    R"({"version": 1, "tests": {"a": {"rum": "x"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "rum": "x"}}})",
    R"({"version": 1, "tests": {"a": {"run": []}}})",
    R"({"version": 1, "tests": {"a": {"run": [""]}}})",
    R"({"version": 1, "tests": {"a": {"run": ["x", 5]}}})",
    R"({"version": 1, "tests": {"a": {"run": {}}}})",
    R"({"version": 1, "tests": {"a": {"script": "/x"}}})",
    R"({"version": 1, "tests": {"a": {"script": "../x"}}})",
    R"({"version": 1, "tests": {"a": {"script": "a/.."}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "markers": "vm"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "markers": null}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "markers": ["not"]}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "markers": ["two words"]}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "markers": ["a", "a"]}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "markers": [""]}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "timeout": 5}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "timeout": "5"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "timeout": "5 fortnights"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "timeout": "-5s"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "isolation": "machine"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "repeat": 0}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "repeat": 1000001}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "repeat": "2"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "retries": -1}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "retries": 1.5}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "skip": true}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "xfail": ""}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "env": []}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "env": {"1A": "x"}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "env": {"A": null}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "env": {"A": ["x"]}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": []}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": {"isolation": "fork"}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": null}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": ["a"]}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"A": {}}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {"networks": ["lan"]}}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {"after": []}}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {"user": "Root"}}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {"user": ""}}}}})",
    R"({"version": 1, "tests": {"a": {"steps": [{"net": "heal"}], "machines": {"a": {}}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {}}, "needs": {"memory": "1GiB"}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {}}, "expose": []}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {}}, "expose": {"1": "x"}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {}}, "expose": {"A": null}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {}}, "expose": {"A": ["x"]}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {}}, "expose": {"A": {"join": ":"}}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {}}, "expose": {"A": {"each": null}}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "machines": {"a": {}}, "expose": {"A": {"each": "x", "for": "y"}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"a": {"run": "x", "topology": "t", "machines": {"a": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"user": "a b"}}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": {"nested": "true"}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": {"network": true}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": {"memory": 512}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": {"memory": "512"}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": {"memory": "lots"}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": {"cores": 129}}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "needs": {"disk": "1GiB"}}}})",
    R"({"version": 1, "defaults": {"run": "x"}})",
    R"({"version": 1, "defaults": []})",
    R"({"version": 1, "markers": {"a": "b"}})",
    R"({"version": 1, "markers": ["or"]})",
    R"({"version": 1, "environments": []})",
    R"({"version": 1, "environments": {"debian": {}}})",
    R"({"version": 1, "environments": {"bad name": {}}})",
    R"({"version": 1, "environments": {"e": []}})",
    R"({"version": 1, "environments": {"e": {"image": "ubuntu"}}})",
    R"({"version": 1, "environments": {"e": {"image": "debian:"}}})",
    R"({"version": 1, "environments": {"e": {"image": "docker:"}}})",
    R"({"version": 1, "environments": {"e": {"image": "docker:-v"}}})",
    R"({"version": 1, "environments": {"e": {"image": "docker:a b"}}})",
    R"({"version": 1, "environments": {"e": {"image": "docker-archive:/etc/shadow"}}})",
    R"({"version": 1, "environments": {"e": {"image": "dockerfile:../secret"}}})",
    R"({"version": 1, "environments": {"e": {"image": "disk:"}}})",
    R"({"version": 1, "environments": {"e": {"image": "disk:/dev/sda"}}})",
    R"({"version": 1, "environments": {"e": {"image": "disk:../disk.raw"}}})",
    R"({"version": 1, "environments": {"e": {"image": "disk:a.raw", "init": "systemd"}}})",
    R"({"version": 1, "environments": {"e": {"image": "disk:a.raw", "packages": ["curl"]}}})",
    R"({"version": 1, "environments": {"e": {"image": "ami-xyz"}}})",
    R"({"version": 1, "environments": {"e": {"image": "debian:-o"}}})",
    R"({"version": 1, "environments": {"e": {"from": "debian", "image": "tiny"}}})",
    R"({"version": 1, "environments": {"e": {"image": "tiny", "init": "systemd"}}})",
    R"({"version": 1, "environments": {"e": {"image": "tiny", "packages": ["curl"]}}})",
    R"({"version": 1, "environments": {"e": {"init": "sysv"}}})",
    R"({"version": 1, "environments": {"e": {"cores": 0}}})",
    R"({"version": 1, "environments": {"e": {"network": "bridge"}}})",
    R"({"version": 1, "environments": {"e": {"packages": "curl"}}})",
    R"({"version": 1, "environments": {"e": {"packages": ["--help"]}}})",
    R"({"version": 1, "environments": {"e": {"packages": ["Curl"]}}})",
    R"({"version": 1, "environments": {"e": {"packages": ["curl-"]}}})",
    R"({"version": 1, "environments": {"e": {"packages": ["x"]}}})",
    R"({"version": 1, "environments": {"e": {"packages": ["ab", "ab"]}}})",
    R"({"version": 1, "environments": {"e": {"steps": {}}}})",
    R"({"version": 1, "environments": {"e": {"steps": ["x"]}}})",
    R"({"version": 1, "environments": {"e": {"steps": [null]}}})",
    R"({"version": 1, "environments": {"e": {"steps": [{}]}}})",
    R"({"version": 1, "environments": {"e": {"steps": [{"run": ["x"]}]}}})",
    R"({"version": 1, "environments": {"e": {"steps": [{"run": "x", "copy": {"from": "a", "to": "/a"}}]}}})",
    R"({"version": 1, "environments": {"e": {"steps": [{"copy": {"from": "a"}}]}}})",
    R"({"version": 1, "environments": {"e": {"steps": [{"copy": {"from": "/a", "to": "/a"}}]}}})",
    R"({"version": 1, "environments": {"e": {"steps": [{"copy": {"from": "../a", "to": "/a"}}]}}})",
    R"({"version": 1, "environments": {"e": {"steps": [{"copy": {"from": "a", "to": "a"}}]}}})",
    R"({"version": 1, "environments": {"e": {"steps": [{"copy": {"from": "a", "to": "/a/../.."}}]}}})",
    R"({"version": 1, "topologies": []})",
    R"({"version": 1, "topologies": {"a b": {"machines": {"a": {}}}}})",
    R"({"version": 1, "topologies": {"t": null}})",
    R"({"version": 1, "topologies": {"t": {}}})",
    R"({"version": 1, "topologies": {"t": {"machines": null}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": ["a"]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "switches": {}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"host": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"localhost": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"A": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"1": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a-": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": "debian"}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"network": "lan"}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"cores": 0}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"memory": 1}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"networks": "n"}}, "networks": {"n": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"networks": null}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"networks": ["n", "n"]}}, "networks": {"n": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"networks": {"n": 5}}}, "networks": {"n": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"networks": {"n": "somewhere"}}}, "networks": {"n": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"networks": {"n": ["auto"]}}}, "networks": {"n": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"after": "b"}, "b": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "networks": {"N": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "networks": ["n"]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "networks": {"n": {"subnet": "10.1.0.0"}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "networks": {"n": {"subnet": []}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "networks": {"n": {"mtu": 575}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "networks": {"n": {"mtu": "1400"}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "networks": {"n": {"impair": {"loss": "1%"}}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "setup": {}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": ["x"]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": "a"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"run": "x"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": [], "run": "x"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": ["a", "a"], "run": "x"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": "a", "run": "x", "net": "heal"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": "a", "run": "x", "wait-for": "a port 1"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": "a", "net": "heal"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"net": "heal", "timeout": "5s"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"wait-for": "a port 1", "env": {}}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": "a", "copy": "a:/x b:/x"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"copy": {"from": "x", "to": "/x"}}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": "a", "copy": {"from": "x", "to": "x"}}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": "a", "run": []}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"net": ["heal"]}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"barrier": "x"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "environment": "tiny", "run": "x"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "run": "x", "steps": [{"net": "heal"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "steps": []}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "steps": [{"net": "heal"}], "from": "a"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "run": "x", "needs": {"memory": "1GiB"}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "run": "x", "from": "localhost"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "run": "x", "from": {}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "run": "x", "from": {"container": "debian", "image": "x"}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": ["t"], "run": "x"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "defaults": {"from": "a"}})",
};

/// What only the loader can tell; the schema accepts it.
const std::vector<std::string> k_beyond_the_schema = {
    R"({"version": 1, "version": 1})",
    R"({"version": 1, "tests": {"a": {"run": "x", "environment": "nowhere"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "timeout": "0s"}}})",
    R"({"version": 1, "tests": {"a": {"run": "x", "timeout": "169h"}}})",
    R"({"version": 1, "markers": ["a"], "tests": {"a": {"run": "x", "markers": ["b"]}}})",
    R"({"version": 1, "environments": {"e": {"from": "e"}}})",
    R"({"version": 1, "environments": {"e": {"from": "nowhere"}}})",
    R"({"version": 1, "environments": {"e": {"from": "tiny", "packages": ["curl"]}}})",
    R"({"version": 1, "environments": {"e": {"memory": "1KiB"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"environment": "nowhere"}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"after": ["b"]}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"after": ["a"]}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"networks": ["n"]}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "networks": {"n": {"subnet": "10.1.0.1/24"}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "networks": {"n": {"subnet": "10.1.0.0/24"}, "m": {"subnet": "10.0.0.0/8"}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}, "networks": {"n": {"impair": "lots"}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {"networks": {"n": "10.91.0.1"}}}, "networks": {"n": {}}}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"on": "c", "run": "x"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"net": "shake"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"wait-for": "a"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}, "b": {}}, "setup": [{"copy": "a:/x y"}]}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "nowhere", "run": "x"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"topology": "t", "run": "x", "from": "b"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"run": "x", "from": "a"}}})",
    R"({"version": 1, "topologies": {"t": {"machines": {"a": {}}}}, "tests": {"x": {"steps": [{"net": "heal"}]}}})",
};

bool loads(const std::string& document) {
  return load_definition(document, "x").has_value();
}

TEST(DefinitionSchema, LoaderTakesValidDocuments) {
  for (const std::string& document : k_valid) {
    auto loaded = load_definition(document, "x");
    EXPECT_TRUE(loaded) << document << "\n" << loaded.error().errors.front().render();
  }
}

TEST(DefinitionSchema, LoaderRefusesInvalidDocuments) {
  for (const auto* table : {&k_invalid, &k_beyond_the_schema})
    for (const std::string& document : *table)
      EXPECT_FALSE(loads(document)) << document;
}

TEST(DefinitionSchema, GivesTheLoadersVerdict) {
  std::optional<fs::path> python = find_program("python3");
  Deadline deadline = Deadline::after(60s);
  if (!python || !run_captured({{*python, "-c", "import jsonschema"}}, deadline).status.success())
    GTEST_SKIP() << "needs Python's jsonschema (apt-get install python3-jsonschema)";

  nlohmann::json job{{"schema", nlohmann::json::parse(definition_schema())},
                     {"documents", nlohmann::json::array()}};
  for (const auto* table : {&k_valid, &k_invalid, &k_beyond_the_schema})
    for (const std::string& document : *table)
      job["documents"].push_back(nlohmann::json::parse(document));
  TemporaryDirectory directory;
  write_file_atomically(directory.path() / "job.json", job.dump());
  FileDescriptor input(::open((directory.path() / "job.json").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(input);
  ProcessSpec spec;
  spec.argv = {*python, NESTBOX_SOURCE_DIR "/tests/unit/model/schema_verdicts.py"};
  spec.descriptors = {{0, input.get()}};
  nlohmann::json verdicts = nlohmann::json::parse(run_checked(spec, deadline));

  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    bool is_invalid = i >= k_valid.size() && i < k_valid.size() + k_invalid.size();
    EXPECT_EQ(verdicts[i].get<bool>(), !is_invalid) << job["documents"][i].dump();
  }
}

}  // namespace
}  // namespace nestbox
